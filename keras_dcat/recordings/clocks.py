"""Clocks that disagree: gaps, offset and drift, and their cure."""

import dataclasses

import numpy as np

from keras_dcat.recordings.recording import Recording
from keras_dcat.recordings.stream import Stream, require_rising


def find_gaps(stream: Stream, limit: float) -> np.ndarray:
    """Finds the gaps of a stream.

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
    """Removes a known offset and drift from a stream's clock.

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
