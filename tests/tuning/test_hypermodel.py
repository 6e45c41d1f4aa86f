import json
import os
import socket
import subprocess
import sys
import textwrap

import keras
import keras_tuner
import numpy as np
import pytest

from keras_dcat import tuning
from keras_dcat.attention import AttentionKV
from keras_dcat.metrics import macro_f1
from keras_dcat.transfer import DCATModel
from keras_dcat.transfer.gating.gates import GATES
from keras_dcat.transfer.recipe_weights import weights_of
from keras_dcat.transfer.recipes import RECIPES
from tests.models import CLASSES, branch, windows

pytestmark = pytest.mark.filterwarnings(
    "ignore:The source should be trained:UserWarning"
)


def build_target(hp):
    return branch(3, key_dim=6, dropout=hp.Float("dropout", 0.0, 0.5, default=0.1))


class Eager(tuning.DCATHyperModel):
    """Trials of a step or two are not worth a trace."""

    def build(self, hp):
        model = super().build(hp)
        model.run_eagerly = True
        return model


def hypermodel(**options):
    return Eager(branch(5, steps=12), build_target, **options)


def searched(folder, data, held_out, own=None, kind="RandomSearch", **options):
    how_long = {"max_epochs": 2} if kind == "Hyperband" else {"max_trials": 2}
    tuner = getattr(keras_tuner, kind)(
        own or hypermodel(),
        tuning.MACRO_F1,
        directory=folder,
        **{**how_long, **options},
    )
    tuner.search(*data, epochs=2, validation_data=held_out, verbose=0)
    return tuner


@pytest.fixture
def data(rng):
    pairs, labels = windows(rng)
    return (pairs, labels), (pairs[1][:16], labels[:16])


def weights(model):
    """From the name of a loss to its weight in a model."""
    return {term.loss.name: term.weight for term in model.terms.values()}


def gates(model):
    return {term.loss.name: term.gate.__name__ for term in model.terms.values()}


def test_a_trial_has_the_settings_that_it_was_given():
    hp = keras_tuner.HyperParameters()
    given = {"info_nce": 1.0, "agreement": 15.0, "fused": 5.0, "cross_attention": 2.0}
    for name, value in {
        "recipe": "normalized",
        "transfer_weight": 2.5,
        "gate": "all",
        **given,
        "distillation": 0.0,
        "learning_rate": 0.004,
    }.items():
        hp.Fixed(name, value)
    own = hypermodel(search=list(hp.values), combination="best")
    model = own.build(hp)
    assert model.transfer_weight == 2.5
    assert float(model.optimizer.learning_rate) == pytest.approx(0.004)
    assert weights(model) == {**given, "distillation": 0.0}
    assert model.get_config()["combination"] == "best"
    assert set(gates(model).values()) == {"all_teach"}
    assert hp.values["dropout"] == 0.1  # the target's own
    assert not hypermodel(jit_compile=False).build(hp).jit_compile


def test_what_is_not_searched_keeps_the_default_of_the_model():
    hp = keras_tuner.HyperParameters()
    model = hypermodel(search=["gate"]).build(hp)
    assert set(hp.values) == {"gate", "dropout"}
    default = DCATModel(branch(5, steps=12), branch(3, key_dim=6))
    assert model.transfer_weight == default.transfer_weight
    assert weights(model) == {**weights(default), "distillation": 0.0}
    assert gates(model) == {**gates(default), "distillation": "all_teach"}


@pytest.mark.parametrize(
    "recipe",
    [
        "extended",
        "paper",
        "normalized",
        "attention_info_nce",
        "info_nce",
        "distillation",
    ],
)
def test_a_recipe_brings_its_weights_its_gate_and_its_scale(recipe):
    hp = keras_tuner.HyperParameters()
    hp.Fixed("recipe", recipe)
    model = hypermodel(search=["transfer_weight"]).build(hp)
    weighed = {name: weight for name, weight in weights(model).items() if weight}
    assert weighed == weights_of(recipe)
    usual = RECIPES[recipe].transfer_weight
    assert model.transfer_weight == pytest.approx(usual)
    assert hp.get("transfer_weight") == usual
    if recipe == "paper":
        (loss,) = [x for x in model.transfer_losses if x.name == "cross_attention"]
        assert loss.normalization == "none"


def test_names_of_settings_are_those_of_the_model_and_of_its_losses():
    hp = keras_tuner.HyperParameters()
    search = ["recipe", "transfer_weight", "gate", "agreement", "distillation"]
    hypermodel(search=search).build(hp)
    choices = {each.name: each for each in hp.space}
    assert set(choices["gate"].values) == {"usual", *GATES}
    assert choices["recipe"].values == list(RECIPES)
    assert (choices["transfer_weight"].min_value, hp.get("gate")) == (1e-3, "usual")
    own = weights_of("extended")["agreement"]
    assert choices["agreement"].values == [0.0, own / 2, own, 2 * own]
    assert hp.get("agreement") == own
    assert hp.get("distillation") == 0.0
    assert (
        choices["distillation"].values[2] == weights_of("distillation")["distillation"]
    )


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_trials_of_other_recipes_read_the_cache_of_the_default(data, recipe):
    (pairs, labels), _ = data
    own = hypermodel(search=[])
    known = own.cache_source(pairs[0], verbose=0)
    hp = keras_tuner.HyperParameters()
    hp.Fixed("recipe", recipe)
    history = own.build(hp).fit((known, pairs[1]), labels, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def without_attention(search=("recipe", "gate"), **options):
    """A search over models of which nobody can read `KᵀV`."""
    return Eager(plain(5, 12), lambda hp: plain(3, 20), search, **options)


def plain(channels, steps):
    inputs = keras.Input((steps, channels))
    x = keras.layers.GlobalAveragePooling1D()(inputs)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


READ_NO_ATTENTION = ["extended", "info_nce", "distillation", "no_labels"]


def test_without_attention_a_search_tries_the_recipes_that_need_none(tmp_path, data):
    (pairs, labels), held_out = data
    own = without_attention(search=["recipe"])
    known = own.cache_source(pairs[0], verbose=0)
    assert known.layers == ()
    assert known.features.shape == (32, 5)
    tuner = keras_tuner.GridSearch(
        own, tuning.MACRO_F1, directory=tmp_path, max_trials=20
    )
    tuner.search(
        (known, pairs[1]), labels, epochs=1, validation_data=held_out, verbose=0
    )
    tried = {trial.hyperparameters.get("recipe") for trial in trials(tuner)}
    assert tried == set(READ_NO_ATTENTION)
    assert {trial.status for trial in trials(tuner)} == {"COMPLETED"}


def test_without_attention_a_recipe_goes_without_what_reads_it():
    hp = keras_tuner.HyperParameters()
    found = weights(without_attention(search=["recipe"]).build(hp))
    own = {k: w for k, w in weights_of("extended").items() if k != "cross_attention"}
    assert found == {**own, "distillation": 0.0}


@pytest.mark.parametrize("recipe", ["paper", "normalized", "attention_info_nce"])
def test_without_attention_a_recipe_that_only_reads_it_is_refused(recipe):
    hp = keras_tuner.HyperParameters()
    hp.Fixed("recipe", recipe)
    with pytest.raises(ValueError, match="AttentionKV` layer.*Received: .*Put an"):
        without_attention().build(hp)


def test_without_attention_a_loss_that_reads_it_is_not_searched():
    with pytest.raises(ValueError, match="AttentionKV` layer.*Received: .*Put an"):
        without_attention(["cross_attention"]).build(keras_tuner.HyperParameters())
    hp = keras_tuner.HyperParameters()
    hp.Fixed("cross_attention", 1.0)
    with pytest.raises(ValueError, match="AttentionKV` layer.*Received: .*Put an"):
        without_attention([]).build(hp)


def test_what_weighs_nothing_may_be_fixed_where_nobody_can_read_it():
    hp = keras_tuner.HyperParameters()
    hp.Fixed("cross_attention", 0.0)
    assert "cross_attention" not in weights(without_attention([]).build(hp))


def test_models_that_no_recipe_can_compare_are_refused():
    inputs = keras.Input((12, 5))
    features = keras.layers.GlobalAveragePooling1D()(inputs)
    encoder = keras.Model(inputs, keras.layers.Identity()(features))

    def pooled(hp):
        inputs = keras.Input((20, 3))
        x = keras.layers.Conv1D(CLASSES, 3, activation="softmax")(inputs)
        return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(x))

    own = Eager(encoder, pooled, ["recipe"], source_output="features")
    with pytest.raises(ValueError, match="Received"):
        own.build(keras_tuner.HyperParameters())


def test_every_trial_starts_from_the_same_weights():
    own = hypermodel()
    first, second = (own.build(keras_tuner.HyperParameters()) for _ in range(2))
    for one, two in zip(
        first.target.get_weights(), second.target.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "kind",
    ["BayesianOptimization", pytest.param("Hyperband", marks=pytest.mark.slow)],
)
def test_the_best_model_has_the_f1_that_the_search_reports(tmp_path, data, kind):
    tuner = searched(tmp_path, *data, kind=kind)
    trial = tuner.oracle.get_best_trials()[0]
    assert trial.score == max(t.score for t in tuner.oracle.trials.values())
    best = tuner.get_best_models()[0]
    inputs, labels = data[1]
    found = macro_f1(labels, best.predict(inputs, verbose=0), CLASSES)
    assert found == pytest.approx(trial.score, abs=1e-5)
    expected = trial.hyperparameters.get("transfer_weight")
    assert best.transfer_weight == pytest.approx(expected)


def test_a_range_of_ones_own_takes_the_place_of_the_default(tmp_path, data):
    hp = keras_tuner.HyperParameters()
    hp.Float("transfer_weight", 3.0, 4.0)
    tuner = searched(tmp_path, *data, hyperparameters=hp)
    weights = [t.hyperparameters.get("transfer_weight") for t in trials(tuner)]
    assert all(3 <= weight <= 4 for weight in weights)
    assert len(set(weights)) == 2


def trials(tuner):
    return list(tuner.oracle.trials.values())


def test_a_cached_source_runs_once_and_serves_all_trials(tmp_path, data, monkeypatch):
    (pairs, labels), held_out = data
    own, calls, call = hypermodel(seed=0), [], AttentionKV.call

    def counted(self, inputs, *args, **kwargs):
        calls.append(inputs.shape[1])
        return call(self, inputs, *args, **kwargs)

    monkeypatch.setattr(AttentionKV, "call", counted)
    known = own.cache_source(pairs[0], tmp_path / "source.cache", verbose=0)
    assert 12 in calls
    scores, passes = [], []
    for name, source in (("live", pairs[0]), ("cached", known)):
        calls.clear()
        options = {"seed": 0, "max_trials": 2}
        tuner = searched(
            tmp_path / name, ((source, pairs[1]), labels), held_out, own, **options
        )
        scores.append([trial.score for trial in trials(tuner)])
        passes.append(calls.count(12))
    # Two steps a trial, of two trials; a new model asks for the source's shapes alone.
    # Other backends than TensorFlow go through it once more, before a trial's steps.
    before = 0 if keras.backend.backend() == "tensorflow" else 2
    assert passes[0] == passes[1] + 4 + before
    np.testing.assert_allclose(*scores, atol=1e-6)


def test_a_search_that_was_cut_off_does_no_trial_twice(tmp_path, data):
    class Cut(keras.callbacks.Callback):
        """Ends the process, so to say, in the third trial."""

        begun = []

        def on_train_begin(self, logs=None):
            self.begun.append(self)
            if len(self.begun) == 3:
                raise KeyboardInterrupt

    def search(callbacks):
        tuner = keras_tuner.RandomSearch(
            hypermodel(), tuning.MACRO_F1, max_trials=4, directory=tmp_path, seed=0
        )
        data_, held_out = data
        tuner.search(
            *data_, epochs=1, validation_data=held_out, callbacks=callbacks, verbose=0
        )
        return tuner

    with pytest.raises(KeyboardInterrupt):
        search([Cut()])
    done = {
        path.parent.name: path.read_text()
        for path in tmp_path.rglob("trial.json")
        if json.loads(path.read_text())["status"] == "COMPLETED"
    }
    assert len(done) == 2
    tuner = search([])
    assert len(trials(tuner)) == 4
    assert all(trial.status == "COMPLETED" for trial in trials(tuner))
    for path in tmp_path.rglob("trial.json"):
        assert done.get(path.parent.name, path.read_text()) == path.read_text()


@pytest.mark.slow
def test_the_length_of_windows_can_be_searched(tmp_path, rng):
    sources = {steps: branch(5, steps=steps) for steps in (8, 12)}

    def data(hp, model):
        steps = hp.get("steps")
        pairs, labels = windows(rng, source=(steps, 5), target=(steps, 3))
        known = model.cache_source(pairs[0], tmp_path / f"{steps}.cache", verbose=0)
        seen.append(steps)
        held_out = pairs[1], labels
        return {"x": (known, pairs[1]), "y": labels, "validation_data": held_out}

    seen, rng_state = [], rng.bit_generator.state

    def same_data(hp, model):
        rng.bit_generator.state = rng_state
        return data(hp, model)

    own = Eager(
        lambda hp: sources[hp.Choice("steps", [8, 12])],
        lambda hp: branch(3, steps=hp.get("steps"), key_dim=6),
        search=[],
        data=same_data,
    )
    tuner = keras_tuner.GridSearch(own, tuning.MACRO_F1, directory=tmp_path)
    tuner.search(epochs=1, verbose=0)
    assert sorted(seen) == [8, 12]
    assert {path.name for path in tmp_path.glob("*.cache")} == {"8.cache", "12.cache"}


def test_sizes_of_keys_can_be_searched_with_adapters():
    hp = keras_tuner.HyperParameters()
    hp.Choice("key_dim", [4, 6])
    own = tuning.DCATHyperModel(
        branch(5, steps=12),
        lambda hp: branch(3, key_dim=hp.get("key_dim")),
        adapt_sizes=True,
    )
    assert own.build(hp)._pair.target.attentions[0].key_dim == 4


def test_without_adapters_keys_of_another_size_are_refused_with_the_cure():
    own = tuning.DCATHyperModel(
        branch(5, steps=12), lambda hp: branch(3, key_dim=4), search=["recipe"]
    )
    with pytest.raises(ValueError, match="must have the same sizes.*adapt_sizes=True"):
        own.build(keras_tuner.HyperParameters())


def test_a_search_without_people_held_out_is_refused(tmp_path, data):
    tuner = keras_tuner.RandomSearch(
        hypermodel(), tuning.MACRO_F1, max_trials=1, directory=tmp_path
    )
    with pytest.raises(ValueError, match="no `validation_data`.*Pass it to `search`"):
        tuner.search(*data[0], epochs=1, verbose=0)


def test_a_setting_that_is_not_searched_may_be_fixed():
    hp = keras_tuner.HyperParameters()
    hp.Fixed("gate", "soft")
    hp.Fixed("distillation", 5.0)
    model = hypermodel(search=["transfer_weight"]).build(hp)
    assert set(gates(model).values()) == {"source_confidence"}
    assert weights(model) == {**weights_of("extended"), "distillation": 5.0}


@pytest.mark.parametrize(
    "name", ["recipe", "transfer_weight", "gate", "loss", "loss_weights"]
)
def test_an_option_that_a_trial_sets_is_refused_before_the_first(name):
    with pytest.raises(ValueError, match=rf"\['{name}'\]\. Leave it out of `search`"):
        hypermodel(**{name: None})


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"\['dropout'\].*`build_target`"):
        hypermodel(search=["gate", "dropout"])


SEARCH = """
    import sys

    import keras_tuner
    import numpy as np

    from keras_dcat import tuning
    from tests.models import windows
    from tests.tuning.test_hypermodel import hypermodel

    pairs, labels = windows(np.random.default_rng(0))
    tuner = keras_tuner.RandomSearch(
        hypermodel(), tuning.MACRO_F1, max_trials=4, directory=sys.argv[1], seed=0
    )
    tuner.search(
        pairs, labels, epochs=1, validation_data=(pairs[1], labels), verbose=0
    )
    print(len(tuner.oracle.get_best_trials(9)))
"""


@pytest.mark.slow
def test_a_chief_and_two_workers_share_a_search(pytestconfig, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    processes = {}
    try:
        for name in ("chief", "one", "two"):
            told = {"TUNER_ID": name, "ORACLE_IP": "127.0.0.1", "ORACLE_PORT": port}
            processes[name] = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(SEARCH), tmp_path],
                cwd=pytestconfig.rootpath,
                env={
                    **os.environ,
                    **{f"KERASTUNER_{k}": str(v) for k, v in told.items()},
                },
                stdout=subprocess.PIPE,
                text=True,
            )
        printed = [processes[name].communicate(timeout=240)[0] for name in processes]
    finally:
        for process in processes.values():
            process.kill()
    assert printed[1].split()[-1:] == ["4"]
    done = [json.loads(path.read_text()) for path in tmp_path.rglob("trial.json")]
    assert [trial["status"] for trial in done] == ["COMPLETED"] * 4
