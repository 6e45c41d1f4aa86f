"""How well do the encoders recognise the actions of people they have never seen?

UTD-MHAD, official protocol: subjects 1, 3, 5, 7 train, 2, 4, 6, 8 test. Every clip is
a window of normalised time. `--folds` leaves out each training subject instead, which
is where settings were chosen. `--digits` leaves out each of six speakers of spoken
digits; `--peers` adds what others would use for the inertial streams.
"""

import argparse
import dataclasses
import functools
import importlib
import json
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from keras_dcat import datasets, encoders
from keras_dcat.evaluation import Training, mean_interval
from keras_dcat.evaluation.baselines import window_features
from keras_dcat.metrics import macro_f1
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
INERTIAL = {"imu", "accelerometer"}


@dataclasses.dataclass(frozen=True)
class Setting:
    """How an encoder is built of training windows, and how they are varied."""

    build: Callable
    augmentations: tuple
    epochs: int = 80


def inertial(train, stream, size):
    """An encoder of accelerometer and gyroscope, or of either."""
    scale = normalization_layer(train, stream)
    return encoders.imu(train.shape(stream), 27, size, normalization=scale)


def skeletal(train, stream, size):
    """An encoder of the joints."""
    parents = datasets.utd_mhad.PARENTS
    return encoders.skeleton(train.shape(stream), 27, size, parents=parents)


def depth(train, stream, size):
    """An encoder of depth videos, whose values are bytes."""
    scale = keras.layers.Rescaling(1 / 255)
    return encoders.video(train.shape(stream), 27, size, normalization=scale)


def spoken(train, stream, size):
    """An encoder of sound."""
    return encoders.audio(
        train.shape(stream),
        10,
        size,
        sampling_rate=datasets.spoken_digits.RATE,
    )


SETTINGS = {
    "imu": Setting(
        inertial, (vary.Rotation3D(25, BOTH), vary.TimeWarp(0.4), vary.Scaling(0.15))
    ),
    "accelerometer": Setting(
        inertial, (vary.Rotation3D(25), vary.TimeWarp(0.4), vary.Scaling(0.15))
    ),
    "skeleton": Setting(
        skeletal,
        (
            vary.Rotation3D(20),
            vary.RotationAboutVertical(30, vertical_axis=1),
            vary.TimeWarp(0.4),
        ),
    ),
    "depth": Setting(depth, (vary.TimeWarp(0.4), vary.Affine(8, 0.15, 0.12))),
    "audio": Setting(
        spoken,
        (vary.SpeedPerturbation(0.15, 0.1), vary.ColoredNoise(5, 40)),
        epochs=20,
    ),
}


def unit_clip(recording, stream):
    """One stream of a clip, as many steps as in all others, from time 0 to 1."""
    own = recording.streams[stream]
    values = own.resampled(STEPS[stream] / own.duration).values
    if stream == "depth":  # 48 × 48 to 24 × 24: a third of the time
        values = values.reshape(len(values), 24, 2, 24, 2, 1).mean(axis=(2, 4))
    streams = {stream: Stream(values, float(STEPS[stream]))}
    return dataclasses.replace(recording, streams=streams)


def score(stream, train, test, seed, args):
    """Macro F1 on the test windows of a model trained on the others."""
    audit(train, test)
    keras.utils.set_random_seed(seed)
    setting = SETTINGS[stream]
    epochs = args.epochs or setting.epochs
    model = setting.build(train, stream, args.size)
    ds = stream_dataset(train, stream, 32, shuffle=True, seed=seed)
    ds = vary.augment_windows(ds, vary.Compose(setting.augmentations), seed)
    classes = model.output_shape[-1]
    ds = ds.map(lambda windows, labels: (windows, tf.one_hot(labels, classes)))
    Training(epochs).fit(model, ds)
    predicted = model.predict(test.gather(stream), verbose=0)
    return macro_f1(test.labels, predicted, classes)


def extra_trees(seed, args):
    """500 randomised trees on features made by hand."""
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(500, random_state=seed), window_features


def mini_rocket(seed, args):
    """10,000 random convolutions and a linear classifier."""
    rocket = aeon("convolution_based").MiniRocketClassifier
    return rocket(random_state=seed), channels_first


def inception_time(seed, args):
    """Five networks that vote, with as many epochs each as ours has."""
    ensemble = aeon("deep_learning").InceptionTimeClassifier
    epochs = args.epochs or SETTINGS["imu"].epochs
    return ensemble(n_epochs=epochs, batch_size=32, random_state=seed), channels_first


def channels_first(windows):
    """Windows as aeon wants them, `(windows, channels, steps)`."""
    return np.moveaxis(windows, 1, 2)


def aeon(module):
    """A module of a library that only the comparison with others needs."""
    try:
        return importlib.import_module(f"aeon.classification.{module}")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"This compares with classifiers of aeon. Received: {error}. "
            "Install it, in an environment of its own if it wants another NumPy, "
            "with: pip install aeon"
        ) from error


PEERS = {
    "ExtraTrees": extra_trees,
    "MiniRocket": mini_rocket,
    "InceptionTime": inception_time,
}


def score_peer(peer, stream, train, test, seed, args):
    """Macro F1 on the test windows of another's classifier trained on the others."""
    classifier, prepared = PEERS[peer](seed, args)
    classifier.fit(prepared(train.gather(stream)), train.labels)
    predicted = classifier.predict(prepared(test.gather(stream)))
    return macro_f1(test.labels, predicted, test.labels.max() + 1)


def action_splits(args):
    """For each stream of UTD-MHAD, pairs of what trains and what is tested."""
    clips = datasets.load_utd_mhad(args.data, args.depth)
    splits = {}
    for stream in args.streams:
        own = [unit_clip(clip, stream) for clip in clips]
        index = index_windows(own, length=1.0, stride=1.0)
        train, test = split_by_subject(index, datasets.utd_mhad.TEST_SUBJECTS)
        splits[stream] = [(train, test)]
        if args.folds:
            splits[stream] = [sides for _, *sides in leave_one_subject_out(train)]
    return splits


def digit_splits(args):
    """The same of spoken digits; for folds, the first speaker stays unheard."""
    recordings = datasets.load_spoken_digits(args.digits, narrow_band_rate=None)
    index = index_windows(recordings, length=1.0, stride=1.0, short="pad")
    if args.folds:
        index = index.subset(index.subjects != index.subjects.min())
    return {"audio": [sides for _, *sides in leave_one_subject_out(index)]}


def main():
    """Prints a table, or JSON, of macro F1 by modality."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "data", nargs="?", help="UTD-MHAD: the publisher's zip, or a folder of it"
    )
    parser.add_argument("--depth", help="NumPy archive of smaller depth videos")
    parser.add_argument("--digits", help="Free Spoken Digits: the zip, or a folder")
    parser.add_argument("--streams", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument("--size", default="small")
    parser.add_argument("--epochs", type=int, help="in place of the stream's own")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", action="store_true")
    parser.add_argument("--peers", nargs="*", choices=PEERS, help="all, or some")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not args.data and not args.digits:
        parser.error("Nothing to train on. Give UTD-MHAD, --digits, or both.")
    splits = action_splits(args) if args.data else {}
    if args.digits:
        splits |= digit_splits(args)
    rows = {stream: (stream, functools.partial(score, stream)) for stream in splits}
    if args.peers is not None:
        for stream in sorted(splits.keys() & INERTIAL):
            for peer in args.peers or PEERS:
                one = functools.partial(score_peer, peer, stream)
                rows[f"{stream}, {peer}"] = (stream, one)
    results = {}
    for name, (stream, one_score) in rows.items():
        runs = [(*side, seed) for side in splits[stream] for seed in range(args.seeds)]
        progress = keras.utils.Progbar(len(runs), verbose=0 if args.json else 1)
        scores = results[name] = []
        for run in runs:
            scores.append(one_score(*run, args))
            progress.add(1, [("macro F1", scores[-1])])
    if args.json:
        print(json.dumps(results))
        return
    print("| modality | macro F1 |\n|---|---|")
    for name, scores in results.items():
        shown = mean_interval(scores) if len(scores) > 1 else f"{scores[0]:.3f}"
        print(f"| {name} | {shown} |")


if __name__ == "__main__":
    main()
