"""The same model, of one window, in as few operations as a small device can hold."""

import contextlib
import functools
import logging
from collections.abc import Iterator
from typing import Any

import keras
from keras import layers, ops

from keras_dcat.encoders import LevelAndSpread, ShareAbove
from keras_dcat.export.micro.statistics import (
    IN_FLOAT32,
    Part,
    Statistics,
    concatenated,
    named,
    neighbours_joined,
)
from keras_dcat.extras import require


def float_model(serving: keras.Model) -> bytes:
    """A LiteRT model of one window, in float32.

    Recurrent layers are unrolled. Statistics share one logarithm, and a normalization
    over features has as few operations as it can. What it computes is the same.

    Args:
        serving: `keras.Model`, as of `serving_model`, on the TensorFlow backend.

    Returns:
        bytes.
    """
    tf = require("tensorflow", "export")
    shape = (1, *serving.input_shape[1:])
    signature = [tf.TensorSpec(shape, "float32", "windows")]

    @tf.function(input_signature=signature, autograph=False)
    def run(windows):
        return _resolved(_through(serving, windows, type(serving)))

    with unrolled(serving), in_single_precision(serving), _quiet():
        # Without the model, so that variables become constants, of which it warns.
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [run.get_concrete_function()]
        )
        return bytes(converter.convert())


@contextlib.contextmanager
def _quiet():
    """What TensorFlow logs below an error is not shown, for a while."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextlib.contextmanager
def unrolled(model: keras.Model) -> Iterator[None]:
    """Recurrent layers of a model are loops written out, for a while.

    Args:
        model: `keras.Model`.

    Returns:
        context manager.
    """
    looped = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, layers.RNN) and not layer.unroll
    ]
    try:
        for layer in looped:
            layer.unroll = True
        yield
    finally:
        for layer in looped:
            layer.unroll = False


@contextlib.contextmanager
def in_single_precision(model: keras.Model) -> Iterator[None]:
    """Layers that compute in half precision do so in float32, for a while.

    LiteRT and ONNX Runtime have most operations in float32 alone. Weights are in it.

    Args:
        model: `keras.Model`.

    Returns:
        context manager.
    """
    mixed = ("mixed_float16", "mixed_bfloat16")
    found = [x for x in model._flatten_layers() if x.dtype_policy.name in mixed]
    kept = [(layer, layer.dtype_policy) for layer in found]
    try:
        for layer, _ in kept:
            layer.dtype_policy = "float32"
        yield
    finally:
        for layer, policy in kept:
            layer.dtype_policy = policy


def _through(model, x, graph):
    """What a model makes of a window; of a graph, layer by layer."""
    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            x = _lowered(layer, graph)(x)
        return x
    lowered = functools.partial(_lowered, graph=graph)
    return model._run_through_graph([x], operation_fn=lowered)


def _lowered(operation, graph):
    """A function that computes what an operation does, in inference."""

    def call(*args: Any, **kwargs: Any) -> Any:
        first = args[0] if args else None
        if isinstance(operation, LevelAndSpread) and not _is_masked(first, kwargs):
            return Statistics.of(_part(first), operation.epsilon)
        if isinstance(first, Statistics):
            if isinstance(operation, layers.BatchNormalization):
                return first.normalized(operation)
            if isinstance(operation, layers.Dropout):
                return first
        if _cuts_steps(operation, args):
            x = _resolved(first)
            return Part(x, *args[1][1].indices(x.shape[1])[:2])
        if isinstance(operation, layers.Concatenate):
            args = (neighbours_joined(args[0]), *args[1:])
        args, kwargs = keras.tree.map_structure(_resolved, (args, kwargs))
        if _is_graph(operation, graph):
            return _through(operation, args[0], graph)
        if type(operation).__name__ == "Any":  # which small devices do not have
            reduced = {"axis": operation.axis, "keepdims": operation.keepdims}
            return ops.greater(ops.max(ops.cast(args[0], "float32"), **reduced), 0)
        if _cuts(operation, args) and len(args[0].shape) > 4:
            return ops.expand_dims(ops.squeeze(args[0], 0)[tuple(args[1])[1:]], 0)
        if isinstance(operation, layers.TimeDistributed) and not _is_masked(
            args[0], kwargs
        ):
            made = operation.layer(ops.squeeze(args[0], 0), training=False)
            return ops.expand_dims(made, 0)
        if isinstance(operation, layers.Concatenate):
            return concatenated(args[0], operation.axis)
        if isinstance(operation, ShareAbove) and not _is_masked(args[0], kwargs):
            above = [ops.greater(args[0], each) for each in operation.thresholds]
            shares = [ops.mean(ops.cast(each, "float32"), axis=1) for each in above]
            return concatenated(shares, -1)
        if isinstance(operation, layers.LayerNormalization):
            return _layer_normalization(operation, args[0])
        if isinstance(operation, layers.Normalization):
            with named(IN_FLOAT32):
                return operation(*args, **kwargs)
        if isinstance(operation, layers.Layer) and operation._call_has_training_arg:
            kwargs["training"] = False
        return operation(*args, **kwargs)

    return call


def _is_graph(model, graph):
    """Whether a model is no more than its layers, with one input."""
    if isinstance(model, keras.Sequential):
        return True
    return type(model) is graph and len(model.inputs) == 1


def _cuts(operation, args):
    """Whether an operation is `x[:, …]`."""
    if type(operation).__name__ != "GetItem" or len(args) != 2:
        return False
    key = args[1]
    return isinstance(key, (tuple, list)) and len(key) > 1 and key[0] == slice(None)


def _cuts_steps(operation, args):
    """Whether an operation is `x[:, start:stop]`, or leaves out one of the two."""
    if not _cuts(operation, args) or len(args[0].shape) != 3 or len(args[1]) != 2:
        return False
    steps = args[1][1]
    return isinstance(steps, slice) and steps.step is None


def _part(item):
    return item if isinstance(item, Part) else Part(item, 0, item.shape[1])


def _is_masked(item, options):
    return (
        options.get("mask") is not None
        or getattr(item, "_keras_mask", None) is not None
    )


def _layer_normalization(layer, x):
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    if axis not in (-1, len(x.shape) - 1) or layer.rms_scaling:
        return layer(x)
    with named(IN_FLOAT32):
        x = ops.subtract(x, ops.mean(x, axis=-1, keepdims=True))
        variance = ops.mean(ops.square(x), axis=-1, keepdims=True)
        x = ops.multiply(x, ops.rsqrt(variance + layer.epsilon))
        x = x * layer.gamma if layer.scale else x
        return x + layer.beta if layer.center else x


def _resolved(item):
    return item.tensor() if isinstance(item, (Part, Statistics)) else item
