"""Clocks that disagree: bad timestamps, gaps, offset and drift, and their cure."""

import dataclasses

import numpy as np

from keras_dcat.recordings.recording import Recording
from keras_dcat.recordings.stream import Stream, require_rising
from keras_dcat.shown import shown_as_printed


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class ClockReport:
    """What was wrong with the timestamps of a stream. `print` shows it as a table.

    Attributes:
        samples: int. Samples that came; the sum of the next four.
        kept: int. Samples that are left.
        not_finite: int. Dropped: their time is NaN or infinite.
        repeated: int. Dropped: their time is that of a sample that came before.
        jumps: int. Dropped: their time is far from that of every other sample.
        backwards: int. Steps back in time; the samples are sorted, not dropped.
        rate: float. 1 / median step, in Hz; 0 if there is no step.
        jitter: float. Median distance of a step from the median step, in seconds.
        gaps: int. Steps that are longer than five median ones.
        longest_gap: float. Seconds between two samples that are left, at most.
    """

    samples: int
    kept: int
    not_finite: int = 0
    repeated: int = 0
    jumps: int = 0
    backwards: int = 0
    rate: float = 0.0
    jitter: float = 0.0
    gaps: int = 0
    longest_gap: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.kept} of {self.samples} samples kept\n"
            f"  {self.not_finite:8d}  dropped: time not finite\n"
            f"  {self.repeated:8d}  dropped: time repeated\n"
            f"  {self.jumps:8d}  dropped: time far from all others\n"
            f"  {self.backwards:8d}  steps backwards, sorted\n"
            f"  {self.gaps:8d}  gaps; the longest step is {self.longest_gap:.3f} s\n"
            f"  {self.rate:8.2f}  Hz, steps vary by {1e3 * self.jitter:.1f} ms"
        )


def mend(stream: Stream, max_jump: float | None = None) -> tuple[Stream, ClockReport]:
    """Brings a stream's timestamps into a finite, rising order.

    Samples without a finite time are dropped, the others sorted by it; of those
    that have the same time the first is kept. A stream that has a rate is in
    order already and comes back as it is. Nothing is changed in place. Values that
    are read lazily are read whole if a sample is dropped or moved.

    Args:
        stream: `Stream`.
        max_jump: float. A sample that is more than this many seconds from every
            other is dropped too: its clock was not set yet. None keeps it.

    Returns:
        `(stream, report)`: a `Stream` whose timestamps rise, and a `ClockReport`.

    Raises:
        ValueError: if `max_jump` is not positive.

    Example:

    >>> broken = Stream(np.arange(4)[:, None], timestamps=[0.0, 0.2, np.nan, 0.1])
    >>> mended, report = mend(broken)
    >>> mended.times.tolist(), mended.values[:, 0].tolist()
    ([0.0, 0.1, 0.2], [0, 3, 1])
    """
    count, max_jump = len(stream), np.inf if max_jump is None else max_jump
    if not max_jump > 0:
        raise ValueError(
            "`max_jump` must be positive. "
            f"Received: max_jump={max_jump}. Give it in seconds, or None."
        )
    if stream.rate is not None:
        return stream, ClockReport(count, count, rate=stream.rate)
    times = stream.timestamps
    finite = np.flatnonzero(np.isfinite(times))
    order = finite[np.argsort(times[finite], kind="stable")]
    with np.errstate(over="ignore"):  # from -1e308 s to 1e308 s
        unique = order[np.diff(times[order], prepend=-np.inf) > 0]
        is_far = np.diff(times[unique], prepend=-np.inf, append=np.inf) > max_jump
        kept = unique[~(is_far[:-1] & is_far[1:])] if len(unique) > 1 else unique
        steps = np.diff(times[kept])
        median = float(np.median(steps)) if len(steps) else np.inf
        report = ClockReport(
            samples=count,
            kept=len(kept),
            not_finite=count - len(finite),
            repeated=len(order) - len(unique),
            jumps=len(unique) - len(kept),
            backwards=int(np.count_nonzero(times[finite][1:] < times[finite][:-1])),
            rate=float(np.divide(1.0, median)),
            jitter=float(np.median(np.abs(steps - median))) if len(steps) else 0.0,
            gaps=int(np.count_nonzero(steps > 5 * median)),
            longest_gap=float(steps.max(initial=0.0)),
        )
    if len(kept) == count and not report.backwards:
        return stream, report
    return Stream(np.asarray(stream.values)[kept], timestamps=times[kept]), report


def find_gaps(stream: Stream, limit: float) -> np.ndarray:
    """When a stream's samples are too far apart.

    Args:
        stream: `Stream` whose timestamps rise. Where it has a rate there is no gap.
        limit: float. Steps of at most this many seconds are no gap.

    Returns:
        float array `(gaps, 2)`: times of the samples before and after, in seconds.

    Raises:
        ValueError: if `limit` is not positive, or if the timestamps do not rise.

    Example:

    >>> find_gaps(Stream(np.zeros((4, 1)), timestamps=[0, 1, 5, 6]), 2.0).tolist()
    [[1.0, 5.0]]
    """
    if not limit > 0:
        raise ValueError(
            f"`limit` must be positive. Received: limit={limit}. Give it in seconds."
        )
    if require_rising(stream).rate is not None:
        return np.empty((0, 2))
    times = stream.timestamps
    before = np.flatnonzero(np.diff(times) > limit + 1e-6)  # times are rounded
    return np.stack([times[before], times[before + 1]], axis=1)


def corrected(stream: Stream, offset: float = 0.0, drift: float = 0.0) -> Stream:
    """Takes a stream from its own clock to that of the reference.

    At a true time t the stream's clock shows t + `offset` + `drift` · (t - t0),
    where t0 is the true time of its first sample. This is undone exactly.

    Args:
        stream: `Stream`.
        offset: float. Seconds that the stream is late. Negative, it is early.
        drift: float, more than -1. Seconds that its clock gains in a second.

    Returns:
        `Stream` that shares the values. If it has a rate, rate and start change.

    Raises:
        ValueError: if a number makes no sense, or if the first timestamp is none.

    Example:

    >>> late = Stream(np.zeros((3, 1)), timestamps=[10.0, 11.0, 12.0])
    >>> corrected(late, offset=2.0, drift=0.25).times.tolist()
    [8.0, 8.8, 9.6]
    """
    first = stream.times[:1]
    if not np.isfinite([offset, drift, *first]).all() or drift <= -1:
        raise ValueError(
            "Offset, drift and first timestamp must be finite, the drift above -1. "
            f"Received: offset={offset}, drift={drift}, first {first.tolist()}. Give "
            "200 ppm as drift=2e-4, and mend the stream first: mend(stream)."
        )
    if stream.rate is not None:
        rate, start = stream.rate * (1 + drift), stream.start - offset
        return dataclasses.replace(stream, rate=rate, start=start)
    times = first - offset + (stream.timestamps - first) / (1 + drift)
    return dataclasses.replace(stream, timestamps=times)


def clip_time(recording: Recording, reference: str) -> Recording:
    """Spreads every stream evenly over the span of one of them.

    For clips that were cut at the same moments but whose nominal rates are wrong.

    Args:
        recording: `Recording`.
        reference: str. Name of the stream whose clock is right.

    Returns:
        `Recording` whose streams all have the reference's span. The label stays.

    Raises:
        ValueError: if there is no such stream, or if a stream is empty.

    Example:

    >>> streams = {"imu": Stream(np.zeros((150, 6)), 50.0), "pose": Stream(
    ...     np.zeros((60, 60)), 30.0)}
    >>> clip_time(Recording(streams, 0, "A"), "imu").streams["pose"].rate
    20.0
    """
    streams = dict(recording.streams)
    lasts = {name: stream.duration for name, stream in streams.items()}
    if not lasts.get(reference, 0) > 0 or not all(map(len, streams.values())):
        raise ValueError(
            "`reference` must name a stream that lasts, and no stream may be empty. "
            f"Received: {reference!r} for streams of {lasts} s. "
            "Choose one of them, and leave out recordings in which one is missing."
        )
    begin = streams.pop(reference).span[0]
    for name, stream in streams.items():
        streams[name] = Stream(stream.values, len(stream) / lasts[reference], begin)
    return recording.replaced(**streams)
