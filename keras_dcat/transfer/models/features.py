"""What a classifier is given of a window: its features."""

import contextlib
import contextvars
import threading
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_dcat.transfer.models.classifiers import maps_features, num_units
from keras_dcat.transfer.models.inspection import input_spec

_open_readings: contextvars.ContextVar[tuple] = contextvars.ContextVar(
    "open_readings", default=()
)
# By the id of a layer: how often, and which of its methods.
_listened_to: dict[int, tuple[int, str]] = {}
_lock = threading.Lock()


def find_classifier(model: keras.Model) -> keras.layers.Layer | None:
    """The layer that maps features to the output of a model, however deep it is nested.

    The output of a Functional or Sequential model is followed back, into models that
    are nested and out of them, through whatever has no matrix of weights: activations,
    a softmax, a temperature. Where there is no such graph, the model is run on noise:
    of the layers that it calls, it is the last one that its output depends on.

    Args:
        model: built `keras.Model`.

    Returns:
        the layer, of which `maps_features` is true. `None` if there is none, or if the
        output is made of several.

    Example:

    >>> head = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(3)])
    >>> inputs = keras.Input((16,))
    >>> model = keras.Model(inputs, keras.layers.Softmax()(head(inputs)))
    >>> find_classifier(model) is head.layers[-1]
    True
    """
    ends = _ends_of_graph(model) if _is_graph(model) else [model]
    if not all(end is None or maps_features(end) for end in ends):
        return _last_called(model)
    if len(ends) != 1 or ends[0] is None:
        return None
    fits = model.outputs[0].shape[-1] in (None, num_units(ends[0]))
    return ends[0] if fits else None


@contextlib.contextmanager
def features_read(classifier):
    """Reads what a layer is called with, in the pass that its model makes anyway.

    As `AttentionKV.capture`, it works wherever the layer sits, and wherever the block
    runs: eagerly, or while a step is being traced; for a layer that is quantized, too.
    The layer is as before afterwards.

    Args:
        classifier: built layer of one input; or `None`, of which nothing is read.

    Yields:
        list that gets one tensor per call of the layer.
    """
    read = []

    def hear(inputs):
        read.append(inputs)
        return inputs

    if classifier is None:
        yield read
        return
    with _heard(classifier, hear):
        yield read


@contextlib.contextmanager
def _heard(layer, hear):
    """Calls a layer, in this thread, with what `hear` makes of its input."""
    token = _open_readings.set((*_open_readings.get(), (layer, hear)))
    _listen(layer)
    try:
        yield
    finally:
        _listen_no_more(layer)
        _open_readings.reset(token)


def _listen(layer):
    """Other threads, such as a strategy's, may listen to the same layer."""
    with _lock:
        is_quantized = layer.quantization_mode is not None
        method = "quantized_call" if is_quantized else "call"
        count, method = _listened_to.get(id(layer), (0, method))
        _listened_to[id(layer)] = count + 1, method
        if count:
            return
        call = getattr(layer, method)

        def listening(inputs, *args, **kwargs):
            for listened, hear in _open_readings.get():
                if listened is layer:
                    inputs = hear(inputs)
            return call(inputs, *args, **kwargs)

        # Not through Keras, which would track it as a part of the layer.
        object.__setattr__(layer, method, listening)


def _listen_no_more(layer):
    with _lock:
        count, method = _listened_to.pop(id(layer))
        if count > 1:
            _listened_to[id(layer)] = count - 1, method
        else:
            object.__delattr__(layer, method)


def _is_graph(layer):
    """Whether a layer is a model that runs as the graph of its layers, as Keras's do.

    A class of one's own may make a graph and yet call its layers in another way.
    """
    is_own_call = not type(layer).call.__module__.startswith("keras.")
    is_model = isinstance(layer, keras.Model) and not is_own_call
    return is_model and bool(getattr(layer, "outputs", None))


def _ends_of_graph(model):
    """Layers in which the ways back from a model's output end, one for each call.

    `None` stands for a way that ends in an input of the model.
    """
    ends: dict[tuple | None, keras.layers.Layer | None] = {}
    seen = set()
    # Tensors, and the nested models they are in: each with the call that led into it.
    ways: list[tuple[Any, tuple]] = [(model.outputs[0], ((model, None),))]
    while ways:
        tensor, around = ways.pop()
        place = id(tensor), *(id(call) for _, call in around)
        if place in seen:
            continue
        seen.add(place)
        inner, outer_call = around[-1]
        entries = [id(x) for x in inner.inputs]
        if id(tensor) in entries:
            if outer_call is None:
                ends[None] = None
            else:
                given = outer_call.input_tensors[entries.index(id(tensor))]
                ways.append((given, around[:-1]))
            continue
        layer, call_number, output_number = tensor._keras_history
        call = layer._inbound_nodes[call_number]
        if _is_graph(layer):
            ways.append((layer.outputs[output_number], (*around, (layer, call))))
        elif _has_matrix(layer):
            ends[(id(call), *place[1:])] = layer
        else:
            ways.extend((given, around) for given in call.input_tensors)
    return list(ends.values())


def _has_matrix(layer):
    """Whether an operation may map one axis to another. A vector only scales."""
    weights = layer.weights if isinstance(layer, keras.layers.Layer) else []
    return any(len(w.shape) > 1 for w in weights)


def _last_called(model):
    """The last layer that a model calls and its output depends on, if it is all of it.

    The input of a layer is exchanged between two windows. The output of a classifier
    is exchanged by it; that of one classifier among several changes otherwise.
    """
    layers = list(model._flatten_layers())
    distributed = [x for x in layers if isinstance(x, keras.layers.TimeDistributed)]
    inside = {id(x) for each in distributed for x in each.layer._flatten_layers()}
    candidates = [x for x in layers if maps_features(x) and id(x) not in inside]
    called: list[keras.layers.Layer] = []
    with contextlib.ExitStack() as stack:
        for layer in candidates:
            stack.enter_context(_heard(layer, _noted(layer, called)))
        expected = _prediction_of_noise(model)
    for layer in reversed(called):
        with _heard(layer, _exchanged):
            found = _prediction_of_noise(model)
        if np.allclose(found, expected[::-1], rtol=1e-3, atol=1e-5):
            return layer if num_units(layer) == expected.shape[-1] else None
        if not np.allclose(found, expected, rtol=1e-3, atol=1e-5):
            return None
    return None


def _noted(layer, called):
    def hear(inputs):
        called.append(layer)
        return inputs

    return hear


def _exchanged(inputs):
    return ops.flip(inputs, axis=0)


def _prediction_of_noise(model):
    """What a model gives for two windows, always the same ones, as an array."""
    noise = np.random.default_rng(0)

    def windows(spec):
        shape = [2, *(64 if size is None else size for size in spec.shape[1:])]
        values = noise.normal(size=shape)
        if not keras.backend.is_float_dtype(spec.dtype):
            values = np.zeros(shape) + np.arange(2).reshape(2, *(1,) * len(shape[1:]))
        return ops.convert_to_tensor(values, dtype=spec.dtype)

    inputs = keras.tree.map_structure(windows, input_spec(model))
    with keras.StatelessScope():
        outputs = model(inputs, training=False)
    first = keras.tree.flatten(outputs)[0]
    return ops.convert_to_numpy(ops.cast(first, "float32"))
