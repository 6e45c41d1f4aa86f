"""Streams of any clock, on the even steps that windows are cut from."""

from typing import Any

import numpy as np

from keras_dcat.recordings import Stream
from keras_dcat.recordings.resampling import filter_reach, low_passed
from keras_dcat.windows.samples import Samples, is_in_memory


def even_samples(streams, times, rate, steps):
    """Samples of one stream in all recordings, and where its windows start in them.

    Args:
        streams: list of `Stream`, one for each recording.
        times: list of float arrays `(windows,)`, when the windows of each recording
            start, in seconds.
        rate: float. Samples per second of the windows, in Hz.
        steps: int. Samples of a window.

    Returns:
        `(samples, starts)`: `Samples`, and int array `(all windows,)`.
    """
    parts, starts = [], []
    for stream, moments in zip(streams, times, strict=True):
        if not len(moments):
            continue
        even = _evenly(stream, rate)
        first = np.rint((moments - even.start) * rate).astype("int64")
        parts.append(even.values)
        starts.append(np.clip(first, 0, max(len(even) - steps, 0)))
    samples = Samples(parts, steps)
    shifted = (first + at for first, at in zip(starts, samples.offsets, strict=False))
    return samples, np.concatenate(list(shifted))


def _evenly(stream, rate):
    if stream.rate == rate:
        return stream
    if is_in_memory(stream.values):
        return stream.resampled(rate)
    begin, end = stream.span
    moments = begin + np.arange(max(1, round((end - begin) * rate))) / rate
    nearest = np.rint(np.interp(moments, stream.times, np.arange(len(stream))))
    cutoff = rate / stream.rate if stream.rate is not None else 1.0
    picked = _Picked(stream.values, nearest.astype("int64"), min(cutoff, 1.0))
    return Stream(picked, rate, begin)


class _Picked:
    """Samples at rising positions of values that are read lazily.

    Below a cutoff of 1, the share of their Nyquist frequency that is kept of each.
    """

    def __init__(self, values: Any, positions: np.ndarray, cutoff: float = 1.0):
        self.values, self.positions, self.cutoff = values, positions, cutoff
        self.shape = (len(positions), *np.shape(values)[1:])
        is_kept = cutoff == 1 or values.dtype.kind == "f"
        self.dtype = values.dtype if is_kept else np.dtype("float32")

    def __getitem__(self, index):
        positions = self.positions[index]
        if not len(positions):
            return np.zeros((0, *self.shape[1:]), self.dtype)
        reach = filter_reach(self.cutoff) if self.cutoff < 1 else 0
        first = max(positions[0] - reach, 0)
        values = np.asarray(self.values[first : positions[-1] + reach + 1])
        if reach:
            values = low_passed(values, self.cutoff)
        return values[positions - first]
