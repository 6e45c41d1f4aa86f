"""How well do the encoders recognise the actions of people they have never seen?

UTD-MHAD, official protocol: subjects 1, 3, 5, 7 train, 2, 4, 6, 8 test. Every clip is
a window of normalised time. `--folds` leaves out each training subject instead, which
is where settings were chosen.
"""

import argparse
import dataclasses
import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_dcat import datasets, encoders
from keras_dcat.evaluation import mean_interval
from keras_dcat.metrics import f1_per_class
from keras_dcat.recordings import Stream
from keras_dcat.windows import (
    audit,
    index_windows,
    leave_one_subject_out,
    normalization_layer,
    split_by_subject,
    stream_dataset,
)
from keras_dcat.windows import augmentation as vary

STEPS = {"imu": 128, "accelerometer": 128, "skeleton": 48, "depth": 16}
BOTH = ((0, 1, 2), (3, 4, 5))
AUGMENTATIONS = {
    "imu": (vary.Rotation3D(25, BOTH), vary.TimeWarp(0.4), vary.Scaling(0.15)),
    "accelerometer": (vary.Rotation3D(25), vary.TimeWarp(0.4), vary.Scaling(0.15)),
    "skeleton": (
        vary.Rotation3D(20),
        vary.RotationAboutVertical(30, vertical_axis=1),
        vary.TimeWarp(0.4),
    ),
    "depth": (vary.TimeWarp(0.4),),
}


def unit_clip(recording, stream):
    """One stream of a clip, as many steps as in all others, from time 0 to 1."""
    steps, own = STEPS[stream], recording.streams[stream]
    values = own.resampled(steps / own.duration).values
    streams = {stream: Stream(values, float(steps))}
    return dataclasses.replace(recording, streams=streams)


def build(stream, train, size):
    """An encoder of the modality."""
    shape = train.shape(stream)
    if stream == "depth":
        scale = keras.layers.Rescaling(1 / 255)
        return encoders.video(shape, 27, size, normalization=scale)
    if stream == "skeleton":
        parents = datasets.utd_mhad.PARENTS
        return encoders.skeleton(shape, 27, size, parents=parents)
    normalization = normalization_layer(train, stream)
    return encoders.imu(shape, 27, size, normalization=normalization)


def score(stream, train, test, seed, args):
    """Macro F1 on the test windows of a model trained on the others."""
    audit(train, test)
    keras.utils.set_random_seed(seed)
    model = build(stream, train, args.size)
    ds = stream_dataset(train, stream, 32, shuffle=True, seed=seed)
    total = args.epochs * len(ds)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, total, warmup_target=3e-3, warmup_steps=total // 10
    )
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=0.01),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    )
    ds = vary.augment_windows(ds, vary.Compose(AUGMENTATIONS[stream]), seed)
    ds = ds.map(lambda windows, labels: (windows, keras.ops.one_hot(labels, 27)))
    model.fit(ds, epochs=args.epochs, verbose=0, shuffle=False)
    predicted = model.predict(test.gather(stream), verbose=0).argmax(axis=-1)
    return float(np.nanmean(f1_per_class(test.labels, predicted, 27)))


def main():
    """Prints a table, or JSON, of macro F1 by modality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="UTD-MHAD: the publisher's zip, or a folder of it")
    parser.add_argument("--depth", help="NumPy archive of smaller depth videos")
    parser.add_argument("--streams", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument("--size", default="small")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    clips = datasets.load_utd_mhad(args.data, args.depth)
    results = {}
    for stream in args.streams:
        own = [unit_clip(clip, stream) for clip in clips]
        index = index_windows(own, length=1.0, stride=1.0)
        train, test = split_by_subject(index, datasets.utd_mhad.TEST_SUBJECTS)
        splits = [(train, test)]
        if args.folds:
            splits = [sides for _, *sides in leave_one_subject_out(train)]
        runs = [(*sides, seed) for sides in splits for seed in range(args.seeds)]
        progress = keras.utils.Progbar(len(runs), verbose=0 if args.json else 1)
        scores = []
        for run in runs:
            scores.append(score(stream, *run, args))
            progress.add(1, [("macro F1", scores[-1])])
        results[stream] = scores
    if args.json:
        print(json.dumps(results))
        return
    print("| modality | macro F1 |\n|---|---|")
    for stream, scores in results.items():
        print(f"| {stream} | {mean_interval(scores)} |")


if __name__ == "__main__":
    main()
