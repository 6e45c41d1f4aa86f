"""Clips of any length become windows of a fixed number of steps."""

import numpy as np

from keras_dcat.recordings import Stream
from keras_dcat.recordings.readers.values_on_disk import LazyValues
from keras_dcat.windows.samples import is_in_memory
from keras_dcat.windows.window_report import nearest_distance


def unit_clip(stream, begin, duration):
    """A part of a stream on a clock by which it lasts from 0 to 1.

    Args:
        stream: `Stream`.
        begin: float. When the part begins, in seconds.
        duration: float. Seconds that it lasts.

    Returns:
        `Stream`. Of values that are read lazily, nothing is read.

    Example:

    >>> stream = Stream(np.arange(10.0)[:, None], rate=5.0)
    >>> unit_clip(stream, 0.4, 0.8).values[:, 0].tolist()
    [2.0, 3.0, 4.0, 5.0]
    """
    if stream.rate is not None:
        count = min(max(1, round(duration * stream.rate)), len(stream))
        first = round((begin - stream.start) * stream.rate)
        first = min(max(first, 0), len(stream) - count)
        if is_in_memory(stream.values):
            return Stream(stream.values[first : first + count], float(count))
        return Stream(
            _Picked(stream.values, np.arange(first, first + count)), float(count)
        )
    times = stream.timestamps
    first = int(np.searchsorted(times, begin, side="right"))
    last = int(np.searchsorted(times, begin + duration))
    values = _Between(stream, begin, begin + duration, first, last)
    inner = (times[first:last] - begin) / duration
    if is_in_memory(stream.values):
        values = values[:]
    return Stream(values, timestamps=np.concatenate([[0.0], inner, [1.0]]))


def clip_error(streams, begin, duration, clips):
    """How far samples that stand for one moment of a clip are apart, in seconds.

    Args:
        streams: dict from a name to `Stream`.
        begin: float. When the clip begins, in seconds.
        duration: float. Seconds that it lasts.
        clips: dict from a name to the steps of its window.

    Returns:
        float, the worst of the first, the middle and the last step.
    """
    apart = []
    for name, stream in streams.items():
        moments = begin + duration * np.array([0.0, 0.5, 1 - 1 / clips[name]])
        if stream.timestamps is not None:
            apart.append(nearest_distance(stream.timestamps, moments))
        else:
            places = (moments - stream.start) * stream.rate
            nearest = np.clip(np.rint(places), 0, len(stream) - 1)
            apart.append((nearest - places) / stream.rate)
    return float(np.ptp(np.stack(apart), axis=0).max())


class _Between(LazyValues):
    """What was sensed between two moments, and at these, on straight lines.

    Of pictures, the nearest is what there is at a moment.
    """

    def __init__(self, stream, begin, end, first, last):
        values, kind = stream.values, stream.values.dtype
        self._is_picture = kind.kind in "iu" and len(np.shape(values)) > 2
        if not self._is_picture:
            kind = np.result_type(kind, "float16" if kind.kind == "f" else "float32")
        super().__init__((last - first + 2, *np.shape(values)[1:]), kind)
        self._values, self._first = values, first
        every = np.arange(len(stream))
        self._borders = np.interp([begin, end], stream.timestamps, every)

    def _read(self, first, last):
        parts = []
        if first == 0:
            parts.append(self._at(self._borders[0]))
        inner = self._first - 1 + np.clip([first, last], 1, len(self) - 1)
        parts.append(np.asarray(self._values[inner[0] : inner[1]]))
        if last == len(self):
            parts.append(self._at(self._borders[1]))
        return np.concatenate(parts).astype(self.dtype, copy=False)

    def _at(self, place):
        """The value at a place that may lie between two."""
        if self._is_picture:
            place = np.rint(place)
        before = int(place)
        share = place - before
        around = np.asarray(self._values[before : before + 2 if share else before + 1])
        if not share:
            return around
        return around[:1] * (1 - share) + around[1:] * share


class _Picked:
    """Samples at rising positions of values that are read lazily."""

    def __init__(self, values, positions):
        self.values, self.positions = values, positions
        self.shape = (len(positions), *np.shape(values)[1:])
        self.dtype = values.dtype

    def __len__(self):
        return len(self.positions)

    def __getitem__(self, index):
        positions = self.positions[index]
        if not len(positions):
            return np.zeros((0, *self.shape[1:]), self.dtype)
        first = positions[0]
        return np.asarray(self.values[first : positions[-1] + 1])[positions - first]
