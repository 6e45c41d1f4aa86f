"""A fall or not, by one sigmoid unit: an accelerometer teaches a gyroscope.

Two halves of the people take turns: one trains, the other is tested on. Of those who
train a few have labels, for source and target alike; the others give pairs. About 1
window in 20 is a fall. No setting is chosen on anybody's windows.
"""

import argparse
import pathlib

import keras
import numpy as np
from keras import layers

from keras_dcat import AttentionKV, DCATModel, datasets, evaluation, windows

SOURCE, TARGET = "accelerometer", "gyroscope"
CLASS_WEIGHT = {0: 1.0, 1: 4.5}  # about the square root of 1 : 20
ALONE = "target alone"
TRANSFERS = {
    "D-CAT, extended": {"recipe": "extended"},
    "D-CAT, the paper's recipe": {"recipe": "paper"},
    # Its batches have all pairs in them, and nothing is learned from these.
    "D-CAT with λ = 0": {"transfer_weight": 0.0},
}


def branch(index, stream):
    """A model of one sensor, from 2 s of it to the probability of a fall."""
    inputs = keras.Input(index.shape(stream))
    x = windows.normalization_layer(index, stream)(inputs)
    for filters in (32, 64):
        x = layers.Conv1D(filters, 7, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Add()([x, layers.Dense(64)(AttentionKV(key_dim=32)(x))])
    x = layers.GlobalMaxPooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(1, "sigmoid")(layers.Dropout(0.3)(x)))


def fit(model, inputs, labels, batch_size, epochs):
    """The same optimizer, number of steps and weight of a fall for all."""
    steps = epochs * -(-len(labels) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    # Not by XLA: on a CPU it compiles for longer than it saves here.
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer, loss="binary_crossentropy", jit_compile=False)
    options = {"class_weight": CLASS_WEIGHT, "verbose": 0}
    model.fit(inputs, labels, batch_size, epochs, **options)
    return model


def trained(train, labelled, seed, epochs):
    """What is compared: a stream, and its model, for each name."""
    batch_size = 64
    known, labels = {s: labelled.gather(s) for s in (SOURCE, TARGET)}, labelled.labels

    def new(stream):
        keras.utils.set_random_seed(seed)
        return branch(train, stream)

    source = fit(new(SOURCE), known[SOURCE], labels, batch_size, epochs)
    yield f"source ({SOURCE})", SOURCE, source
    alone = fit(new(TARGET), known[TARGET], labels, batch_size, epochs)
    yield ALONE, TARGET, alone
    # So large that a batch has as many labels, and an epoch as many steps, as before.
    batch_size = round(batch_size * len(train) / len(labelled))
    for name, options in TRANSFERS.items():
        model = DCATModel(source, new(TARGET), **options)
        pairs = model.cache_source(
            (train.gather(SOURCE), train.gather(TARGET)), verbose=0
        )
        fit(model, pairs, train.labels, batch_size, epochs)
        yield name, TARGET, model


def falls_predicted(index, people, num_labelled, seed, epochs):
    """Of each model, whether it takes each window for a fall, bool array `(windows,)`.

    Everybody's windows are predicted by models that have seen nothing of that person.
    """
    shuffled = np.random.default_rng(seed).permutation(people).tolist()
    halves = shuffled[::2], shuffled[1::2]
    predicted = {}
    for test_people in halves:
        train, test = windows.split_by_subject(index, test_people)
        others = [person for person in shuffled if person not in test_people]
        train = train.keep_labels_of(others[:num_labelled])
        labelled = train.subset(train.is_labelled)
        here = np.isin(index.subjects, test_people)
        for name, stream, model in trained(train, labelled, seed, epochs):
            probabilities = model.predict(test.gather(stream), verbose=0)[:, 0]
            falls = predicted.setdefault(name, np.zeros(len(index), bool))
            falls[here] = probabilities > 0.5
    return predicted


def table(index, runs):
    """Scores of all models, Markdown. Intervals are over people and seeds."""
    truth = index.labels, index.subjects
    names = datasets.sisfall.FALL_CLASS_NAMES
    lines = [
        "| model | F1 of a fall | macro F1 | macro F1, difference to alone |",
        "|---|---|---|---|",
    ]
    alone = [run[ALONE].astype("int32") for run in runs]
    for name in runs[0]:
        falls = [run[name].astype("int32") for run in runs]
        labels, subjects = truth
        each = evaluation.f1_per_class_intervals(labels, falls, subjects, len(names))
        macro = evaluation.macro_f1_interval(labels, falls, subjects)
        gained = ""
        if name != ALONE:
            gained = evaluation.paired_bootstrap(labels, falls, alone, subjects).signed
        lines.append(f"| {name} | {each[names.index('fall')]} | {macro} | {gained} |")
    return "\n".join(lines)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", help="SisFall: the zip, a folder, or a NumPy archive")
parser.add_argument("--quick", action="store_true", help="less of all, to try it")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4, 5])
parser.add_argument("--labelled", type=int, default=3, help="people with labels")
parser.add_argument("--trials", type=int, default=2, help="of each activity")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--output", default="outputs/sisfall", help="for predictions")
args = parser.parse_args()
if args.quick:
    args.seeds, args.labelled, args.trials, args.epochs = args.seeds[:2], 1, 1, 2

recordings = datasets.label_falls(datasets.load_sisfall(args.data))
falling = {each.subject for each in recordings if not isinstance(each.label, int)}
wanted = tuple(f"_R{trial:02d}" for trial in range(1, args.trials + 1))
recordings = [
    each
    for each in recordings
    if each.subject in falling and each.session.endswith(wanted)
]
index = windows.index_windows(
    recordings, length=2.0, stride=1.0, rates={SOURCE: 50.0, TARGET: 50.0}
)
print(index)
people = sorted(falling)
print(f"{len(people)} people, {index.labels.mean():.1%} of the windows are falls")
folder = pathlib.Path(args.output)
folder.mkdir(parents=True, exist_ok=True)
runs = []
for seed in args.seeds:
    path = folder / f"{args.labelled}_{args.trials}_{args.epochs}_{seed}.npz"
    if not path.exists():  # what is there is not trained again
        run = falls_predicted(index, people, args.labelled, seed, args.epochs)
        np.savez_compressed(path, **run)
    with np.load(path) as stored:
        runs.append(dict(stored))
    title = f"\n{len(runs)} of {len(args.seeds)} seeds\n"
    print(title, table(index, runs), sep="\n", flush=True)
