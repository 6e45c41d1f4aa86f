import logging

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer import OnDevice, gradient_step
from tests.models import pair_of_branches, snapshot, windows

pytestmark = [
    pytest.mark.traced,
    pytest.mark.filterwarnings("ignore:The source should be trained"),
]

ROUNDING = {"rtol": 1e-4, "atol": 1e-5}


def fitted(data, labels=None, options=(), **compiled):
    keras.utils.set_random_seed(0)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(0.05), **compiled)
    if data is not None and callable(data):
        data = data(model)
    # Keras draws an order for a first look at the data, too, which rows do not need.
    options = {"batch_size": 8, "epochs": 2, "shuffle": False, **dict(options)}
    history = model.fit(data, labels, verbose=0, **options)
    return model, history.history


def assert_alike(found, expected):
    for own, other in zip(snapshot(found[0]), snapshot(expected[0]), strict=True):
        np.testing.assert_allclose(own, other, **ROUNDING)
    assert found[1].keys() == expected[1].keys()
    for name, values in expected[1].items():
        np.testing.assert_allclose(found[1][name], values, **ROUNDING)


def cached(pair):
    return lambda model: model.cache_source(pair, verbose=0)


def placed(make, labels, weights=None):
    return lambda model: OnDevice(make(model), labels, weights)


@pytest.mark.parametrize("source", ["live", "cached"])
def test_a_training_is_that_of_the_arrays(rng, source):
    pair, labels = windows(rng, 36)  # the last batch is smaller
    labels[::3] = -1
    make = cached(pair) if source == "cached" else lambda model: pair
    assert_alike(fitted(placed(make, labels)), fitted(make, labels))


def test_weights_and_validation_are_as_ever(rng):
    pair, labels = windows(rng)
    weights = rng.random(32).astype("float32")
    options = {"class_weight": {0: 2.0}, "validation_data": (pair, labels)}
    assert_alike(
        fitted(OnDevice(pair, labels), options=options),
        fitted(pair, labels, options),
    )
    assert_alike(
        fitted(OnDevice(pair, labels, weights)),
        fitted(pair, labels, {"sample_weight": weights}),
    )


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="takes single steps")
def test_several_steps_are_one_call(rng):
    pair, labels = windows(rng, 36)
    several = fitted(OnDevice(pair, labels), steps_per_execution=3)
    assert_alike(several, fitted(pair, labels))


@pytest.mark.slow
def test_a_model_goes_on_with_other_data(rng):
    pair, labels = windows(rng)
    model, _ = fitted(OnDevice(pair, labels))
    again = model.fit(pair, labels, batch_size=8, verbose=0)
    on_device = model.fit(OnDevice(pair, labels), batch_size=8, verbose=0)
    assert again.history.keys() == on_device.history.keys()
    assert "train_step" not in model.__dict__


def test_batches_of_a_dataset_are_read_once(rng):
    pair, labels = windows(rng)
    batches = (
        ((pair[0][i], pair[1][i]), labels[i]) for i in np.split(np.arange(32), 4)
    )
    data = OnDevice.of_batches(batches)
    np.testing.assert_array_equal(data.x[1], pair[1])
    np.testing.assert_array_equal(data.y, labels)
    assert data.sample_weight is None
    with pytest.raises(ValueError, match=r"at least one batch.*Make a new one"):
        OnDevice.of_batches(batches)


def test_what_is_wrong_is_refused_before_the_first_step(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    with pytest.raises(ValueError, match=r"from 0 to 3.*Received: \[7\]"):
        model.fit(OnDevice(pair, np.where(labels == 3, 7, labels)), verbose=0)
    for also in ({"sample_weight": np.ones(32)}, {"validation_split": 0.5}):
        with pytest.raises(ValueError, match=r"also \['.*as validation_data=\(x, y\)"):
            model.fit(OnDevice(pair, labels), verbose=0, **also)
    with pytest.raises(ValueError, match=r"also \['y'\]"):
        model.fit(OnDevice(pair, labels), labels, verbose=0)


def test_without_memory_windows_stay_where_they_are_and_the_log_says_so(
    rng, monkeypatch, caplog
):
    pair, labels = windows(rng)
    expected = fitted(pair, labels)
    monkeypatch.setattr(gradient_step, "placed", lambda *_: "its memory is full")
    with caplog.at_level(logging.INFO, "keras_dcat"):
        found = fitted(OnDevice(pair, labels))
    assert "not put on the device: its memory is full" in caplog.text
    assert_alike(found, expected)


def test_an_error_on_the_way_leaves_the_model_as_ever(rng):
    class Dies(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise RuntimeError("the user's own")

    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    with pytest.raises(RuntimeError, match="the user's own"):
        model.fit(OnDevice(pair, labels), verbose=0, callbacks=[Dies()])
    history = model.fit(pair, labels, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
