# %% [markdown]
# # The first transfer
#
# A camera recorded skeletons of people who wore an IMU on the wrist. Some people have
# labels; the others give unlabelled pairs. This tutorial trains the wrist alone, then
# with the skeleton as its source, and explains λ, losses and gates. The people are
# simulated, so it runs in two minutes.

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
# Three of ten training people have labels. A window without a label has −1. `metrics`
# of `DCATModel.compile` count labelled windows only. Plain Keras models do not know of
# −1: they are trained on the labelled windows below.

# %%
train = train.keep_labels_of(people[:3])
labelled = train.subset(train.is_labelled)
print(f"{len(train)} pairs, {len(labelled)} with a label; {len(test)} to test")

# %% [markdown]
# ## Source and baseline
# Any Keras model with a `Dense` classifier will do; one with an `AttentionKV` can use
# the cross-attention loss, too. Here they are small encoders of the package. Every
# target starts with the same weights.


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
# `DCATModel` trains the target on its labels and, weighted by λ, on transfer losses. A
# batch has as many labels as before, and unlabelled pairs beside them. The source never
# changes, so it runs once.

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
# The history has every loss, before λ and its weight.
#
# - `info_nce_loss`: can the target's features tell which source window of the batch is
#   of the same moment?
# - `agreement_loss`: pseudo-labels, where source and target predict the same class.
# - `fused_loss`: pseudo-labels of unlabelled windows, where both together are at least
#   90 % confident. It assumes that people with and without labels do the same
#   activities about as often.
# - `cross_attention_loss`: the paper's, the distance of `KᵀV` on labelled windows that
#   the source classifies correctly.
#
# ## A recipe, λ, a gate
# `recipe` names losses and weights: `"extended"` has these four, `"paper"` the printed
# formula and mask. λ weighs the transfer against the classification; λ = 0 is the
# baseline with larger batches. See [all recipes and gates](../losses.md).

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
# This is one seed and one split: differences of 0.03 are chance.
# [`compare`](../comparisons.md) runs several seeds and gives intervals. [The
# evidence](../evidence.md) has real sensors.
#
# The result is the target: `model.predict` and `model.export` take windows of the wrist
# only.

# %%
print(model.predict(test.gather("imu")[:1], verbose=0).shape)
