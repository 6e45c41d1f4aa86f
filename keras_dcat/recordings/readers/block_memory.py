"""Decoded parts of files that stay in memory, of all files together."""

import collections
import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Version(NamedTuple):
    """Values of a file, and what the file was when they were read.

    Args:
        values: int. A number that no other values of this process have.
        state: what changes with the file; None for bytes in memory.
    """

    values: int
    state: Any


class BlockMemory:
    """Arrays that were decoded. Those used longest ago make room for others.

    Threads may use it at once. A process that was forked begins with an empty one.

    Example:

    >>> memory, version = BlockMemory(), Version(1, None)
    >>> memory.keep(version, {n: np.full(4, n, "uint8") for n in range(3)}, most=8)
    >>> sorted(memory.find(version, range(3)))
    [1, 2]
    """

    def __init__(self):
        self._gone: collections.deque[int] = collections.deque()
        self.start_anew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.start_anew)

    def start_anew(self) -> None:
        """Forgets all, and whoever holds the lock."""
        self._lock = threading.Lock()
        self._blocks: collections.OrderedDict = collections.OrderedDict()
        self._size = 0

    def find(self, version: Version, numbers: Iterable[int]) -> dict[int, np.ndarray]:
        """Those of some blocks that are there, which count as used just now.

        Args:
            version: `Version` of the values that they are of.
            numbers: which of its blocks.

        Returns:
            dict from a number to its array, which must not be changed.
        """
        found = {}
        with self._lock:
            for number in numbers:
                block = self._blocks.get((version, number))
                if block is not None:
                    self._blocks.move_to_end((version, number))
                    found[number] = block
        return found

    def keep(
        self, version: Version, blocks: Mapping[int, np.ndarray], most: int
    ) -> None:
        """Adds blocks, and drops of all that are there what was used longest ago.

        Args:
            version: `Version` of the values that they are of.
            blocks: dict from a number to its array, which nobody changes.
            most: int. Bytes that may be there afterwards, of all files.
        """
        with self._lock:
            self._drop_gone()
            for number, block in blocks.items():
                if (version, number) not in self._blocks:
                    self._blocks[version, number] = block
                    self._size += block.nbytes
            while self._size > most:
                self._size -= self._blocks.popitem(last=False)[1].nbytes

    def forget(self, values: int) -> None:
        """Drops what there is of values that nobody has any more.

        Args:
            values: int, as in their `Version`.
        """
        self._gone.append(values)
        # They may be collected while this very thread has the lock: later, then.
        if self._lock.acquire(blocking=False):
            try:
                self._drop_gone()
            finally:
                self._lock.release()

    def _drop_gone(self):
        gone = {self._gone.popleft() for _ in range(len(self._gone))}
        for key in [key for key in self._blocks if gone and key[0].values in gone]:
            self._size -= self._blocks.pop(key).nbytes


MEMORY = BlockMemory()  # of this process
