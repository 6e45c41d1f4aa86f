# %% [markdown]
# # Choose source and target
#
# A transfer takes hours to train and compare. `diagnose` answers most questions from
# two trained models. Is the source better on unseen people? Does it know something
# about the label that the target does not? Do the pairs belong together?

# %%
import pathlib
import tempfile

import keras
import numpy as np

import keras_dcat
from keras_dcat import datasets, encoders, plots, windows

folder = pathlib.Path(tempfile.mkdtemp())
simulation = datasets.simulate(
    num_subjects=16,
    streams=("skeleton", "imu"),
    informativeness={"imu": 0.6},
    seed=1,
)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
people = sorted(set(index.subjects.tolist()))
train, held_out = windows.split_by_subject(index, people[8:])
train = train.keep_labels_of(people[:4])
labelled = train.subset(train.is_labelled)
print(f"{len(train)} pairs to train with, {len(labelled)} of them with a label")


# %%
def trained(stream):
    """A model of a stream, trained on the labels that there are."""
    keras.utils.set_random_seed(0)
    build = {"skeleton": encoders.skeleton, "imu": encoders.imu}[stream]
    normalization = windows.normalization_layer(train, stream)
    model = build(train.shape(stream), 6, "tiny", normalization=normalization)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    dataset = windows.stream_dataset(labelled, stream, shuffle=True, seed=0)
    model.fit(dataset, epochs=30, shuffle=False, verbose=0)
    return model


def pairs(index, source, target):
    """What `diagnose` looks at: source and target windows, and their labels."""
    return (index.gather(source), index.gather(target)), index.labels


models = {stream: trained(stream) for stream in ("skeleton", "imu")}


def asked(source, target, spoilt=lambda data: data):
    """What is to be expected of a source for a target, by people held out."""
    return keras_dcat.diagnose(
        models[source],
        models[target],
        spoilt(pairs(train, source, target)),
        spoilt(pairs(held_out, source, target)),
        groups=held_out.subjects,
        verbose=0,
    )


# %% [markdown]
# ## The better sensor as the source
# The verdict is one word. Its reasons are sentences with numbers, and its advice can be
# passed to `DCATModel` as it is.

# %%
found = asked("skeleton", "imu")
print(found)
print(found.recommended)

# %%
plots.plot_diagnosis(found, path=folder / "skeleton_teaches_imu.png")

# %% [markdown]
# ## The weaker sensor as the source
# On unseen people the wrist is weaker than the skeleton, and adds nothing to it about
# the label. There is nothing to learn from its predictions, and InfoNCE alone has [cost
# four points](../results/watch.md) in such a case. A weaker sensor that does add
# something has helped where labels are missing.

# %%
found = asked("imu", "skeleton")
print(found.verdict)
for reason in found.reasons[:3]:
    print(reason)

# %% [markdown]
# ## Wrong pairs
# Files that were joined in the wrong order train like any others. `diagnose` sees it
# before: the two windows of a pair do not predict each other.


# %%
def disordered(data):
    """The same windows, with the wrong partners."""
    (source, target), labels = data
    return (source, np.random.default_rng(0).permutation(target)), labels


found = asked("skeleton", "imu", disordered)
print(found.verdict)
for reason in found.reasons[:2]:
    print(reason)

# %% [markdown]
# [UTD-MHAD](../results/utd_mhad.md#was-it-foreseen) and [the
# watch](../results/watch.md) compare verdicts with results. A verdict is
# no comparison: [`compare`](../comparisons.md) trains both directions.
