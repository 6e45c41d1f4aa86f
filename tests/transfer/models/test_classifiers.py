import keras
import numpy as np
import pytest
from keras import layers

from keras_dcat.transfer.models.classifiers import (
    maps_features,
    num_features,
    num_units,
)

MAPS = {
    "dense": (lambda: layers.Dense(3), (None, 7)),
    "dense of steps": (lambda: layers.Dense(3), (None, 5, 7)),
    "einsum": (lambda: layers.EinsumDense("bf,fc->bc", 3, bias_axes="c"), (None, 7)),
    "einsum of steps": (
        lambda: layers.EinsumDense("...f,fc->...c", 3),
        (None, 5, 7),
    ),
    "distributed": (lambda: layers.TimeDistributed(layers.Dense(3)), (None, 5, 7)),
    "convolution": (lambda: layers.Conv1D(3, 1), (None, 5, 7)),
}
NO_MAPS = {
    "a longer kernel": layers.Conv1D(3, 2),
    "a stride": layers.Conv1D(3, 1, strides=2),
    "groups": layers.Conv1D(4, 1, groups=2),
    "channels first": layers.Conv1D(3, 1, data_format="channels_first"),
    "two axes at once": layers.EinsumDense("btf,fhd->bthd", (None, 2, 3)),
    "an axis between": layers.EinsumDense("btf,tc->bcf", (3, 7)),
    "all axes": layers.EinsumDense("btf,tfc->bc", (3,)),
    "a matrix for each step": layers.EinsumDense("btf,tfc->btc", (None, 3)),
    "recurrent": layers.GRU(3),
    "distributed convolution": layers.TimeDistributed(layers.Conv1D(3, 2)),
    "an activation": layers.Softmax(),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_layer_with_one_matrix_over_the_last_axis_tells_its_sizes(name):
    build, shape = MAPS[name]
    layer = build()
    layer.build(shape)
    assert maps_features(layer)
    assert (num_features(layer), num_units(layer)) == (7, 3)


@pytest.mark.parametrize("name", NO_MAPS)
def test_other_layers_are_no_map_of_features(name):
    assert not maps_features(NO_MAPS[name])
    assert not maps_features(keras.ops.softmax)


@pytest.mark.each_value
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.parametrize("name", ["dense", "einsum"])
def test_sizes_are_those_before_quantizing_and_after(name, mode):
    build, shape = MAPS[name]
    layer = build()
    layer(np.zeros((1, *shape[1:]), "float32"))
    layer.quantize(mode)
    assert (num_features(layer), num_units(layer)) == (7, 3)
