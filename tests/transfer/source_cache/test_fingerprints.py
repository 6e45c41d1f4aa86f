import keras
import numpy as np
import pytest

from keras_dcat.transfer.branch import Branch
from keras_dcat.transfer.source_cache.fingerprints import (
    source_fingerprint,
    window_identities,
)
from tests.models import branch


def fingerprint(model):
    return source_fingerprint(Branch(model, [None]))


def test_the_same_model_built_again_has_the_same_fingerprint():
    model = branch(5, steps=12)
    again = branch(5, steps=12)  # whose layers have other names
    again.set_weights(model.get_weights())
    assert fingerprint(again) == fingerprint(model)
    assert again.layers[-1].name != model.layers[-1].name


def test_compiling_a_model_does_not_change_it():
    model = branch(5, steps=12)
    before = fingerprint(model)
    model.compile("sgd", "mse")
    assert fingerprint(model) == before


def test_a_weight_that_changes_by_a_bit_is_seen():
    model = branch(5, steps=12)
    before = fingerprint(model)
    weight = model.weights[-1]
    weight.assign(np.nextafter(keras.ops.convert_to_numpy(weight), np.float32(9)))
    after = fingerprint(model)
    assert after.pop("weights") != before.pop("weights")
    assert after == before


@pytest.mark.parametrize("change", [{"softmax": True}, {"attention": "linear"}])
def test_another_architecture_with_the_same_weights_is_seen(change):
    model, other = branch(5, steps=12), branch(5, steps=12, **change)
    other.set_weights(model.get_weights())
    assert fingerprint(other)["architecture"] != fingerprint(model)["architecture"]
    assert fingerprint(other)["weights"] == fingerprint(model)["weights"]


def test_a_model_without_a_configuration_has_a_fingerprint():
    class Subclassed(keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, inputs):
            return self.inner(inputs)

        def get_config(self):
            raise NotImplementedError

    model = Subclassed(branch(5, steps=12))
    model.build((None, 12, 5))
    assert fingerprint(model) == fingerprint(model)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
def test_windows_are_told_apart_by_value_shape_and_dtype(dtype):
    windows = np.zeros((3, 4, 2), dtype)
    windows[2, 3, 1] = 1
    first, second, third = window_identities(windows)
    assert first == second != third
    assert window_identities(windows.reshape(3, 2, 4))[0] != first
    assert window_identities(windows.astype("float64"))[0] != first


def test_every_input_of_a_window_counts():
    one, other = np.zeros((2, 3)), np.array([0.0, 1.0])
    first, second = window_identities({"a": one, "b": other})
    assert first != second
