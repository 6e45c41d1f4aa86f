import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer.caching.fingerprints import (
    source_fingerprint,
    window_identities,
)
from keras_dcat.transfer.models.branch import Branch
from keras_dcat.transfer.models.heads import find_head
from tests.models import branch


def fingerprint(model, names=(None,)):
    read = Branch(model, find_head(model), list(names))
    read.read({"projections"})
    return source_fingerprint(read)


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


@pytest.mark.parametrize(
    "change", [{"softmax": True}, {"attention": "linear"}, {"dtype": "mixed_bfloat16"}]
)
def test_another_architecture_with_the_same_weights_is_seen(change):
    model, other = branch(5, steps=12), branch(5, steps=12, **change)
    other.set_weights(model.get_weights())
    assert fingerprint(other)["architecture"] != fingerprint(model)["architecture"]
    assert fingerprint(other)["weights"] == fingerprint(model)["weights"]


def test_a_variable_that_is_one_number_counts():
    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, inputs):
            return self.scale * inputs

    inputs = keras.Input((12, 5))
    scaled = Scaled()
    model = keras.Model(inputs, branch(5, steps=12)(scaled(inputs)))
    attentions = [model.layers[-1].layers[3].name]
    before = fingerprint(model, attentions)
    scaled.scale.assign(2.0)
    after = fingerprint(model, attentions)
    assert after.pop("weights") != before.pop("weights")
    assert after == before


def test_another_attention_layer_of_the_same_model_is_seen():
    inputs = keras.Input((12, 5))
    x = keras_dcat.AttentionKV(4, name="first")(inputs)
    x = keras_dcat.AttentionKV(4, name="second")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(inputs, keras.layers.Dense(4)(x))
    first, second, both = (
        fingerprint(model, names)
        for names in (["first"], ["second"], ["first", "second"])
    )
    compared = [each.pop("attention layers") for each in (first, second, both)]
    assert len(set(compared)) == 3
    assert first == second == both


def test_what_a_layer_is_given_is_a_part_of_the_architecture():
    def differing(turned):
        inputs = keras.Input((12, 5))
        shared = keras.layers.Dense(5)
        once = shared(inputs)
        passes = [once, shared(once)]
        x = keras.layers.Subtract()(passes[::-1] if turned else passes)
        return keras.Model(inputs, branch(5, steps=12)(x))

    def attentive(model):
        return fingerprint(model, [model.layers[-1].layers[3].name])

    model, other, again = (differing(turned) for turned in (False, True, False))
    for each in (other, again):
        each.set_weights(model.get_weights())
    assert attentive(again) == attentive(model)
    assert attentive(other)["architecture"] != attentive(model)["architecture"]


def behind_a_layer(**options):
    """The fingerprint of a branch whose windows go through one more layer."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 5))
    inner = branch(5, steps=12)
    hidden = keras.layers.Dense(5, activation="relu", **options)(inputs)
    return fingerprint(keras.Model(inputs, inner(hidden)), [inner.layers[3].name])


def test_a_layer_may_have_the_name_of_a_function():
    assert behind_a_layer(name="relu") == behind_a_layer(name="other")


def test_the_precision_of_a_single_layer_counts():
    exact, half = behind_a_layer(), behind_a_layer(dtype="mixed_bfloat16")
    assert exact["architecture"] != half["architecture"]


def test_a_model_without_a_configuration_has_a_fingerprint():
    class Subclassed(keras.Model):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def call(self, inputs):
            return self.inner(inputs)

        def get_config(self):
            raise NotImplementedError

    class Another(Subclassed):
        pass

    inner = branch(5, steps=12)
    model, other = Subclassed(inner), Another(inner)
    for each in (model, other):
        each.build((None, 12, 5))
    assert fingerprint(model) == fingerprint(model)
    assert fingerprint(other)["architecture"] != fingerprint(model)["architecture"]
    assert fingerprint(other)["weights"] == fingerprint(model)["weights"]


@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool"])
def test_windows_are_told_apart_by_value_shape_and_dtype(dtype):
    windows = np.zeros((3, 4, 2), dtype)
    windows[2, 3, 1] = 1
    first, second, third = window_identities(windows)
    assert first == second != third
    assert window_identities(windows[1:]) == [second, third]
    assert len(first) == 16
    assert window_identities(windows.reshape(3, 2, 4))[0] != first
    assert window_identities(windows.astype("float64"))[0] != first


def test_every_input_of_a_window_counts():
    one, other = np.zeros((2, 3)), np.array([0.0, 1.0])
    first, second = window_identities({"a": one, "b": other})
    assert first != second
