"""What a classifier is given of a window: its features."""

import collections
import contextlib
import contextvars
import threading

import keras

_open_readings = contextvars.ContextVar("open_readings", default=())
_listened_to = collections.Counter()  # by the id of a layer
_lock = threading.Lock()


def find_classifier(model: keras.Model) -> keras.layers.Dense | None:
    """The last `Dense` layer of a model, however deep it is nested.

    Args:
        model: `keras.Model`.

    Returns:
        the layer, or `None` if there is none.
    """
    dense = [x for x in model._flatten_layers() if isinstance(x, keras.layers.Dense)]
    return dense[-1] if dense else None


@contextlib.contextmanager
def features_read(classifier, split=None):
    """Reads what a layer is called with, in the pass that its model makes anyway.

    As `AttentionKV.capture`, it works wherever the layer sits, and wherever the block
    runs: eagerly, or while a step is being traced. The layer is as before afterwards.

    Args:
        classifier: built layer of one input; or `None`, of which nothing is read.
        split: function `tensor -> ((tensor,), (tensor,))`. The layer goes on with the
            first, and the second is read. Unless given, both are one.

    Yields:
        list that gets one tensor per call of the layer.
    """
    read = []
    if classifier is None:
        yield read
        return
    token = _open_readings.set((*_open_readings.get(), (classifier, read, split)))
    _listen(classifier)
    try:
        yield read
    finally:
        _listen_no_more(classifier)
        _open_readings.reset(token)


def _listen(layer):
    """Other threads, such as a strategy's, may listen to the same layer."""
    with _lock:
        _listened_to[id(layer)] += 1
        if _listened_to[id(layer)] > 1:
            return
        call = layer.call

        def listening(inputs, *args, **kwargs):
            for listened, read, split in _open_readings.get():
                if listened is layer:
                    (inputs,), (own,) = split(inputs) if split else 2 * ((inputs,),)
                    read.append(own)
            return call(inputs, *args, **kwargs)

        # Not through Keras, which would track it as a part of the layer.
        object.__setattr__(layer, "call", listening)


def _listen_no_more(layer):
    with _lock:
        _listened_to[id(layer)] -= 1
        if not _listened_to[id(layer)]:
            del _listened_to[id(layer)]
            object.__delattr__(layer, "call")
