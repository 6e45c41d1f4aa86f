"""Several recordings by the same clocks become one."""

from collections.abc import Iterable

import numpy as np

from keras_dcat.recordings.intervals import UNLABELLED, Intervals
from keras_dcat.recordings.label_streams import stream_intervals
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
        recordings. Its label is `Intervals`, with names if theirs have some.

    Raises:
        ValueError: if there is none, if they differ in subject, streams or channels,
            or if some have labels by name, and others by number.

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
        name: _joined([each.streams[name] for each in recordings], name)
        for name in recordings[0].streams
    }
    label = _joined_labels([_intervals_of(each) for each in recordings])
    return Recording(streams, label, recordings[0].subject, session)


def _spans(recording):
    """When the streams that have a sample begin and end."""
    return [stream.span for stream in recording.streams.values() if len(stream)]


def _beginning(recording):
    return min((begin for begin, _ in _spans(recording)), default=0.0)


def _joined(streams, name):
    streams = [stream for stream in streams if len(stream)] or streams[:1]
    channels = {np.shape(stream.values)[1:] for stream in streams}
    if len(channels) != 1:
        raise ValueError(
            "A stream must have the same channels in all recordings that are joined. "
            f"Received: {sorted(channels)} of {name!r}. Choose the same columns."
        )
    return Stream(
        np.concatenate([np.asarray(stream.values) for stream in streams]),
        timestamps=np.concatenate([stream.times for stream in streams]),
    )


def _intervals_of(recording):
    label = recording.label
    if isinstance(label, Intervals):
        return label
    begin = _beginning(recording)
    end = max((end for _, end in _spans(recording)), default=begin)
    if isinstance(label, Stream):
        return stream_intervals(label, end, class_names=_words(label))
    names = [label] if isinstance(label, str) else None
    return Intervals([begin], [end], [label], class_names=names)


def _words(label):
    """The names that a stream of labels holds, in order, or None if it has none."""
    if label.values.dtype.kind not in "OSU":
        return None
    values = np.asarray(label.values).reshape(-1).tolist()
    words = {each.decode() if isinstance(each, bytes) else each for each in values}
    return sorted(each for each in words if isinstance(each, str)) or None


def _joined_labels(parts):
    """Intervals as one; names are those of all, as each has numbers of its own."""
    starts = np.concatenate([part.starts for part in parts])
    ends = np.concatenate([part.ends for part in parts])
    named = [part for part in parts if part.class_names is not None]
    if not named:
        labels = np.concatenate([part.labels for part in parts])
        return Intervals(starts, ends, labels)
    names = sorted({name for part in named for name in part.class_names})
    numbers = [part.labels for part in parts if part.class_names is None]
    if np.any(np.concatenate([[UNLABELLED], *numbers]) != UNLABELLED):
        found = np.unique(np.concatenate(numbers)).tolist()
        raise ValueError(
            "Labels that are joined must all have names, or all be numbers. "
            f"Received: the names {names}, and the numbers {found} without any. Name "
            "the numbers: Intervals(starts, ends, labels, class_names=[…])."
        )
    texts = [name for part in parts for name in part.names()]
    return Intervals(starts, ends, texts, names)
