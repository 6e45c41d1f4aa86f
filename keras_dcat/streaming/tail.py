"""The last samples of a stream that has no end."""

from typing import Any

import numpy as np


class Tail:
    """Samples by their number in the stream; those that were forgotten are gone.

    Attributes:
        first: int. Number of the first sample that is still there.
        end: int. Number that the next sample will have.

    Example:

    >>> tail = Tail()
    >>> tail.append(np.arange(10.0))
    >>> tail.forget(before=7)
    >>> tail[8:10].tolist()
    [8.0, 9.0]
    """

    def __init__(self):
        self.first = self.end = 0
        self._base = 0  # number of the first row of the buffer
        self._buffer: Any = None  # an array, once there is a sample

    def append(self, values: np.ndarray) -> None:
        """Adds samples at the end.

        Args:
            values: array `(samples, …)`.
        """
        if self._buffer is None:
            self._buffer = np.empty((1024, *values.shape[1:]), values.dtype)
        count = len(values)
        if self.end - self._base + count > len(self._buffer):
            self._make_room(count)
        at = self.end - self._base
        self._buffer[at : at + count] = values
        self.end += count

    def forget(self, before: int) -> None:
        """Gives up samples.

        Args:
            before: int. The number of the first that is still needed.
        """
        self.first = min(max(self.first, before), self.end)

    def __getitem__(self, numbers: slice) -> np.ndarray:
        return self._buffer[numbers.start - self._base : numbers.stop - self._base]

    def _make_room(self, count):
        kept = self[self.first : self.end]
        rows = len(self._buffer)
        while rows < 2 * (len(kept) + count):
            rows *= 2
        buffer = np.empty((rows, *kept.shape[1:]), kept.dtype)
        buffer[: len(kept)] = kept
        self._buffer, self._base = buffer, self.first
