"""Files that stay open between two slices, each where the last one ended."""

import collections
import os
import threading
from collections.abc import Callable
from typing import Any

from keras_dcat.recordings.readers.block_memory import Version

_MOST = 8  # that wait; threads that read at once have one each beside these


class OpenDecoders:
    """What decodes a file, and waits for the next slice.

    Who takes one has it alone until it is put back, so that threads may read one file
    at once. Those that waited longest are closed. A process that was forked begins
    with none, for it would share the places in files with its parent.
    """

    def __init__(self):
        self._gone: collections.deque[int] = collections.deque()
        self.start_anew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.start_anew)

    def start_anew(self) -> None:
        """Forgets all, and whoever holds the lock."""
        self._lock = threading.Lock()
        self._waiting: list[tuple[Version, Any]] = []

    def take(self, version: Version, choose: Callable) -> Any:
        """One of those that wait, which from now on is the caller's.

        Args:
            version: `Version` of the values that it must be of. Those of another state
                of the file are closed.
            choose: function from a list of them, of which the last waits shortest, to
                one of them or None. It is not called without any.

        Returns:
            one of them, or None.
        """
        with self._lock:
            self._close(
                lambda other: (
                    other.values == version.values and other.state != version.state
                )
            )
            own = [decoder for other, decoder in self._waiting if other == version]
            chosen = choose(own) if own else None
            self._waiting = [each for each in self._waiting if each[1] is not chosen]
        return chosen

    def put_back(self, version: Version, decoder: Any) -> None:
        """Lets one wait for the next slice.

        Args:
            version: `Version` of the values that it is of.
            decoder: what has a method `close`.
        """
        with self._lock:
            gone = {self._gone.popleft() for _ in range(len(self._gone))}
            self._close(lambda other: other.values in gone)
            self._waiting.append((version, decoder))
            while len(self._waiting) > _MOST:
                self._waiting.pop(0)[1].close()

    def forget(self, values: int) -> None:
        """Closes what decodes values that nobody has any more.

        Args:
            values: int, as in their `Version`.
        """
        self._gone.append(values)
        # They may be collected while this very thread has the lock: later, then.
        if self._lock.acquire(blocking=False):
            try:
                self._close(lambda other: other.values == values)
            finally:
                self._lock.release()

    def _close(self, is_of):
        for version, decoder in self._waiting:
            if is_of(version):
                decoder.close()
        self._waiting = [each for each in self._waiting if not is_of(each[0])]


DECODERS = OpenDecoders()  # of this process
