import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_dcat.transfer.models.quantized import (
    check_trainable,
    fresh_optimizer,
    kinds_of_weights,
)


def dense_model(*units):
    return keras.Sequential([keras.Input((5,)), *map(layers.Dense, units)])


def quantized(model, mode="int8"):
    for layer in model.layers:
        layer.quantize(mode)
    return model


def without_bias():
    dense = layers.Dense(3, use_bias=False)
    return keras.Sequential([keras.Input((5,)), dense])


def test_quantizing_a_layer_and_adding_to_it_are_noticed():
    model = dense_model(4, 3)
    before = kinds_of_weights([model])
    assert kinds_of_weights([model]) == before
    model.layers[0].enable_lora(2)
    added = kinds_of_weights([model])
    model.layers[1].quantize("int8")
    assert len({before, added, kinds_of_weights([model])}) == 3


def test_a_target_of_which_nothing_can_be_trained_is_refused_until_it_can():
    model = quantized(without_bias())
    with pytest.raises(ValueError, match="none, and 1 quantized layers.*enable_lora"):
        check_trainable(model)
    model.layers[0].enable_lora(2)
    check_trainable(model)
    frozen = dense_model(3)
    frozen.trainable = False
    with pytest.raises(ValueError, match="0 quantized.*`target.trainable = True`"):
        check_trainable(frozen)
    frozen.trainable = True
    check_trainable(frozen)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_a_target_of_which_only_a_part_can_be_trained_is_warned_of(mode):
    with pytest.warns(UserWarning, match=r"2 quantized layers, such as \['dense"):
        check_trainable(quantized(dense_model(4, 3), mode))


def test_float8_is_trained_as_it_is():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_trainable(quantized(dense_model(4, 3), "float8"))


def test_a_fresh_optimizer_goes_on_with_other_variables_at_the_same_step(rng):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9)
    variable = keras.Variable(np.ones(3, "float32"))
    optimizer.build([variable])
    for _ in range(2):
        optimizer.apply([ops.ones(3)])
    other = keras.Variable(np.zeros(2, "float32"))
    fresh = fresh_optimizer(optimizer, [other])
    assert int(fresh.iterations) == 2
    fresh.apply([ops.ones(2)])
    # No momentum yet, and the learning rate of the third step.
    np.testing.assert_allclose(ops.convert_to_numpy(other), [-0.025] * 2, rtol=1e-6)
