"""A trained model on disk: it loads, predicts the same and trains on."""

import copy
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from tests.models import pair_of_branches, snapshot, windows

pytestmark = [
    pytest.mark.usefixtures("eager"),
    pytest.mark.filterwarnings("ignore:The source should be trained"),
]


@keras.saving.register_keras_serializable(package="tests")
def only_class_two(labels, source_prediction):
    return ops.equal(labels, 2)


def train(model, pair, labels, epochs):
    # The source is not trained, and must teach all the same.
    guard = keras_dcat.transfer.NegativeTransferGuard(only_warn=True)
    options = {"batch_size": 16, "shuffle": False, "callbacks": [guard], "verbose": 0}
    model.fit(pair, labels, epochs=epochs, **options)


@pytest.mark.traced
def test_a_loaded_model_goes_on_exactly_where_it_stopped(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(
        *pair_of_branches(),
        transfer_weight=0.7,
        gate=only_class_two,
        loss=keras_dcat.MaskedCrossAttentionLoss("unit", name="mine"),
    )
    model.compile(optimizer=keras.optimizers.AdamW(2e-3), metrics=["accuracy"])
    train(model, pair, labels, epochs=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is keras_dcat.DCATModel
    assert loaded.transfer_weight == pytest.approx(0.7)
    assert loaded.terms["mine_loss"].gate is only_class_two
    configs = [m.transfer_losses[0].get_config() for m in (loaded, model)]
    assert configs[0] == configs[1]
    for old, new in zip(snapshot(model), snapshot(loaded), strict=True):
        np.testing.assert_array_equal(old, new)
    assert int(loaded.optimizer.iterations.numpy()) == 4
    np.testing.assert_array_equal(
        loaded.predict(pair[1], verbose=0), model.predict(pair[1], verbose=0)
    )
    for each in (model, loaded):
        train(each, pair, labels, epochs=2)
    for old, new in zip(snapshot(model), snapshot(loaded), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_that_was_never_compiled_by_hand_loads_and_trains(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(softmax=True), gate="all")
    train(model, pair, labels, epochs=1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.loss.from_logits is False
    train(loaded, pair, labels, epochs=1)


def test_a_model_that_was_never_trained_loads_without_a_word(
    rng, tmp_path, recwarn, caplog
):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.Adam(0.005))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    said = [str(warning.message) for warning in recwarn]
    assert not [message for message in said if "optimizer" in message]
    assert not caplog.records
    assert float(loaded.optimizer.learning_rate) == pytest.approx(0.005)
    for each in (model, loaded):
        train(each, pair, labels, epochs=1)
    for old, new in zip(snapshot(model), snapshot(loaded), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_trained_target_is_an_ordinary_model(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    train(model, pair, labels, epochs=1)
    model.target.save(tmp_path / "target.keras")
    loaded = keras.models.load_model(tmp_path / "target.keras")
    np.testing.assert_array_equal(
        loaded.predict(pair[1], verbose=0), model.target.predict(pair[1], verbose=0)
    )


# Keras says so of every model that was compiled and not yet trained.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
@pytest.mark.filterwarnings("ignore:A total of 1 objects could not be loaded")
def test_weights_can_be_saved_and_loaded_on_their_own(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=0.3)
    train(model, pair, labels, epochs=1)
    model.save_weights(tmp_path / "model.weights.h5")
    other = keras_dcat.DCATModel(*pair_of_branches())
    other.load_weights(tmp_path / "model.weights.h5")
    for old, new in zip(snapshot(model), snapshot(other), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_copy_trains_apart_from_its_original(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    train(model, pair, labels, epochs=1)
    duplicate = copy.deepcopy(model)
    before = snapshot(model)
    train(duplicate, pair, labels, epochs=1)
    for old, new in zip(before, snapshot(model), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(snapshot(duplicate.target)[0], snapshot(model.target)[0])


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="is about torch")
def test_where_torch_cannot_export_a_target_the_cure_works(tmp_path):
    model = keras_dcat.DCATModel(*pair_of_branches())
    with pytest.raises(RuntimeError, match=r"target\.save.*'tensorflow' or 'jax'"):
        model.export(tmp_path / "exported")
    model.target.save(tmp_path / "target.keras")
    code = (
        "import keras, keras_dcat; keras.saving.load_model('target.keras').export('x')"
    )
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "x" / "saved_model.pb").exists()
