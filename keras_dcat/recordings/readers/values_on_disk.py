"""Values that stay in their file until they are sliced."""

import operator
from typing import Any

import numpy as np


class LazyValues:
    """Base of the values that are read where windows need them.

    A reader's values define `_read(first, last)`, which returns the samples of
    that range as an array. They hold a path and not an open file, so they can be
    pickled and used in other processes.

    Args:
        shape: tuple of int `(time, channels…)`.
        dtype: NumPy type of the values.

    Attributes:
        may_hold_nan: bool. Whether floats among them can be missing. Of a class whose
            values are decoded, and cannot, False spares a pass over them.

    Example:

    >>> class Squares(LazyValues):
    ...     def _read(self, first, last):
    ...         return np.arange(first, last)[:, None] ** 2
    >>> values = Squares((1000, 1), "int64")
    >>> values[4:7].tolist()
    [[16], [25], [36]]
    >>> values[-1].tolist()
    [998001]
    """

    may_hold_nan = True

    def __init__(self, shape: tuple[int, ...], dtype: Any):
        self.shape = tuple(int(size) for size in shape)
        self.dtype = np.dtype(dtype)

    def _read(self, first: int, last: int) -> np.ndarray:
        raise NotImplementedError

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"

    def __getitem__(self, index: int | slice) -> np.ndarray:
        if isinstance(index, slice):
            positions = range(*index.indices(len(self)))
            if not positions:
                return np.empty((0, *self.shape[1:]), self.dtype)
            first, last = sorted((positions[0], positions[-1]))
            return self._read(first, last + 1)[:: positions.step]
        try:
            position = range(len(self))[operator.index(index)]
        except TypeError as error:
            raise TypeError(
                "Values in a file are read by one slice or int along time. "
                f"Received: an index of type {type(index).__name__}. "
                "Slice the time first, then what came: values[4:7][:, 0]."
            ) from error
        return self._read(position, position + 1)[0]

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        if copy is False:
            raise ValueError(
                "Values in a file can be an array only by being read. "
                "Received: copy=False. Use np.asarray(values)."
            )
        return self[:].astype(dtype or self.dtype, copy=False)
