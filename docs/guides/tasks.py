# %% [markdown]
# # Predict something else: yes or no, several labels, steps, values
#
# "Which activity is it?" is one of several tasks. "Is it a fall?", "Which labels
# apply?", "When exactly?" and "How fast?" are others, and each needs another head. This
# guide trains all five on the same two sensors. It shows labels, losses and errors of
# each head, makes its own data, and runs in a minute or two.

# %%
import keras
import numpy as np
from keras import layers

from keras_dcat import (
    AttentionKV,
    DCATModel,
    MaskedCrossAttentionLoss,
    recordings,
    windows,
)
from keras_dcat.metrics import f1_per_class, macro_f1
from keras_dcat.transfer import ErrorBelow, FeatureInfoNCE, FusedPseudoLabels

ACTIVITIES = ("rest", "walk", "run")


def session(person):
    """A minute of one person, at 50 Hz by the good sensor, at 25 Hz by the watch."""
    rng = np.random.default_rng(person)
    starts = np.cumsum([0.0, *rng.uniform(3, 6, 30)])
    starts = starts[starts < 55]
    activity = rng.integers(0, 3, len(starts))
    pace = np.array([0.0, 1.8, 2.8])[activity] + rng.uniform(-0.3, 0.3, len(starts))
    pace[activity == 0] = 0.0  # steps per second

    def sensed(rate, channels, noise):
        times = np.arange(60 * rate) / rate
        phase = np.searchsorted(starts, times, side="right") - 1
        turned = np.cumsum(2 * np.pi * pace[phase] / rate)[:, None]
        swing = np.array([0.0, 0.7, 1.3])[activity[phase]][:, None]
        values = swing * np.sin(turned + np.arange(channels))
        values += noise * rng.normal(size=values.shape)
        return recordings.Stream(values.astype("float32"), rate)

    streams = {"imu": sensed(50.0, 6, 0.3), "watch": sensed(25.0, 3, 1.0)}
    ends = np.append(starts[1:], 60.0)
    labels = recordings.Intervals(starts, ends, activity, class_names=ACTIVITIES)
    return recordings.Recording(streams, labels, person), (starts, pace)


sessions, paces = zip(*map(session, range(12)), strict=True)
index = windows.index_windows(sessions, length=2.0, stride=1.0, purity=0)
train, test = windows.split_by_subject(index, range(8, 12))
train = train.keep_labels_of(range(3))
known = train.subset(train.is_labelled)
print(f"{len(train)} pairs to train with, {len(known)} of them with labels")

# %% [markdown]
# ## One model, five heads
# Both sensors get the same small network. The head differs: its units, its activation,
# and whether it follows the pooling over time.


# %%
def branch(stream, units, activation=None, every_step=False):
    """A new model of a sensor, which starts the same every time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(train.shape(stream))
    x = windows.normalization_layer(train, stream)(inputs)
    for filters in (16, 32):
        x = layers.Conv1D(filters, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.LayerNormalization()(layers.Add()([x, AttentionKV(key_dim=32)(x)]))
    x = x if every_step else layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(units, activation)(x))


def complete(labels):
    """Of which windows all is known: Keras's own models take no −1, and no NaN."""
    unknown = np.isnan(labels) | (labels == -1)
    return ~unknown.reshape(len(labels), -1).any(axis=1)


def trained(model, inputs, labels, batch_size=32, loss=None):
    """The model, after the same budget for all."""
    model.compile(keras.optimizers.Adam(5e-3), loss, jit_compile=False)
    model.fit(inputs, labels, batch_size, epochs=20, verbose=0)
    return model


def alone(stream, labels, loss, **head):
    """A model of one sensor, trained on the labels that there are."""
    there = complete(labels)
    return trained(
        branch(stream, **head), train.gather(stream)[there], labels[there], loss=loss
    )


def taught(source, labels, options=None, **head):
    """A model of the watch, trained on the same labels, and on all pairs."""
    model = DCATModel(source, branch("watch", **head), **(options or {}))
    pairs = model.cache_source((train.gather("imu"), train.gather("watch")), verbose=0)
    # So large that a batch has as many labels as before.
    return trained(model, pairs, labels, 32 * len(train) // len(known))


def predicted(model):
    """What a model of the watch says of people that it has never seen."""
    return model.predict(test.gather("watch"), verbose=0)


# %% [markdown]
# ## Which activity: one class of several
# Softmax or logits. Labels are `(batch,)` with −1 for a missing one, or one-hot with a
# row of zeros.

# %%
head = {"units": 3, "activation": "softmax"}
cross_entropy = "sparse_categorical_crossentropy"
source = alone("imu", train.labels, cross_entropy, **head)
watch = alone("watch", train.labels, cross_entropy, **head)
model = taught(source, train.labels, **head)
print(model.head)
for name, each in {"alone": watch, "taught": model}.items():
    print(f"{name:7} macro F1 {macro_f1(test.labels, predicted(each), 3):.2f}")

# %% [markdown]
# ## Is it a run: yes or no
# One sigmoid unit. Labels are 1 and 0, and −1 or NaN if missing. Mask, gates and
# pseudo-labels work as with two classes. `class_weight` weighs a rare class, as in
# [fall detection](../results/sisfall.md).


# %%
def runs(index):
    """Whether somebody runs, −1 where nobody knows."""
    return np.where(index.is_labelled, index.labels == ACTIVITIES.index("run"), -1)


head = {"units": 1, "activation": "sigmoid"}
source = alone("imu", runs(train), "binary_crossentropy", **head)
watch = alone("watch", runs(train), "binary_crossentropy", **head)
model = taught(source, runs(train), **head)
print(model.head)
for name, each in {"alone": watch, "taught": model}.items():
    print(f"{name:7} macro F1 {macro_f1(runs(test), predicted(each), 2):.2f}")

# %% [markdown]
# ## Which labels apply: several, each yes or no
# Several sigmoid units. Labels are `(batch, labels)` of 1 and 0; a missing entry is −1
# or NaN, and the mask has an entry for each, too. Here one of three people has labels
# of running, but not of moving. The baseline is trained without him, because Keras's
# losses cannot skip single entries; the target uses his labels.


# %%
def moves_and_runs(index):
    """Whether somebody moves, and whether somebody runs, `(windows, 2)`."""
    moves = np.where(index.is_labelled, index.labels > 0, -1)
    return np.stack([moves, runs(index)], axis=1)


head = {"units": 2, "activation": "sigmoid"}
labels = moves_and_runs(train)
source = alone("imu", labels, "binary_crossentropy", **head)
labels[train.subjects == 2, 0] = -1
watch = alone("watch", labels, "binary_crossentropy", **head)
model = taught(source, labels, **head)
print(model.head)
for name, each in {"alone": watch, "taught": model}.items():
    f1 = f1_per_class(moves_and_runs(test), predicted(each), 2, multi_label=True)
    print(f"{name:7} F1 of moves and of runs {f1.round(2)}")

# %% [markdown]
# ## When exactly: a class for every step
# A model without pooling over time ends in `(batch, steps, classes)`. Labels are
# `(batch, steps)`, −1 at a step without one. `step_labels` reads them from the
# `Intervals` of the recordings. The IMU predicts 25 steps and the watch 13: the IMU's
# steps are averaged over the time of each step of the watch. Several sigmoids a step
# work likewise.

# %%
head = {"units": 3, "activation": "softmax", "every_step": True}
steps = {s: branch(s, **head).output_shape[1] for s in ("imu", "watch")}
source = alone("imu", train.step_labels(steps["imu"]), cross_entropy, **head)
labels = train.step_labels(steps["watch"])
watch = alone("watch", labels, cross_entropy, **head)
model = taught(source, labels, **head)
print(model.head)
truth = test.step_labels(steps["watch"]).ravel()
for name, each in {"alone": watch, "taught": model}.items():
    scores = predicted(each).reshape(-1, 3)
    print(f"{name:7} macro F1 of steps {macro_f1(truth, scores, 3):.2f}")

# %% [markdown]
# ## How fast: a number
# Units without an activation, and `task="regression"`. Labels are floats, NaN if
# missing. A value has no confidence, so there are no pseudo-labels: InfoNCE and the
# cross-attention loss remain. The mask of the latter admits windows on which the
# source's error is small: below a threshold, or by default below the median of the
# batch.


# %%
def pace(index):
    """Steps per second at the middle of each window, NaN where nobody knows."""
    found = np.full(len(index), np.nan, "float32")
    for person, (starts, values) in enumerate(paces):
        own = index.subjects == person
        middle = index.times[own] + index.length / 2
        found[own] = values[np.searchsorted(starts, middle, side="right") - 1]
    return np.where(index.is_labelled, found, np.nan)


head = {"units": 1}
source = alone("imu", pace(train), "mse", **head)
watch = alone("watch", pace(train), "mse", **head)
model = taught(source, pace(train), {"task": "regression"}, **head)
print(model.head, list(model.terms))
for name, each in {"alone": watch, "taught": model}.items():
    error = np.abs(predicted(each)[:, 0] - pace(test)).mean()
    print(f"{name:7} off by {error:.2f} steps per second")

# %% [markdown]
# Pass a threshold to the loss that it is for. A loss that you name is not left out: it
# is an error if it cannot be used.

# %%
losses = {
    "loss": [FeatureInfoNCE(), MaskedCrossAttentionLoss()],
    "loss_weights": [10.0, 1.0],
    "gate": ["all", ErrorBelow(0.3)],
}
model = DCATModel(source, branch("watch", **head), task="regression", **losses)
print(list(model.terms))

# %% [markdown]
# This is one seed and simulated people: it shows that each head works, not that a
# transfer helps.
#
# ## What a head can do
# | head | `task=` | no label | loss, metric |
# |---|---|---|---|
# | softmax, logits | found | −1, zeros of one-hot | cross-entropy, accuracy |
# | one sigmoid | found; logit: `"binary"` | −1, NaN | binary cross-entropy, accuracy |
# | several sigmoids | found; logits: `"multilabel"` | −1, NaN, by entry | likewise |
# | at every step | as without steps | as without, by step | as without, over steps |
# | a number, or some | `"regression"` | NaN, by entry | squared and absolute error |
#
# | head | losses | gates | `class_weight` | device, live |
# |---|---|---|---|---|
# | softmax, logits | all | all | yes | `export_target` |
# | one sigmoid | all | all | yes, with integers | `export_target` |
# | several sigmoids | all | all, by label | no | `export_target` |
# | at every step | all | all, by step | no | `model.export` |
# | a number | InfoNCE, cross-attention | all, `ErrorBelow` | no | `model.export` |
#
# `class_weight` is Keras's, which knows one class for each window. For the last three
# heads `sample_weight` weighs windows, `(batch,)`, and steps, `(batch, steps)`.
#
# Losses of features or `KᵀV` compare whole windows; with several decisions, a window
# counts by the mean of its masks. The log says which losses a recipe leaves out.
#
# ## Errors before the first step
# What a head cannot do is an error with the remedy. A unit without an activation may be
# a logit or a value: `task=` says which.


# %%
def refused(attempt):
    """Prints why something is refused."""
    try:
        attempt()
    except ValueError as error:
        print(f"- {error}\n")


number, fall = branch("imu", units=1), branch("imu", units=1, activation="sigmoid")
watch_number, watch_fall = branch("watch", 1), branch("watch", 1, "sigmoid")
pairs = train.gather("imu"), train.gather("watch")
regression = {"task": "regression"}
refused(lambda: DCATModel(number, watch_number))
refused(lambda: DCATModel(fall, branch("watch", 3, "softmax")))
refused(lambda: DCATModel(number, watch_number, gate="confident", **regression))
refused(lambda: DCATModel(number, watch_number, loss=FusedPseudoLabels(), **regression))
refused(lambda: DCATModel(fall, watch_fall).fit(pairs, train.labels))
