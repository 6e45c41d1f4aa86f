# %% [markdown]
# # Which sensor should teach, and will it help?
#
# A transfer takes hours to train and to compare. Most of what decides over it can be
# asked of the two models as they are: is the source better on people it has not seen,
# does it know of the label what the target does not, do the pairs belong together, and
# are there moments that only the source can speak for? `diagnose` asks.

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
# ## The better sensor teaches the cheaper one
# The verdict is a word, and its reasons are sentences with numbers in them. What it
# recommends goes to `DCATModel` as it is.

# %%
found = asked("skeleton", "imu")
print(found)
print(found.recommended)

# %%
plots.plot_diagnosis(found, path=folder / "skeleton_teaches_imu.png")

# %% [markdown]
# ## The other way round
# The wrist knows less than the skeleton of people that neither has seen, and of the
# label nothing that the skeleton does not. Its predictions would be nothing to learn
# from, and InfoNCE alone has [cost four points](../results/watch.md) in such a case. A
# weaker sensor that does add something is another matter: such have helped
# where labels are missing.

# %%
found = asked("imu", "skeleton")
print(found.verdict)
for reason in found.reasons[:3]:
    print(reason)

# %% [markdown]
# ## When pairs do not belong together
# Files that were joined in the wrong order look like any others, and train like any
# others. That the two windows of a pair know nothing of each other is seen before.


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
# What was expected, and what came of it, is in the results of all pairs of
# [UTD-MHAD](../results/utd_mhad.md) and of [a watch](../results/watch.md). A verdict is
# no comparison:
# [`compare`](../comparisons.md) trains both ways, and has the last word.
