"""Samples that were decoded once, on disk for as long as somebody needs them."""

import os
import tempfile
import threading
import weakref
from typing import Any

import numpy as np

_BLOCK = 2**16  # samples that are written at once
_LARGEST = 2**30  # bytes after which another file is begun


class Kept:
    """Float32 samples `(time, channels)` in a temporary file without a name.

    Many share one file, so that thousands of short sounds do not use up the files
    that a process may have open. The system frees it with the last of them, even
    when the process is killed. Threads may read at once, and so may processes that
    were forked.

    Args:
        channels: int. Values of each sample.

    Example:

    >>> kept = Kept(channels=2)
    >>> kept.append(np.ones((3, 2), "float32"))
    >>> kept.append(np.zeros((4, 2), "float32"))
    >>> len(kept), kept.read(2, 4).tolist()
    (7, [[1.0, 1.0], [0.0, 0.0]])
    """

    def __init__(self, channels: int):
        self.channels = channels
        self._waiting: list[np.ndarray] = []  # what is no whole block yet
        self._count = 0
        self._blocks: list[tuple[_File, int]] = []  # file and place of each

    def __len__(self) -> int:
        return len(self._blocks) * _BLOCK + self._count

    def append(self, samples: np.ndarray) -> None:
        """Adds samples at the end.

        Args:
            samples: float32 array `(time, channels)`.

        Raises:
            OSError: if there is no room on disk.
        """
        self._waiting.append(samples)
        self._count += len(samples)
        if self._count < _BLOCK:
            return
        waiting = np.concatenate(self._waiting)
        whole = self._count // _BLOCK * _BLOCK
        for block in np.split(waiting[:whole], whole // _BLOCK):
            self._blocks.append(_File.newest().append(block.tobytes()))
        self._waiting, self._count = [waiting[whole:].copy()], self._count - whole

    def read(self, first: int, last: int) -> np.ndarray:
        """A copy of some samples.

        Args:
            first: int. The first of them.
            last: int. The one after the last of them.

        Returns:
            float32 array `(last - first, channels)`.
        """
        parts, width = [np.empty((0, self.channels), "float32")], 4 * self.channels
        for number in range(first // _BLOCK, -(-last // _BLOCK)):
            start = number * _BLOCK
            begin, end = max(first - start, 0), min(last - start, _BLOCK)
            if number == len(self._blocks):
                parts.append(np.concatenate(self._waiting)[begin:end])
                continue
            file, place = self._blocks[number]
            content = file.read(place + begin * width, (end - begin) * width)
            parts.append(np.frombuffer(content, "float32").reshape(-1, self.channels))
        return np.concatenate(parts)


class _File:
    """A temporary file that only grows."""

    _newest: Any = staticmethod(lambda: None)  # or a weak reference to one

    def __init__(self):
        self.file = tempfile.TemporaryFile(buffering=0)
        self.owner, self.size, self.lock = os.getpid(), 0, threading.Lock()

    def __del__(self):
        self.file.close()

    @classmethod
    def newest(cls):
        """The one to append to, never one that a forked process has as well."""
        file = cls._newest()
        if file is None or file.size > _LARGEST or file.owner != os.getpid():
            file = cls()
            cls._newest = weakref.ref(file)
        return file

    def append(self, content):
        """This file and the place in it where the content now is."""
        with self.lock:
            place, left = self.size, memoryview(content)
            self.size += len(content)
            self.file.seek(place)
            try:
                while left:
                    left = left[self.file.write(left) :]
            except OSError as error:
                raise OSError(
                    error.errno,
                    "Sound that has to be decoded from its start is kept in a "
                    f"temporary file. Received: {error.strerror} in "
                    f"{tempfile.gettempdir()!r}. Set the environment variable TMPDIR "
                    "to a folder with more room",
                ) from error
        return self, place

    def read(self, place, count):
        if hasattr(os, "pread"):  # leaves the place that forked processes share
            return os.pread(self.file.fileno(), count, place)
        with self.lock:
            self.file.seek(place)
            return self.file.read(count)
