"""A watch's IMU, or a skeleton (`--data`), teaches one sensor; few have labels."""

import argparse

import keras
import numpy as np
from keras import layers, optimizers

from keras_dcat import AttentionKV, DCATModel, datasets, evaluation, plots, windows
from keras_dcat.metrics import f1_per_class

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="UTD-MHAD: the publisher's zip, or a folder of it")
parser.add_argument("--seeds", type=int, default=5)
parser.add_argument("--steps", type=int, default=1500, help="of every training")
parser.add_argument("--labelled", type=int, default=2, help="people with labels")
parser.add_argument("--output", default="outputs/quickstart")
args = parser.parse_args()
if args.seeds < 2:
    parser.error(f"--seeds: an interval needs 2 or more. Received: {args.seeds}")

if args.data:
    teacher, learner, length, stride = "skeleton", "accelerometer", 2.0, 0.5
    classes, test_subjects = datasets.utd_mhad.CLASS_NAMES, (2, 4, 6, 8)
    recordings = [r.resampled(skeleton=20) for r in datasets.load_utd_mhad(args.data)]
else:
    teacher, learner, length, stride = "imu", "gyroscope", 4.0, 2.0
    classes, test_subjects = datasets.watch.CLASS_NAMES, (2, 5, 9)
    recordings = datasets.load_watch()
index = windows.index_windows(recordings, length, stride)
train, test = windows.split_by_subject(index, test_subjects)
train = train.keep_labels_of(np.unique(train.subjects)[: args.labelled])
few = train.subset(train.is_labelled)
size = 64 * len(train) // len(few)  # so that every batch has 64 labels
print(f"{len(train)} windows of {length} s, and {len(test)} of subjects never seen")


def build(stream, seed):
    """Plain Keras, but for the attention that lets others read it."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(train.shape(stream))
    x = windows.normalization_layer(train, stream)(inputs)
    for filters in (32, 64):
        x = layers.Conv1D(filters, 5, strides=2, padding="same")(x)
        x = layers.Dropout(0.2)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.LayerNormalization()(AttentionKV(key_dim=32, attention="linear")(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(len(classes), "softmax")(x))


def fit(model, dataset):
    """The same optimizer and budget for every model; its classification loss."""
    epochs = -(-args.steps // len(dataset))
    rate = optimizers.schedules.CosineDecay(5e-3, epochs * len(dataset))
    model.compile(optimizers.Adam(rate), loss="sparse_categorical_crossentropy")
    history = model.fit(dataset, epochs=epochs, shuffle=False, verbose=0).history
    progress.add(1)
    return history.get("classification_loss", history["loss"])


curves, f1 = {"alone": [], "D-CAT": []}, {"source": [], "alone": [], "D-CAT": []}
progress = keras.utils.Progbar(3 * args.seeds, unit_name="training")
for seed in range(args.seeds):
    order = {"shuffle": True, "seed": seed}
    source, alone, taught = (build(s, seed) for s in (teacher, learner, learner))
    model = DCATModel(source, taught)
    fit(source, windows.stream_dataset(few, teacher, **order))
    curves["alone"].append(fit(alone, windows.stream_dataset(few, learner, **order)))
    known = model.cache_source(train.gather(teacher), verbose=0)  # it runs once
    pairs = windows.pair_dataset(train, known, learner, size, **order)
    curves["D-CAT"].append(fit(model, pairs))
    for name, trained in zip(f1, (source, alone, taught), strict=True):
        unseen = test.gather(teacher if trained is source else learner)
        f1[name].append(f1_per_class(test.labels, trained(unseen), len(classes)))

print(f"\nMacro F1 on unseen subjects, {args.seeds} seeds, {teacher} → {learner}:\n")
print(evaluation.transfer_table({k: np.nanmean(v, axis=1) for k, v in f1.items()}))
model.export(f"{args.output}/target", verbose=False)
for name, trained in (("source", source), ("target", taught)):
    trained.save(f"{args.output}/{name}.keras")
loaded = layers.TFSMLayer(f"{args.output}/target", call_endpoint="serve")
gap = np.abs(loaded(unseen) - keras.ops.convert_to_numpy(taught(unseen))).max()
plots.plot_transfer(curves, f1, classes, path=f"{args.output}/transfer.png")
print(f"\n{args.output}/target: the exported target, loaded, {gap:.0e} from Keras")
print(f"{args.output}/transfer.png: training curves, and F1 of every class")
