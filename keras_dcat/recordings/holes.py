"""Values that are missing inside a stream: where they are, and what fills them."""

import dataclasses
import math
from typing import Any

import numpy as np

from keras_dcat.recordings.readers.values_on_disk import LazyValues
from keras_dcat.recordings.stream import Stream, require_rising

_VALUES_AT_ONCE = 2**20


def filled(stream: Stream, max_gap: float) -> Stream:
    """Fills short holes in a stream by linear interpolation in time.

    A missing value is NaN. Each channel is filled on its own, between the last value
    before a hole and the first one after it, if these are at most `max_gap` apart.
    Longer holes, and those at the ends, stay NaN: `index_windows` treats them as gaps,
    or as much as it is told by `max_missing`.

    Args:
        stream: `Stream` whose timestamps rise.
        max_gap: float. Seconds between the values on either side of a hole.

    Returns:
        `Stream` in memory, or the same one where nothing was filled, as in streams of
        whole numbers. The values that came are not changed.

    Raises:
        ValueError: if `max_gap` is not positive, if the timestamps do not rise, or if
            a value is infinite, which is no missing value.

    Example:

    >>> marker = Stream([[0.0], [np.nan], [2.0], [np.nan], [np.nan], [5.0]], rate=10.0)
    >>> filled(marker, max_gap=0.2).values[:, 0].tolist()
    [0.0, 1.0, 2.0, nan, nan, 5.0]
    """
    if not max_gap > 0:
        raise ValueError(
            "`max_gap` must be positive. "
            f"Received: max_gap={max_gap}. Give it in seconds: 0.2."
        )
    holes = find_holes(require_rising(stream), "the stream")
    if holes is None:
        return stream
    between = holes.between()
    short = between <= max_gap + 1e-6  # times are rounded
    holes = holes.chosen(short & np.isfinite(between))
    if not len(holes.first):
        return stream
    return dataclasses.replace(stream, values=holes.without(stream.values))


@dataclasses.dataclass(frozen=True, eq=False)
class Holes:
    """Runs of missing values in a stream, each in one channel, in order of time.

    Attributes:
        first: int array `(runs,)`, the first sample that is missing.
        stop: int array `(runs,)`, the first one that is there again.
        channel: int array `(runs,)`, of channels that are counted through.
        before: float array `(runs,)`, the last value before; NaN where there is none.
        after: float array `(runs,)`, the first value after; NaN where there is none.
        times: float array `(time,)`, or None if samples are evenly spaced.
        step: float. Seconds between these.
        length: int. Samples of the stream.
    """

    first: np.ndarray
    stop: np.ndarray
    channel: np.ndarray
    before: np.ndarray
    after: np.ndarray
    times: np.ndarray | None
    step: float
    length: int

    def chosen(self, which: np.ndarray) -> "Holes":
        """Some of the runs: `which` is a mask or positions."""
        runs = ("first", "stop", "channel", "before", "after")
        some = {name: getattr(self, name)[which] for name in runs}
        return dataclasses.replace(self, **some)

    def between(self) -> np.ndarray:
        """Seconds between the values on either side; infinite at the ends."""
        is_inner = (self.first > 0) & (self.stop < self.length)
        steps = self.stop - self.first + 1
        if self.times is None:
            return np.where(is_inner, steps * self.step, np.inf)
        last = self.times[np.minimum(self.stop, self.length - 1)]
        return np.where(is_inner, last - self.times[self.first - 1], np.inf)

    def missing(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """How many values are missing from samples `begin` to `end`, exclusive.

        Args:
            begin: int array `(windows,)`.
            end: int array `(windows,)`.

        Returns:
            int array `(windows,)`, of the channel that misses most.
        """
        most = np.zeros(len(begin), "int64")
        for channel in np.unique(self.channel):
            runs = self.chosen(self.channel == channel)
            borders = np.stack([runs.first, runs.stop], axis=1).reshape(-1)
            spent = np.cumsum(runs.stop - runs.first)
            until = np.stack([spent - (runs.stop - runs.first), spent], axis=1)
            counts = np.interp([begin, end], borders, until.reshape(-1))
            most = np.maximum(most, np.rint(counts[1] - counts[0]).astype("int64"))
        return most

    def without(self, values: Any) -> np.ndarray:
        """The values, read and copied, with all of these runs filled."""
        copy = np.array(values, order="C")
        at_once = max(1, _VALUES_AT_ONCE // max(1, copy[:1].size))
        for at in range(0, self.length, at_once):
            self.fill(copy[at : at + at_once], at)
        return copy

    def fill(self, block: np.ndarray, at: int) -> None:
        """Fills a block of samples in place.

        Args:
            block: float array `(some time, channels…)`, contiguous.
            at: int. Which sample it begins with.
        """
        # Runs are in order of their beginning: none that begins later can reach in.
        last = np.searchsorted(self.first, at + len(block))
        runs = self.chosen(np.flatnonzero(self.stop[:last] > at))
        begin = np.maximum(runs.first, at)
        counts = np.minimum(runs.stop, at + len(block)) - begin
        run = np.repeat(np.arange(len(counts)), counts)
        passed = np.repeat(np.cumsum(counts) - counts, counts)
        sample = begin[run] + np.arange(len(run)) - passed
        before = np.where(np.isnan(runs.before), runs.after, runs.before)
        after = np.where(np.isnan(runs.after), before, runs.after)
        nothing = np.isnan(before)  # in the whole stream
        before, after = np.where(nothing, 0.0, before), np.where(nothing, 0.0, after)
        share = self._share(runs, run, sample)
        lines = before[run] * (1 - share) + after[run] * share
        block.reshape(len(block), -1)[sample - at, runs.channel[run]] = lines

    def _share(self, runs, run, sample):
        """Of the time from the value before to the one after, what has passed."""
        left, right = runs.first - 1, runs.stop
        if self.times is None:
            return (sample - left[run]) / (right - left)[run]
        right = np.minimum(right, self.length - 1)
        left = np.maximum(left, 0)
        whole = np.maximum(self.times[right] - self.times[left], 1e-300)
        return (self.times[sample] - self.times[left][run]) / whole[run]


class FilledValues:
    """Values that are read lazily, in which holes are filled as they are read.

    Args:
        values: array-like `(time, channels…)` of floats that can be sliced.
        holes: `Holes` of them.
    """

    def __init__(self, values: Any, holes: Holes):
        self.values, self.holes = values, holes
        self.shape, self.dtype = tuple(np.shape(values)), values.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index: slice) -> np.ndarray:
        first, last, step = index.indices(len(self))
        block = np.array(self.values[first:last], order="C")
        if len(block):
            self.holes.fill(block, first)
        return block[::step]


def find_holes(stream: Stream, where: str) -> Holes | None:
    """Where values of a stream are missing. It is passed over in blocks.

    Args:
        stream: `Stream`.
        where: str. What the stream is called in an error.

    Returns:
        `Holes`, or None if none is missing.

    Raises:
        ValueError: if a value is infinite.

    Example:

    >>> holes = find_holes(Stream([[1.0], [np.nan], [3.0]], rate=1.0), "it")
    >>> holes.first.tolist(), holes.stop.tolist(), holes.after.tolist()
    ([1], [2], [3.0])
    """
    values = stream.values
    is_sure = isinstance(values, LazyValues) and not values.may_hold_nan
    if values.dtype.kind != "f" or is_sure or not values.shape[0]:
        return None
    channels = max(1, math.prod(values.shape[1:]))
    at_once = max(1, _VALUES_AT_ONCE // channels)
    parts: list[Any] = []
    last = np.array(np.nan)
    for at in range(0, values.shape[0], at_once):
        block = np.asarray(values[at : at + at_once])
        if parts:
            _resume(parts[-1], at, block[0].reshape(-1))
        if not np.isfinite(block).all():
            rows = block.reshape(len(block), -1)
            _check_infinite(rows, at, where)
            parts.append(_runs(rows, at, np.broadcast_to(last.reshape(-1), channels)))
        last = block[-1]
    if not parts:
        return None
    first, stop, channel, before, after = map(np.concatenate, zip(*parts, strict=True))
    # A run that a border between blocks has cut in two is one.
    order = np.lexsort([first, channel])
    first, stop, channel = first[order], stop[order], channel[order]
    goes_on = (first[1:] == stop[:-1]) & (channel[1:] == channel[:-1])
    begins, ends = np.append(True, ~goes_on), np.append(~goes_on, True)
    runs = [first[begins], stop[ends], channel[begins]]
    runs += [before[order][begins], after[order][ends]]
    order = np.argsort(runs[0], kind="stable")
    step = 0.0 if stream.rate is None else 1.0 / stream.rate
    first, stop, channel, before, after = (run[order] for run in runs)
    clock = stream.timestamps, step, len(stream)
    return Holes(first, stop, channel, before, after, *clock)


def _runs(rows, at, previous):
    """Runs of NaN in a block `(time, channels)`: begin, end, channel, either side."""
    is_missing = np.isnan(rows)
    some = np.flatnonzero(is_missing.any(axis=0))
    padded = np.zeros((len(some), len(rows) + 2), bool)
    padded[:, 1:-1] = is_missing[:, some].T
    column, border = np.nonzero(padded[:, 1:] != padded[:, :-1])
    first, stop, channel = border[0::2], border[1::2], some[column[0::2]]
    before = np.where(first > 0, rows[first - 1, channel], previous[channel])
    after = rows[np.minimum(stop, len(rows) - 1), channel]  # NaN at the block's end
    floats = before.astype("float64"), after.astype("float64")
    return [first + at, stop + at, channel, *floats]


def _resume(part, at, row):
    """Tells the runs that a block ended with what comes after it."""
    ends = part[1] == at
    part[4][ends] = row[part[2][ends]]


def _check_infinite(rows, at, where):
    is_infinite = np.isinf(rows)
    if is_infinite.any():
        sample, channel = (int(n) for n in np.argwhere(is_infinite)[0])
        raise ValueError(
            "Values must not be infinite. "
            f"Received: {rows[sample, channel].item()} in sample {at + sample}, "
            f"channel {channel}, of {where}. If it stands for a missing value, say so: "
            "Stream(np.where(np.isinf(values), np.nan, values), …)."
        )
