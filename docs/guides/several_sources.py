# %% [markdown]
# # Use several sources
#
# A skeleton and a microphone can both teach the wrist. `combination` says which of them
# teaches a window. A source may be missing for a window, and each has its own cache.

# %%
import keras
import numpy as np

from keras_dcat import DCATModel, datasets, encoders, windows
from keras_dcat.metrics import macro_f1
from keras_dcat.transfer import LogitsDistillation

STREAMS = ("skeleton", "audio", "imu")
simulation = datasets.simulate(
    num_subjects=12,
    streams=STREAMS,
    informativeness={"imu": 0.6},
    seed=1,
)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
people = sorted(set(index.subjects.tolist()))
train, test = windows.split_by_subject(index, people[8:])
train = train.keep_labels_of(people[:5])
labelled = train.subset(train.is_labelled)


def encoder(stream):
    """A new model of a stream."""
    keras.utils.set_random_seed(0)
    if stream == "audio":
        options = {"sampling_rate": 1000, "size": "tiny"}
        return encoders.audio(train.shape("audio"), 6, **options)
    build = {"skeleton": encoders.skeleton, "imu": encoders.imu}[stream]
    normalization = windows.normalization_layer(train, stream)
    return build(train.shape(stream), 6, "tiny", normalization=normalization)


def fit(model, dataset, epochs=20):
    """The same budget for all."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss)
    model.fit(dataset, epochs=epochs, shuffle=False, verbose=0)
    return model


def score(model, stream="imu"):
    """Macro F1 on people never seen."""
    scores = model.predict(test.gather(stream), verbose=0)
    return macro_f1(test.labels, scores, 6)


alone = {
    stream: fit(
        encoder(stream), windows.stream_dataset(labelled, stream, shuffle=True, seed=0)
    )
    for stream in STREAMS
}
for stream, model in alone.items():
    print(f"{stream:9}{score(model, stream):.2f}")

# %% [markdown]
# ## Combinations
# | `combination` | what teaches a window |
# |---|---|
# | `"mean"` | the mean over all sources |
# | `"best"` | the one most confident of the true class |
# | `"agree"` | all, where they predict the same class |
# | `"product"` | all, with the product of their probabilities |

# %%
sources = [alone["skeleton"], alone["audio"]]
settings = {
    "skeleton": (sources[0], {}),
    "both, mean": (sources, {}),
    "both, best": (sources, {"combination": "best"}),
    "both, product": (
        sources,
        {
            "combination": "product",
            "gate": "soft",
            "loss": LogitsDistillation(),
            "transfer_weight": 0.5,
        },
    ),
}
size = round(32 * len(train) / len(labelled))
for name, (teachers, options) in settings.items():
    model = DCATModel(teachers, encoder("imu"), **options)
    seen = tuple(train.gather(s) for s in STREAMS[:2])
    shown = seen if isinstance(teachers, list) else seen[0]
    known = model.cache_source(shown, verbose=0)
    pairs = windows.pair_dataset(
        train, known, "imu", batch_size=size, shuffle=True, seed=0
    )
    print(f"{name:15}{score(fit(model, pairs)):.2f}")

# %% [markdown]
# This is one seed and few people, so only an example. On UTD-MHAD [two sources were no
# better than the better one](../questions/several_sources.md).
#
# ## A missing source
# `transfer_mask` has a column for each source: 0 where the microphone was off, whatever
# its window contains.

# %%
there = np.ones((len(train), 2), "float32")
there[::3, 1] = 0.0
model = DCATModel(sources, encoder("imu"))
inputs = {"source": seen, "target": train.gather("imu"), "transfer_mask": there}
model.compile("adam")
print(sorted(model.fit(inputs, train.labels, epochs=1, verbose=0).history))
