"""Does smoothing over time find more of what happened, and how late is it then?

Of a watch in SP-SW-HAR, whose recordings go through five activities each: half of the
people train one small model, and its windows of the other half are smoothed. Events are
runs of windows; a segment must overlap by half.

    python benchmarks/smoothing.py sp-sw-har-original.zip
"""

import argparse
import dataclasses
import json

import keras
import numpy as np
from keras import layers

from keras_dcat import datasets, metrics, windows
from keras_dcat.recordings import mend
from keras_dcat.streaming import MarkovSmoothing, MedianSmoothing
from keras_dcat.streaming.smoothing import WeightedSmoothing

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("path", help="SP-SW-HAR: the publisher's zip, or a folder of it")
parser.add_argument("--length", type=float, default=1.0, help="seconds of a window")
parser.add_argument("--stride", type=float, default=0.25)
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--json", action="store_true")
args = parser.parse_args()

STREAM = "watch"


def probabilities(train, test, size, seed):
    """What a small model that saw half of the people says of the others' windows."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(train.shape(STREAM))
    x = windows.normalization_layer(train, STREAM)(inputs)
    for filters in (16, 32):
        x = layers.Conv1D(filters, 5, strides=2, activation="relu")(x)
        x = layers.Dropout(0.1)(x)
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, layers.Dense(size, "softmax")(x))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    known = train.subset(train.is_labelled)
    options = {"batch_size": 64, "epochs": args.epochs, "verbose": 0}
    model.fit(known.gather(STREAM), known.labels, **options)
    return model.predict(test.gather(STREAM), batch_size=256, verbose=0)


def smoothed(smoothing, rows, stretches):
    """Probabilities of all windows, each stretch by itself."""
    found = []
    for number in np.unique(stretches):
        running = smoothing.running()
        for row in rows[stretches == number]:
            found += running.add(row)
        found += running.end()
    return np.array(found)


recordings = [
    dataclasses.replace(
        each, streams={STREAM: mend(each.streams[STREAM], packets="centre")[0]}
    )
    for each in datasets.load_sp_sw_har(args.path)
]
names = datasets.sp_sw_har.CLASS_NAMES
index = windows.index_windows(
    recordings, args.length, args.stride, rates={STREAM: 50.0}, purity=0.0
)
people = np.unique(index.subjects)
train, test = windows.split_by_subject(index, people[1::2].tolist())
on_end = windows.stretches(test)
markov = {
    f"markov, delay {delay}": MarkovSmoothing.of(
        train.labels,
        windows.stretches(train),
        len(names),
        delay=delay,
        weight=args.stride / args.length,
    )
    for delay in (0, 2, 4)
}
smoothings = {
    "none": WeightedSmoothing(0.0),
    "weighted, 0.3": WeightedSmoothing(0.3),
    "weighted, 0.6": WeightedSmoothing(0.6),
    **{f"median, {count}": MedianSmoothing(count) for count in (3, 5, 9)},
    **markov,
}
scores: dict = {name: [] for name in smoothings}
for seed in range(args.seeds):
    rows = probabilities(train, test, len(names), seed)
    for name, smoothing in smoothings.items():
        said = smoothed(smoothing, rows, on_end)
        own = (test.labels, said, len(names))
        found, missed, vain = metrics.event_counts(*own, stretches=on_end).sum(axis=0)
        scores[name].append(
            (
                metrics.macro_f1(*own),
                metrics.segment_f1(*own, stretches=on_end),
                metrics.event_f1(*own, stretches=on_end),
                found / (found + missed),
                vain / (found + missed),
            )
        )
table = {
    name: {
        "delay_s": smoothings[name].delay * args.stride,
        **dict(
            zip(
                ("window_f1", "segment_f1", "event_f1", "found", "in_vain"),
                np.mean(each, axis=0).round(4).tolist(),
                strict=True,
            )
        ),
    }
    for name, each in scores.items()
}
if args.json:
    print(json.dumps(table))
else:
    print(f"{len(test)} windows of {len(np.unique(test.subjects))} people, ")
    print("| smoothing | delay | window F1 | segment F1 | event F1 | found | in vain |")
    print("|---|---|---|---|---|---|---|")
    for name, row in table.items():
        cells = [f"{row[k]:.3f}" for k in list(row)[1:]]
        print(f"| {name} | {row['delay_s']:.2f} s | {' | '.join(cells)} |")
