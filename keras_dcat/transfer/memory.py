"""Windows that memory does not hold at once, in smaller batches."""

import warnings

import keras
import numpy as np

_KINDS = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
# What JAX, and torch without a GPU, say in errors of other kinds.
_WORDS = ("RESOURCE_EXHAUSTED", "not enough memory", "can't allocate memory")


class SmallerBatches:
    """Runs a function over batches; over smaller ones from when memory is short.

    Args:
        run: function of nested arrays `(batch, …)` that returns nested arrays.

    Call args:
        inputs: nested arrays `(batch, …)`.

    Returns:
        what `run` returns; NumPy arrays, if it was called more than once.

    Raises:
        MemoryError: if not even one window fits.

    Example:

    >>> def run(windows):
    ...     if len(windows) > 2:
    ...         raise MemoryError
    ...     return 2 * windows
    >>> with warnings.catch_warnings(action="ignore"):
    ...     SmallerBatches(run)(np.arange(5)).tolist()
    [0, 2, 4, 6, 8]
    """

    def __init__(self, run):
        self._run = run
        self._most = None

    def __call__(self, inputs):
        rows = len(keras.tree.flatten(inputs)[0])
        most, parts, start = min(self._most or rows, rows), [], 0
        before = most
        while start < rows:
            chosen = slice(start, start + most)
            some = keras.tree.map_structure(lambda x, own=chosen: x[own], inputs)
            try:
                parts.append(self._run(some))
            except Exception as error:
                most = fewer_windows(error, most)
                continue
            start += most
        if most < before:
            self._most = most
            warn_of_smaller_batches(before, most)
        if len(parts) == 1:
            return parts[0]
        return keras.tree.map_structure(
            lambda *own: np.concatenate(
                [keras.ops.convert_to_numpy(each) for each in own]
            ),
            *parts,
        )


def fewer_windows(error: Exception, windows: int) -> int:
    """How many windows to try at a time, after an error.

    Args:
        error: what a model raised.
        windows: int. How many it was given at a time.

    Returns:
        int, half as many.

    Raises:
        MemoryError: if it was one window.
        Exception: the error itself, if it is of another kind.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if not kinds & _KINDS and not any(words in str(error) for words in _WORDS):
        raise error
    if windows <= 1:
        raise MemoryError(
            "A model must have the memory for one window at least. "
            f"Received: {type(error).__name__} at a batch of one. "
            "Free memory, or take shorter windows or a smaller model."
        ) from error
    return windows // 2


def warn_of_smaller_batches(asked: int, done: int):
    """Says that batches are smaller than they were asked for.

    Args:
        asked: int. Windows in a batch.
        done: int. How many they are instead.
    """
    warnings.warn(
        f"There is no memory for {asked} windows at a time: they come by {done} from "
        "here on. A smaller `batch_size` says so from the start.",
        stacklevel=3,
    )
