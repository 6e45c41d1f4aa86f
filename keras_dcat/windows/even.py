"""Streams of any clock, on the even steps that windows are cut from."""

import numpy as np

from keras_dcat.recordings import Stream
from keras_dcat.recordings.at_rate import AtRate, clock_of, nearest_step
from keras_dcat.recordings.readers.values_on_disk import LazyValues
from keras_dcat.windows.labels import TINY
from keras_dcat.windows.samples import Samples, is_in_memory

_GAP = 2.5  # median steps; a shorter step is none, whether a window spans it or not


def even_samples(streams, times, rate, steps, *, shares=None):
    """Samples of one stream in all recordings, and where its windows start in them.

    A stream that has the rate is taken as it is, and windows start at the sample that
    is nearest to their time. Any other is brought to the rate, stretch by stretch:
    nothing is filtered or interpolated across a gap, which is a long step between two
    timestamps that no window spans. The steps of a stretch meet the start of its first
    window, and so that of all whose distance is a whole number of steps.

    What is in memory is computed at once, what is read lazily where it is sliced; the
    values are the same. Pictures, which are ints with at least two axes for a frame,
    are blended where a stream that has a rate goes down; where it goes up, or has
    timestamps, each is the one nearest in time and stays what it is.

    Args:
        streams: list of `Stream`, one for each recording.
        times: list of float arrays `(windows,)`, when the windows of each recording
            start, in seconds, rising.
        rate: float. Samples per second of the windows, in Hz.
        steps: int. Samples of a window.
        shares: list of float, one for each recording. Below 1 where its only window is
            padded: what share of it all streams have. What lies behind is left out.
            None if no window is.

    Returns:
        `(samples, starts)`: `Samples`, and int array `(all windows,)`.
    """
    parts, starts = [], []
    shares = [1.0] * len(streams) if shares is None else shares
    for stream, moments, share in zip(streams, times, shares, strict=True):
        if not len(moments):
            continue
        for even, own in _evenly(stream, moments, rate, steps / rate):
            first = nearest_step((own - even.start) * rate)
            if share < 1:
                parts.append(_cut(even.values, int(first[0]), round(share * steps)))
                starts.append(np.zeros(1, "int64"))
                continue
            parts.append(even.values)
            starts.append(np.clip(first, 0, max(len(even) - steps, 0)))
    samples = Samples(parts, steps)
    shifted = (first + at for first, at in zip(starts, samples.offsets, strict=False))
    return samples, np.concatenate(list(shifted))


def late_by(stream, times, rate, length):
    """How many seconds after their time windows begin, at the nearest of even steps.

    Args:
        stream: `Stream`.
        times: float array `(windows,)`, when they start, in seconds, rising.
        rate: float. Samples per second of the windows, in Hz.
        length: float. Seconds that they last.

    Returns:
        float array `(windows,)`, negative where they begin before.
    """
    if stream.rate == rate:
        groups = [times - stream.start]
    else:
        stretches = _stretches(stream, times, length)
        groups = [inside - inside[0] for _, inside in stretches]
    since = np.concatenate(groups)
    return nearest_step(since * rate) / rate - since


def _evenly(stream, moments, rate, length):
    """Streams at a rate, each with the windows that start in it."""
    if stream.rate == rate:
        return [(stream, moments)]
    times = stream.timestamps
    is_picture = stream.values.dtype.kind in "iu" and len(np.shape(stream.values)) > 2
    by_choice = is_picture and (times is not None or stream.rate < rate)
    found, clock = [], clock_of(stream)
    for samples, inside in _stretches(stream, moments, length):
        begin = stream.start if times is None else times[samples.start]
        # The first step that is not before the first sample, and meets a window.
        before = np.floor((inside[0] - begin) * rate + 1e-6)
        start = float(inside[0] - max(before, 0) / rate)
        even = AtRate(stream, rate, start, samples, clock)
        if by_choice:
            values = _Nearest(stream, even, samples)
        else:
            values = _Lazily(even)
        if is_in_memory(stream.values):
            values = values[:] if by_choice else even.whole()
        found.append((Stream(values, rate, even.start), inside))
    return found


def _cut(values, first, count):
    """Values from one place on, which are read no earlier than they were."""
    first = max(first, 0)
    if is_in_memory(values):
        return values[first : first + count]
    return _Part(values, first, count)


def _stretches(stream, moments, length):
    """Slices of samples between gaps, each with the windows that start in it."""
    times = stream.timestamps
    if times is None:
        return [(slice(0, len(stream)), moments)]
    steps, step = np.diff(times), stream.step
    # Of the windows that begin before a step is over, the last; is it there, too?
    last = np.searchsorted(moments, times[1:] - TINY) - 1
    ends = moments[np.maximum(last, 0)] + length
    is_spanned = (last >= 0) & (ends > times[:-1] + step + TINY)
    longest = max(steps[is_spanned].max(initial=0.0), _GAP * step)
    borders = np.flatnonzero(steps > longest) + 1
    firsts = np.append(0, borders)
    number = np.searchsorted(times[firsts], moments + TINY, side="right") - 1
    number = np.maximum(number, 0)
    lasts = np.append(borders, len(times))
    groups = np.split(moments, np.flatnonzero(np.diff(number)) + 1)
    return [
        (slice(int(firsts[n]), int(lasts[n])), inside)
        for n, inside in zip(np.unique(number), groups, strict=True)
    ]


class _Lazily(LazyValues):
    """Values at a rate, computed where they are sliced."""

    def __init__(self, even):
        super().__init__(even.shape, even.dtype)
        self._even = even

    def _read(self, first, last):
        return self._even.read(first, last)


class _Part(LazyValues):
    """Some of the values that are read lazily."""

    def __init__(self, values, first, count):
        count = min(count, np.shape(values)[0] - first)
        super().__init__((count, *np.shape(values)[1:]), values.dtype)
        self._values, self._start = values, first

    def _read(self, first, last):
        return np.asarray(self._values[self._start + first : self._start + last])


class _Nearest(LazyValues):
    """Pictures, for each step the one that is nearest in time."""

    def __init__(self, stream, even, samples):
        super().__init__(even.shape, stream.values.dtype)
        self._values = stream.values
        moments = even.start + np.arange(len(self)) / even.rate
        if stream.timestamps is None:
            at = (moments - stream.start) * stream.rate
        else:
            times = stream.timestamps[samples]
            at = samples.start + np.interp(moments, times, np.arange(len(times)))
        self._positions = np.clip(np.rint(at), samples.start, samples.stop - 1)
        self._positions = self._positions.astype("int64")

    def _read(self, first, last):
        positions = self._positions[first:last]
        values = np.asarray(self._values[positions[0] : positions[-1] + 1])
        return values[positions - positions[0]]
