"""Layers that map features to outputs, one position at a time: what a model ends in."""

import keras
from keras import layers


def maps_features(layer) -> bool:
    """Whether a layer maps the last axis of its input, and nothing else, by a matrix.

    Args:
        layer: `keras.layers.Layer`, or another operation of a graph.

    Returns:
        bool. True for a `Dense`, an `EinsumDense` that is one (`"bf,fc->bc"`), a
        convolution whose kernel has a length of 1, and a `TimeDistributed` of these.
    """
    if isinstance(layer, layers.TimeDistributed):
        return maps_features(layer.layer)
    if isinstance(layer, layers.EinsumDense):
        return _is_dense(layer.equation)
    if isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.Conv3D)):
        ones = {*layer.kernel_size, *layer.strides, layer.groups} == {1}
        return ones and layer.data_format == "channels_last"
    return isinstance(layer, layers.Dense)


def num_features(classifier: keras.layers.Layer) -> int:
    """How many features a classifier is given.

    Args:
        classifier: built layer, of which `maps_features` is true. Its kernel may be
            quantized.

    Returns:
        int, the last axis of its input.
    """
    return _input_shape(classifier)[-1]


def num_units(classifier: keras.layers.Layer) -> int:
    """How many outputs a classifier gives.

    Args:
        classifier: as in `num_features`.

    Returns:
        int, the last axis of its output.
    """
    return classifier.compute_output_shape(_input_shape(classifier))[-1]


def _input_shape(layer):
    return layer.get_build_config()["input_shape"]


def _is_dense(equation):
    """Whether an einsum contracts the last axis of its input with a matrix."""
    inputs, rest = equation.replace(" ", "").split(",")
    kernel, outputs = rest.split("->")
    leads_alike = inputs[:-1] == outputs[:-1]
    is_matrix = kernel == inputs[-1] + outputs[-1]
    return leads_alike and is_matrix and outputs[-1] not in inputs
