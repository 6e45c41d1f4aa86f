"""Clips of any length become windows of a fixed number of steps."""

import numpy as np

from keras_dcat.recordings import Stream
from keras_dcat.windows.report import nearest_distance
from keras_dcat.windows.samples import is_in_memory


def unit_clip(stream, begin, duration, steps):
    """A part of a stream on a clock by which it lasts from 0 to 1.

    Args:
        stream: `Stream`.
        begin: float. When the part begins, in seconds.
        duration: float. Seconds that it lasts.
        steps: int. How many the window will have.

    Returns:
        `Stream`. Of values that are read lazily, nothing is read.

    Example:

    >>> stream = Stream(np.arange(10.0)[:, None], rate=5.0)
    >>> unit_clip(stream, 0.4, 0.8, steps=8).values[:, 0].tolist()
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
    times, places = stream.timestamps, np.arange(len(stream))
    if not is_in_memory(stream.values):
        moments = begin + np.arange(steps) * duration / steps
        nearest = np.rint(np.interp(moments, times, places)).astype("int64")
        return Stream(_Picked(stream.values, nearest), float(steps))
    first = np.searchsorted(times, begin, side="right")
    last = np.searchsorted(times, begin + duration)
    borders = _between(
        stream.values, np.interp([begin, begin + duration], times, places)
    )
    values = np.concatenate([borders[:1], stream.values[first:last], borders[1:]])
    inner = (times[first:last] - begin) / duration
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


def _between(values, places):
    """Values at fractional places, on straight lines."""
    before = np.floor(places).astype("int64")
    after = np.minimum(before + 1, len(values) - 1)
    share = (places - before).reshape(-1, *[1] * (values.ndim - 1))
    return (values[before] * (1 - share) + values[after] * share).astype(
        np.result_type(
            values.dtype, "float16" if values.dtype.kind == "f" else "float32"
        )
    )


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
