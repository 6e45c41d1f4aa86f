"""Windows that lie on the device, from which each step gathers its batch."""

import contextlib
import logging
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from keras_dcat.shown import counted, few, formed, shown_as_printed
from keras_dcat.transfer import gradient_step
from keras_dcat.transfer.compiled_step import gathered

_LOG = logging.getLogger("keras_dcat")


@shown_as_printed
class OnDevice:
    """Windows for `DCATModel.fit` that are copied to the device once.

    A step then gathers its batch on the device, on JAX and TensorFlow. On torch, with a
    distribution strategy, or without enough memory, `fit` uses the arrays as usual, and
    the log says so. The same batches give the same results, to rounding.

    On JAX, `compile(steps_per_execution=8)` makes eight steps one call. On TensorFlow
    each `fit` compiles its step anew, which is worth it where an epoch is long.

    Args:
        x: pair of nested arrays, as in `DCATModel.fit`; a source's part may be what
            `cache_source` gives.
        y: labels, an array.
        sample_weight: array `(windows,)`, or `None`.

    Example:

    >>> data = OnDevice((np.ones((4, 50, 6)), np.ones((4, 50, 3))), np.zeros(4))
    >>> # model.fit(data, batch_size=2, epochs=3)
    """

    def __init__(self, x: Any, y: Any, sample_weight: Any = None):
        self.x = x
        self.y = y
        self.sample_weight = sample_weight

    def __str__(self) -> str:
        arrays = keras.tree.flatten(self.x)
        count = counted(len(arrays[0]), "window")
        return f"<OnDevice {count}: {few(arrays, tell=formed)}>"

    @classmethod
    def of_batches(cls, batches: Iterable) -> "OnDevice":
        """The windows of a dataset, which is read once.

        Args:
            batches: finite iterable of `(x, y)` or `(x, y, sample_weight)`, such as a
                `tf.data.Dataset` of `cache_source`. It should not shuffle: `fit` does.

        Returns:
            `OnDevice`.

        Raises:
            ValueError: if there is no batch.
        """
        found = [keras.tree.map_structure(np.asarray, batch) for batch in batches]
        if not found:
            raise ValueError(
                "`batches` must be a dataset of at least one batch. Received: none. "
                "Make a new one: a generator can be read once."
            )
        return cls(*keras.tree.map_structure(lambda *x: np.concatenate(x), *found))


@contextlib.contextmanager
def steps_on_device(model, windows):
    """Lets the steps of a model gather their batches on the device.

    Args:
        model: compiled `DCATModel`.
        windows: tuple of nested arrays, `(x, y)` or `(x, y, sample_weight)`.

    Yields:
        int array, the rows of all windows, for `fit`; `None`, where windows stay where
        they are.
    """
    placed = gradient_step.placed(model, windows)
    if isinstance(placed, str):
        _LOG.info("Windows are not put on the device: %s.", placed)
        yield None
        return
    count = len(keras.tree.flatten(windows)[0])
    # Keras builds metrics by a batch, which is to be one of windows.
    model._symbolic_build(data_batch=keras.tree.map_structure(lambda x: x[:1], windows))
    if keras.backend.backend() == "jax":
        model.make_train_function()
        model.train_function.windows = placed
        try:
            yield np.arange(count, dtype="int32")
        finally:
            model.train_function.windows = None
        return
    step = model.train_step
    model.train_function = None  # its step is another one
    # Not through Keras, which would track it as a part of the model.
    object.__setattr__(model, "train_step", lambda batch: step(gathered(placed, batch)))
    try:
        yield np.arange(count, dtype="int32")
    finally:
        del model.__dict__["train_step"]
        model.train_function = None
