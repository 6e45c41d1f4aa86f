# %% [markdown]
# # Search for settings
#
# `DCATHyperModel` is a search space for any tuner of KerasTuner: λ, gate, size of the
# target and more. Trials are judged by macro F1 of validation people, who are in
# neither training nor test, and share one cache of the source.

# %%
import pathlib
import tempfile

import keras
import keras_tuner

from keras_dcat import datasets, encoders, plots, tuning, windows

folder = pathlib.Path(tempfile.mkdtemp())
simulation = datasets.simulate(
    num_subjects=12,
    streams=("skeleton", "imu"),
    informativeness={"imu": 0.6},
    seed=1,
)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
people = sorted(set(index.subjects.tolist()))
everybody, test = windows.split_by_subject(index, people[9:])
train, judges = windows.split_by_subject(everybody, people[6:9])
train = train.keep_labels_of(people[:3])
labelled = train.subset(train.is_labelled)


def build(stream, **options):
    """A new model of a stream."""
    kind = {"skeleton": encoders.skeleton, "imu": encoders.imu}[stream]
    normalization = windows.normalization_layer(train, stream)
    return kind(train.shape(stream), 6, normalization=normalization, **options)


keras.utils.set_random_seed(0)
source = build("skeleton", size="tiny")
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
source.compile(keras.optimizers.Adam(3e-3), loss)
skeletons = windows.stream_dataset(labelled, "skeleton", shuffle=True, seed=0)
source.fit(skeletons, epochs=15, shuffle=False, verbose=0)

# %% [markdown]
# ## What is searched
# Here it is λ and the dropout of the target, which its builder declares. `"recipe"`,
# `"gate"`, the weight of each loss and `"learning_rate"` are available by name.
# `tuning.encoder_options` declares size, key size and dropout together.


# %%
def build_target(hp):
    """A wrist, with what is searched of it."""
    return build("imu", size="tiny", dropout=hp.Choice("dropout", [0.1, 0.4]))


hypermodel = tuning.DCATHyperModel(
    source, build_target, ["transfer_weight"], jit_compile=False
)
tuner = keras_tuner.RandomSearch(
    hypermodel, tuning.MACRO_F1, max_trials=6, directory=folder, seed=1
)
known = hypermodel.cache_source(train.gather("skeleton"), verbose=0)
pairs = windows.pair_dataset(train, known, "imu", batch_size=75, shuffle=True, seed=0)
tuner.search(
    pairs,
    validation_data=(judges.gather("imu"), judges.labels),
    epochs=6,
    shuffle=False,
    verbose=0,
)
tuner.results_summary(3)

# %%
plots.plot_search(tuner, "transfer_weight", path=folder / "search.png")

# %% [markdown]
# ## The best one
# `get_best_models` returns trained models. The validation score is optimistic, because
# it chose the model; the test score counts.

# %%
best = tuner.get_best_models()[0]
chosen = tuner.get_best_hyperparameters()[0].values
print(
    chosen, best.evaluate(test.gather("imu"), test.labels, verbose=0, return_dict=True)
)

# %% [markdown]
# With the same `directory`, a killed search continues after its last trial. Several
# machines can share the trials: see [scaling](../scaling.md).
