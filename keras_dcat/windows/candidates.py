"""Where windows can start: all streams run there, and none has a gap."""

import math
from typing import NamedTuple

import numpy as np

from keras_dcat.recordings import find_gaps
from keras_dcat.recordings.odd_times import describe_odd_times
from keras_dcat.windows.labels import TINY

_MOST_PER_SAMPLE = 1000


class Candidates(NamedTuple):
    """Windows of one recording that all streams hold, before labels are looked at.

    Attributes:
        times: float array `(windows,)`, when each starts, in seconds.
        length: float. Seconds of each that were recorded, fewer if it is padded.
        dropped: dict from a reason to int. Windows that some stream held, but not all.
    """

    times: np.ndarray
    length: float
    dropped: dict


def strided(recording, rates, length, stride, short, max_gap) -> Candidates:
    """Windows that start every `stride` from the moment when all streams have begun.

    What is held in memory follows the samples, not the time that they span: windows
    in gaps are counted, and not made.

    Args:
        recording: `Recording` whose timestamps rise.
        rates: dict from a stream's name to the rate of its windows, in Hz.
        length: float. Length of a window in seconds.
        stride: float. Seconds from the start of one window to the next.
        short: `"drop"` or `"pad"`, as in `index_windows`.
        max_gap: float. Seconds that a window may bridge.

    Returns:
        `Candidates`.

    Raises:
        ValueError: if windows would be far more than samples.
    """
    streams = recording.streams
    spans = [each.span for each in streams.values() if len(each)]
    firsts, lasts = zip(*spans, strict=True) if spans else ((0.0,), (0.0,))
    most = (max(lasts) - min(firsts)) / stride
    if not most < 2**53:  # floats count no further
        raise _too_many(recording, most)
    begin, count, real, dropped = _shared(len(streams), spans, length, stride, short)
    if all(stream.timestamps is None for stream in streams.values()):
        if count > _MOST_PER_SAMPLE * max(map(len, streams.values()), default=0):
            raise _too_many(recording, count)
        return Candidates(begin + np.arange(count) * stride, length * real, dropped)
    gaps = [
        _gaps(stream, max_gap, max(length, 1.5 / rates[name]))
        for name, stream in streams.items()
        if stream.timestamps is not None
    ]
    opens, room = _outside(gaps, begin, count, length, stride)
    if room.sum() > _MOST_PER_SAMPLE * max(map(len, streams.values()), default=0):
        raise _too_many(recording, room.sum())
    skipped = opens - np.append(0, np.cumsum(room)[:-1])
    times = begin + (np.arange(room.sum()) + np.repeat(skipped, room)) * stride
    for step, found in gaps:
        times = times[~_bridges(step, found, times, length)]
    if len(times) < count:
        dropped["gap"] = count - len(times)
    return Candidates(times, length * real, dropped)


def whole(streams, steps, max_gap) -> Candidates:
    """One window for all the time that streams share.

    Args:
        streams: dict from a name to `Stream`, whose timestamps rise.
        steps: dict from a name to the steps that the window will have.
        max_gap: float. Seconds that it may bridge.

    Returns:
        `Candidates`, at most one. None where a single sample would be all its steps.
    """
    spans = [stream.span for stream in streams.values() if len(stream)]
    begin = max((span[0] for span in spans), default=0.0)
    duration = min((span[1] for span in spans), default=0.0) - begin
    nothing = np.zeros(0)
    if len(spans) < len(streams) or duration <= TINY:
        return Candidates(nothing, 0.0, {"stream missing": 1})
    for name, stream in streams.items():
        inside = np.searchsorted(stream.times, [begin, begin + duration])
        if np.ptp(inside) < min(2, steps[name]):
            return Candidates(nothing, duration, {"too short": 1})
        found = find_gaps(stream, max(max_gap, TINY))
        if _bridges(stream.step, found, np.array([begin]), duration)[0]:
            return Candidates(nothing, duration, {"gap": 1})
    return Candidates(np.array([begin]), duration, {})


def _shared(streams, spans, length, stride, short):
    """When windows start that all streams hold, how many, and how much is real.

    And, by reason, how many more the longest span of any stream would hold.
    """
    if len(spans) < streams:
        possible = max(
            (_count(end - begin, length, stride) for begin, end in spans), default=0
        )
        return 0.0, 0, 1.0, {"stream missing": max(possible, 1)}
    begin, end = max(s[0] for s in spans), min(s[1] for s in spans)
    first, last = min(s[0] for s in spans), max(s[1] for s in spans)
    kept = _count(end - begin, length, stride)
    possible = max(kept, 1)
    if last - first + TINY >= length:
        before = int((begin - first + TINY) / stride) if begin < last else 0
        anchor = begin if begin < last else first
        possible = max(before + _count(last - anchor, length, stride), kept, 1)
    is_short = kept == 0 and 0 < end - begin
    if is_short and short == "pad":
        kept = 1
    lost = "too short" if is_short and last - first < length else "stream missing"
    dropped = {lost: possible - kept} if possible > kept else {}
    return begin, kept, (end - begin) / length if is_short else 1.0, dropped


def _count(duration, length, stride):
    return max(0, math.floor((duration - length + TINY) / stride) + 1)


def _outside(gaps, begin, count, length, stride):
    """Windows that do not lie well inside a gap: first numbers, and how many follow.

    One window of room is left on either side of a gap: `_bridges` looks at these.
    """
    bounds = [
        (
            np.ceil((found[:, 0] + step - length - begin) / stride) + 1,
            np.floor((found[:, 1] - begin) / stride) - 1,
        )
        for step, found in gaps
    ]
    first, last = (np.concatenate(bound) for bound in zip(*bounds, strict=True))
    inside = (first <= last) & (last >= 0) & (first < count)
    order = np.argsort(first[inside], kind="stable")
    first = np.maximum(first[inside][order], 0).astype("int64")
    last = np.minimum(last[inside][order], count - 1).astype("int64")
    opens = np.append(0, np.maximum.accumulate(last) + 1)
    return opens, np.maximum(np.append(first, count) - opens, 0)


def _gaps(stream, max_gap, longest):
    """Seconds that a sample stands for, and gaps, when they begin and end.

    A sample stands for a step, however far the next one is. But not if that is longer
    than `longest`: windows would show many samples a step, and no movement.
    """
    found = find_gaps(stream, max(max_gap, TINY))
    if stream.step <= max(longest, max_gap):
        return stream.step, found
    return 0.0, np.append(found, [[stream.times[-1], np.inf]], axis=0)


def _too_many(recording, count):
    streams = recording.streams
    odd = [
        f" Stream {name!r}: {said}."
        for name, stream in streams.items()
        if stream.timestamps is not None
        and (said := describe_odd_times(stream.timestamps))
    ]
    return ValueError(
        "Windows must not be far more than samples. "
        f"Received: {count:.3g} windows for "
        f"{max(map(len, streams.values()))} samples in session "
        f"{recording.session!r}. Choose a longer stride or a smaller max_gap, or mend "
        f"the clock, by mend(stream), which says how.{''.join(odd)}"
    )


def _bridges(step, gaps, times, length):
    """Which windows hold a part of a gap, which a sample's own step is not."""
    begins, ends = gaps.T
    begun = np.searchsorted(begins + step, times + length - TINY)
    over = np.searchsorted(ends, times + TINY)
    return begun > over
