# %% [markdown]
# # Training: labels of some, pairs of all
#
# A camera that sees skeletons stood beside people who wore a sensor on the wrist. Some
# of them have labels; of the others there are pairs, which cost nothing but the
# recording. This guide trains the wrist alone, then with the skeleton looking on, and
# shows what λ, the losses and the gate are. The people are simulated, so that it runs
# in two minutes anywhere, and the wrist shows three fifths of what an activity is.

# %%
import keras
from matplotlib import pyplot as plt

from keras_dcat import DCATModel, datasets, encoders, windows
from keras_dcat.metrics import macro_f1

simulation = datasets.simulate(
    num_subjects=16,
    streams=("skeleton", "imu"),
    informativeness={"imu": 0.6},
    seed=1,
)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
people = sorted(set(index.subjects.tolist()))
train, test = windows.split_by_subject(index, people[10:])

# %% [markdown]
# Three of the ten who train have labels. A window without one has −1: no label is read
# from it, but its pair is. What `DCATModel.compile` is given as `metrics` sees the
# windows with a label, and no others. Keras's own models do not know of −1: they are
# trained on the windows that have a label, as below.

# %%
train = train.keep_labels_of(people[:3])
labelled = train.subset(train.is_labelled)
print(f"{len(train)} pairs, {len(labelled)} with a label; {len(test)} to test")

# %% [markdown]
# ## Two models of your own
# Here they are the package's small encoders; any Keras model that ends in a `Dense`
# classifier will do, and one with an `AttentionKV` has more to compare. The target
# starts the same every time, so that what differs is what it was taught.


# %%
def encoder(stream):
    """A new model of a stream; normalization is part of it."""
    keras.utils.set_random_seed(0)
    build = {"skeleton": encoders.skeleton, "imu": encoders.imu}[stream]
    normalization = windows.normalization_layer(train, stream)
    return build(train.shape(stream), 6, "tiny", normalization=normalization)


def fit(model, dataset):
    """The same budget for all."""
    rate = keras.optimizers.schedules.CosineDecay(3e-3, 30 * len(dataset))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    return model.fit(dataset, epochs=30, shuffle=False, verbose=0).history


def score(model, stream="imu"):
    """Macro F1 on people never seen."""
    scores = model.predict(test.gather(stream), verbose=0)
    return macro_f1(test.labels, scores, 6)


order = {"shuffle": True, "seed": 0}
source, alone = encoder("skeleton"), encoder("imu")
fit(source, windows.stream_dataset(labelled, "skeleton", batch_size=32, **order))
fit(alone, windows.stream_dataset(labelled, "imu", batch_size=32, **order))
print(f"skeleton {score(source, 'skeleton'):.2f}, wrist alone {score(alone):.2f}")

# %% [markdown]
# ## The transfer
# `DCATModel` trains the wrist on its labels and, weighed by λ, on what the frozen
# skeleton's model makes of the same moments. A batch holds as many labels as before,
# and the pairs beside them. The skeleton's model never changes: it may run once.

# %%
size = round(32 * len(train) / len(labelled))


def taught(**options):
    """A target, trained with the source looking on; and its history."""
    model = DCATModel(source, encoder("imu"), **options)
    known = model.cache_source(train.gather("skeleton"), verbose=0)
    pairs = windows.pair_dataset(train, known, "imu", batch_size=size, **order)
    return model, fit(model, pairs)


model, history = taught()
print(f"wrist, taught: {score(model):.2f}")
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for name in ("classification_loss", *model.terms):
    axes.plot(history[name], label=name)
    print(f"{name:21}{history[name][0]:8.3f}{history[name][-1]:8.3f}")
axes.set(xlabel="epoch", yscale="log")
axes.legend()
plt.show()

# %% [markdown]
# The history has every part of the loss, each before λ and its weight.
#
# - `info_nce_loss`: the target's features are to tell which of the batch's source
#   windows is of the same moment.
# - `agreement_loss`: pseudo-labels, the class that source and target both predict.
# - `fused_loss`: pseudo-labels where there is no label, the class of which both
#   together are at least 90 % sure. Classes are taken to be as frequent there as among
#   the labels: people without labels are to do the same things as the others.
# - `cross_attention_loss`: the paper's, the distance of `KᵀV` where the source is
#   right. It has no say where there is no label, as its mask asks for one.
#
# ## A recipe, λ, a gate
# `recipe` names losses and their weights: `"extended"` are these four, `"paper"` is the
# printed formula with its mask, and `transfer.RECIPES` has the others. λ weighs the
# transfer against the classification. With λ = 0 it is the target alone, in larger
# batches.

# %%
settings = {
    "λ = 0": {"transfer_weight": 0.0},
    "λ = 0.1, the default": {},
    "λ = 1": {"transfer_weight": 1.0},
    "the paper": {"recipe": "paper"},
}
found = {name: score(taught(**options)[0]) for name, options in settings.items()}
for name, f1 in found.items():
    print(f"{name:22}{f1:.2f}")

# %% [markdown]
# One seed, one split: differences of 0.03 are chance here. Ask
# [`compare`](../comparisons.md) before you believe one, over seeds and with intervals,
# and choose by people who are not the test. What to expect of real sensors is in [the
# results](../results/utd_mhad.md).
#
# What is left is the target, alone: `model.predict` and `model.export` take the wrist's
# windows only.

# %%
print(model.predict(test.gather("imu")[:1], verbose=0).shape)
