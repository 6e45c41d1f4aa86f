# %% [markdown]
# # When a transfer hurts
#
# A source can be wrong in ways that no loss shows: untrained, with shuffled pairs, or
# weaker than its target. This guide makes these errors on purpose.
# `NegativeTransferGuard`, which is in every `fit`, and `TransferMonitor`, which logs
# the transfer, detect them.

# %%
import pathlib
import tempfile
import warnings

import keras
from matplotlib import pyplot as plt

from keras_dcat import DCATModel, datasets, encoders, windows
from keras_dcat.diagnosis import TransferMonitor
from keras_dcat.transfer import (
    LogitsDistillation,
    NegativeTransferGuard,
    RestoreBaseline,
)

folder = pathlib.Path(tempfile.mkdtemp())
warnings.simplefilter("ignore")  # what is warned of is printed here
simulation = datasets.simulate(
    num_subjects=12,
    streams=("skeleton", "imu"),
    informativeness={"imu": 0.3},
    seed=1,
)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
people = sorted(set(index.subjects.tolist()))
train, held_out = windows.split_by_subject(index, people[8:])
train = train.keep_labels_of(people[:3])


def encoder(stream):
    """A new model of a stream."""
    keras.utils.set_random_seed(0)
    build = {"skeleton": encoders.skeleton, "imu": encoders.imu}[stream]
    normalization = windows.normalization_layer(train, stream)
    return build(train.shape(stream), 6, "tiny", normalization=normalization)


def compiled(model):
    """With the optimizer that all have here."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


pairs = windows.pair_dataset(
    train, "skeleton", "imu", batch_size=100, shuffle=True, seed=0
)

# %% [markdown]
# ## An untrained source
# After the first epoch the guard finds the source at chance, and sets λ to 0.

# %%
model = compiled(DCATModel(encoder("skeleton"), encoder("imu")))
guard = NegativeTransferGuard()  # every `fit` has one; this one can be asked
model.fit(pairs, epochs=2, callbacks=[guard], verbose=0)
print(guard.reason)
print(f"λ is now {float(model.transfer_weight):.1f}")

# %% [markdown]
# ## A source that is weaker than its target
# The wrist teaches the skeleton by distillation, because a weak source does harm by its
# predictions. With pairs of held-out people as `validation_data`, the guard compares
# source and target. These windows are no longer a test set.

# %%
weak = compiled(encoder("imu"))
labelled = train.subset(train.is_labelled)
weak.fit(
    windows.stream_dataset(labelled, "imu", shuffle=True, seed=0),
    epochs=20,
    shuffle=False,
    verbose=0,
)
model = compiled(
    DCATModel(
        weak,
        encoder("skeleton"),
        transfer_weight=0.3,
        gate="soft",
        loss=LogitsDistillation(),
    )
)
others = windows.pair_dataset(
    train, "imu", "skeleton", batch_size=100, shuffle=True, seed=0
)
seen = (held_out.gather("imu"), held_out.gather("skeleton")), held_out.labels
monitor = TransferMonitor(seen, folder)
guard = NegativeTransferGuard()
model.fit(
    others,
    epochs=12,
    validation_data=seen,
    callbacks=[guard, monitor],
    verbose=0,
)
print(guard.reason)

# %% [markdown]
# ## The log of the monitor
# The log is a CSV with a line for each epoch, and TensorBoard if asked. The monitor
# warns if the gradients of classification and transfer oppose each other (cosine below
# 0) while macro F1 falls.

# %%
rows = monitor.rows
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
for name in ("source_f1", "target_f1"):
    axes[0].plot([row[name] for row in rows], label=name)
axes[1].plot([row["gradient_cosine"] for row in rows], label="cosine of the gradients")
axes[1].plot([row["transfer_weight"] for row in rows], label="λ")
for panel in axes:
    panel.set_xlabel("epoch")
    panel.legend()
plt.show()
print((folder / "transfer.csv").read_text().splitlines()[0][:72], "…")

# %% [markdown]
# ## The target alone, as a baseline
# No log shows whether InfoNCE does harm, since it compares features and not
# predictions. Train the baseline as well. `RestoreBaseline` restores its weights unless
# the taught target is better on held-out people.

# %%
alone = compiled(encoder("skeleton"))
alone.fit(
    windows.stream_dataset(labelled, "skeleton", shuffle=True, seed=0),
    epochs=12,
    shuffle=False,
    verbose=0,
)
model = compiled(DCATModel(weak, encoder("skeleton")))
baseline = RestoreBaseline(alone, (held_out.gather("skeleton"), held_out.labels))
model.fit(others, epochs=12, callbacks=[baseline], verbose=0)
print(f"alone {baseline.alone_f1:.2f}, taught {baseline.taught_f1:.2f}")
print(baseline.reason or "The taught one is kept.")

# %% [markdown]
# ## What to do
# | what you see | what to do |
# |---|---|
# | the source is at chance | train it, or load its weights |
# | pairs look mixed up | look at the clocks, as in [the first guide](two_clocks.py) |
# | the source is weaker than the target | `recipe="info_nce"` and `RestoreBaseline` |
# | it is weaker, and `diagnose` finds that it adds nothing | train the target alone |
# | the gradients oppose each other | a smaller λ |
# | it helps at first only | `TransferEarlyStopping` among the callbacks |
# | it is neutral, and all windows have labels | pairs of more people, or none |
