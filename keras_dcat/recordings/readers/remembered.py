"""Values that are decoded where they are sliced, and remembered for the next slice."""

import itertools
import numbers
import weakref
from typing import Any

from keras_dcat.recordings.readers.block_memory import MEMORY, Version
from keras_dcat.recordings.readers.open_decoders import DECODERS
from keras_dcat.recordings.readers.opened_files import Source
from keras_dcat.recordings.readers.values_on_disk import LazyValues

DEFAULT_MEMORY = 2**28  # bytes
_NUMBERS = itertools.count()


class RememberedValues(LazyValues):
    """Base of the values whose decoded parts stay in memory for a while.

    What a slice has decoded is in `MEMORY`, and what decoded it waits in `DECODERS`,
    under the version of the file: when it is another file under the same name,
    everything is decoded anew.

    Args:
        source: `Source`. The file.
        shape: tuple of int `(time, channels…)`.
        dtype: NumPy type of the values.
        memory: int. Bytes that decoded parts, of all files, may take.
    """

    def __init__(self, source: Source, shape: tuple, dtype: Any, memory: int):
        super().__init__(shape, dtype)
        self.source, self.memory = source, memory
        self._begin()

    def _begin(self):
        self._number = next(_NUMBERS)
        for kept in (MEMORY, DECODERS):
            weakref.finalize(self, kept.forget, self._number).atexit = False

    def __getstate__(self):
        return {name: x for name, x in self.__dict__.items() if name != "_number"}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._begin()

    def _version(self):
        return Version(self._number, self.source.state)


def check_memory(memory: int) -> None:
    """Refuses what is no number of bytes."""
    if not isinstance(memory, numbers.Integral) or memory < 0:
        raise ValueError(
            "`memory` must be a whole number of bytes, or 0 to keep nothing. "
            f"Received: memory={memory!r}. Leave it at its default, {DEFAULT_MEMORY}."
        )
