"""Several recordings by the same clocks become one."""

from collections.abc import Iterable

import numpy as np

from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.recording import Recording
from keras_dcat.recordings.stream import Stream


def join(recordings: Iterable[Recording], session: str = "") -> Recording:
    """Several recordings of a subject as one, with gaps in between.

    Sensors that stay switched on keep their clocks. What a clock gains shows over
    minutes, not in a clip of ten seconds: join the clips, and estimate it on all.

    Args:
        recordings: `Recording`s of one subject, with the same streams, in any order.
        session: str. Name of the new one.

    Returns:
        `Recording` of streams with timestamps, in memory, in the order of their
        recordings. Its label is a `Stream` if theirs are, and `Intervals` otherwise.

    Raises:
        ValueError: if there is none, if they differ in subject or streams, or if
            some have labels of their own clock and others do not.

    Example:

    >>> clips = [Recording({"imu": Stream(np.zeros((50, 6)), 50.0, start=when)}, n, "A")
    ...     for n, when in enumerate([0.0, 60.0])]
    >>> whole = join(clips)
    >>> whole.streams["imu"].span, whole.label.starts.tolist()
    ((0.0, 61.0), [0.0, 60.0])
    """
    recordings = sorted(recordings, key=_beginning)
    kinds = {(each.subject, *sorted(each.streams)) for each in recordings}
    if len(kinds) != 1:
        raise ValueError(
            "Recordings that are joined must be of one subject and the same streams. "
            f"Received: {sorted(kinds, key=str)}. Join the recordings of each subject."
        )
    streams = {
        name: _joined([each.streams[name] for each in recordings])
        for name in recordings[0].streams
    }
    labels = [each.label for each in recordings]
    are_streams = [isinstance(label, Stream) for label in labels]
    if any(are_streams) != all(are_streams):
        raise ValueError(
            "Either all labels must be streams or none. "
            f"Received: {sum(are_streams)} of {len(labels)} that are. "
            "Turn the others into `Intervals` or streams."
        )
    label = _joined(labels) if all(are_streams) else _intervals(recordings)
    return Recording(streams, label, recordings[0].subject, session)


def _spans(recording):
    """When the streams that have a sample begin and end."""
    return [stream.span for stream in recording.streams.values() if len(stream)]


def _beginning(recording):
    return min((begin for begin, _ in _spans(recording)), default=0.0)


def _joined(streams):
    return Stream(
        np.concatenate([np.asarray(stream.values) for stream in streams]),
        timestamps=np.concatenate([stream.times for stream in streams]),
    )


def _intervals(recordings):
    parts = []
    for recording in recordings:
        label = recording.label
        if not isinstance(label, Intervals):
            begin = _beginning(recording)
            end = max((end for _, end in _spans(recording)), default=begin)
            label = Intervals([begin], [end], [label])
        parts.append((label.starts, label.ends, label.labels))
    return Intervals(*map(np.concatenate, zip(*parts, strict=True)))
