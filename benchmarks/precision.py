"""Does D-CAT lose F1 when layers compute in half precision?

The watch's whole IMU teaches its accelerometer; subjects 2, 5 and 9 are never seen.
"""

import argparse
import json

import keras
import numpy as np

from keras_dcat import DCATModel, datasets, encoders, evaluation, windows
from keras_dcat.metrics import macro_f1

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")
CLASSES = datasets.watch.CLASS_NAMES


def trained(model, dataset, epochs):
    """The same optimizer and budget for every policy."""
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * len(dataset))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(dataset, epochs=epochs, shuffle=False, verbose=0)
    return model


def target_f1(policy, seed, train, test, epochs):
    """Macro F1 of a target whose source, and itself, were trained under a policy."""
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(seed)
    source, target = (
        encoders.imu(
            train.shape(stream),
            len(CLASSES),
            normalization=windows.normalization_layer(train, stream),
        )
        for stream in ("imu", "accelerometer")
    )
    order = {"shuffle": True, "seed": seed}
    trained(source, windows.stream_dataset(train, "imu", **order), epochs)
    model = DCATModel(source, target)
    known = model.cache_source(train.gather("imu"), verbose=0)
    pairs = windows.pair_dataset(train, known, "accelerometer", **order)
    trained(model, pairs, epochs)
    scores = model.predict(test.gather("accelerometer"), verbose=0)
    return macro_f1(test.labels, scores, len(CLASSES))


def main():
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    index = windows.index_windows(datasets.load_watch(), length=4.0, stride=2.0)
    train, test = windows.split_by_subject(index, (2, 5, 9))
    f1 = {policy: [] for policy in POLICIES}
    runs = len(POLICIES) * args.seeds
    progress = keras.utils.Progbar(runs, unit_name="run", verbose=not args.json)
    for seed in range(args.seeds):
        for policy in POLICIES:
            f1[policy].append(target_f1(policy, seed, train, test, args.epochs))
            progress.add(1)
    if args.json:
        print(json.dumps({"backend": keras.backend.backend(), "macro_f1": f1}))
        return
    scores = {policy: np.array(own) for policy, own in f1.items()}
    print(evaluation.transfer_table(scores, baseline="float32"))


if __name__ == "__main__":
    main()
