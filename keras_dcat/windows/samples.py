"""The samples of one stream in all recordings, where they lie."""

from typing import Any

import numpy as np

from keras_dcat.shown import counted, formed, shown_as_printed


@shown_as_printed
class Samples:
    """The recordings of one stream, one after the other, without copying one.

    Looks like one array `(all samples, channels…)` of which windows can be read.
    Parts may be arrays, memory maps, or files that are read on access.

    Args:
        parts: list of array-likes `(time, channels…)` that can be sliced.
        steps: int. Length of a window. A part that is shorter takes the room of
            one window; what lies behind its end is zero. Windows are of the
            type that holds the values of all parts.
    """

    def __init__(self, parts: list, steps: int):
        self.parts = parts
        self.steps = steps
        room = [max(np.shape(part)[0], steps) for part in parts]
        self.offsets = np.concatenate([[0], np.cumsum(room)]).astype("int64")
        self.shape = (int(self.offsets[-1]), *np.shape(parts[0])[1:])
        self.dtype = np.result_type(*(part.dtype for part in parts))

    def __str__(self) -> str:
        place = "in memory" if self.in_memory else "read on access"
        parts = counted(len(self.parts), "recording")
        return f"<Samples {formed(self)} of {parts}, {place}>"

    @property
    def in_memory(self) -> bool:
        """Whether all parts are arrays that are held in memory already."""
        return all(is_in_memory(part) for part in self.parts)

    def part_of(self, starts: np.ndarray | int) -> Any:
        """Number of the part in which each position lies, int array."""
        return np.searchsorted(self.offsets, starts, side="right") - 1

    def read(self, start: int, count: int) -> np.ndarray:
        """`count` samples from a position on, up to the end of their part."""
        number = int(self.part_of(start))
        first = start - self.offsets[number]
        return np.asarray(self.parts[number][first : first + count])

    def gather(self, starts: np.ndarray) -> np.ndarray:
        """Windows as one array, a copy, whose parts are read in the order of time.

        Args:
            starts: int array `(windows,)`.

        Returns:
            array `(windows, steps, channels…)`.
        """
        windows = np.zeros((len(starts), self.steps, *self.shape[1:]), self.dtype)
        numbers = self.part_of(starts)
        firsts = starts - self.offsets[numbers]
        # In the order of time: what overlaps is then decoded once, if it must be.
        for at in np.argsort(starts, kind="stable"):
            first = firsts[at]
            values = self.parts[numbers[at]][first : first + self.steps]
            windows[at, : len(values)] = values
        return windows

    def packed(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """The samples that windows need, in blocks that all windows are made of.

        A batch is then gathered in few large copies instead of many small ones.

        Args:
            starts: int array `(windows,)`, at least one.

        Returns:
            `(blocks, first_block, blocks_per_window)`: array `(blocks, block ·
            channels)`, and the block with which each window starts, int array
            `(windows,)`.
        """
        numbers = self.part_of(starts)
        used, within = np.unique(numbers, return_inverse=True)
        begin = np.full(len(used), np.iinfo("int64").max)
        end = np.zeros(len(used), "int64")
        np.minimum.at(begin, within, starts)
        np.maximum.at(end, within, starts + self.steps)
        block = int(np.gcd.reduce(np.append(starts - begin[within], self.steps)))
        room = -(-(end - begin) // block)
        first = np.concatenate([[0], np.cumsum(room)])
        packed = np.zeros((int(first[-1]) * block, *self.shape[1:]), self.dtype)
        for at, start, stop in zip(first * block, begin, end, strict=False):
            values = self.read(start, stop - start)
            packed[at : at + len(values)] = values
        blocks = packed.reshape(int(first[-1]), -1)
        return (
            blocks,
            first[within] + (starts - begin[within]) // block,
            (self.steps // block),
        )


def is_in_memory(values) -> bool:
    """Whether values are an array that is held in memory already."""
    return isinstance(values, np.ndarray) and not isinstance(values, np.memmap)
