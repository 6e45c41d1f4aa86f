"""How much of a window a stream's missing values take."""

import numpy as np

from keras_dcat.recordings.at_rate import nearest_step
from keras_dcat.recordings.holes import FilledValues
from keras_dcat.windows.labels import TINY
from keras_dcat.windows.samples import is_in_memory


def filled_values(stream, holes):
    """The values of a stream without holes, whatever their length.

    Args:
        stream: `Stream`.
        holes: `Holes` of it.

    Returns:
        array, or `FilledValues` where they are read lazily.
    """
    if is_in_memory(stream.values):
        return holes.without(stream.values)
    return FilledValues(stream.values, holes)


def missing_shares(stream, holes, times, length, rate):
    """What share of each window a stream misses, in the channel that misses most.

    Samples that a value of the window lies between count as its own.

    Args:
        stream: `Stream`.
        holes: `Holes` of it.
        times: float array `(windows,)`, when they start, in seconds.
        length: float. Seconds that they last.
        rate: float. Samples per second of the windows, in Hz.

    Returns:
        float array `(windows,)`.

    Example:

    >>> from keras_dcat.recordings import Stream
    >>> from keras_dcat.recordings.holes import find_holes
    >>> stream = Stream([[1.0], [np.nan], [3.0], [4.0]], rate=1.0)
    >>> holes = find_holes(stream, "it")
    >>> missing_shares(stream, holes, np.array([0.0, 2.0]), 2.0, 1.0).tolist()
    [0.5, 0.0]
    """
    steps = max(1, round(length * rate))
    last = times + (steps - 1) / rate
    if stream.rate == rate:
        first = nearest_step((times - stream.start) * rate)
        begin = np.clip(first, 0, max(len(stream) - steps, 0))
        end = np.minimum(begin + steps, len(stream))
    elif stream.rate is not None:
        begin = np.floor((times + TINY - stream.start) * stream.rate)
        end = np.ceil((last - TINY - stream.start) * stream.rate) + 1
        end = np.maximum(
            end, np.ceil((times + length - TINY - stream.start) * stream.rate)
        )
    else:
        begin = np.searchsorted(stream.timestamps, times + TINY, side="right") - 1
        end = np.searchsorted(stream.timestamps, last - TINY) + 1
        end = np.maximum(end, np.searchsorted(stream.timestamps, times + length - TINY))
    begin = np.clip(begin, 0, len(stream) - 1).astype("int64")
    end = np.clip(end, begin + 1, len(stream)).astype("int64")
    return holes.missing(begin, end) / (end - begin)
