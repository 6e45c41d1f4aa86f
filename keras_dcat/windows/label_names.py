"""The labels of all recordings get one numbering, by the names of their classes."""

import numpy as np

from keras_dcat.recordings import Intervals, Stream
from keras_dcat.recordings.intervals import UNLABELLED, class_numbers
from keras_dcat.recordings.label_streams import stream_intervals


def numbered_labels(recordings, class_names=None):
    """What each recording is labelled with, as numbers that mean the same in all.

    Args:
        recordings: list of `Recording`.
        class_names: sequence of str, in the order of the classes. None for those that
            the recordings name, sorted.

    Returns:
        `(labels, class_names)`: list of int or `Intervals` without names, one for each
        recording, and tuple of str, or None if nobody names a class.

    Raises:
        ValueError: if a label is none, if its name is not among `class_names`, or if
            some labels have names and others are numbers that nobody names.

    Example:

    >>> from keras_dcat.recordings import Recording
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> people = [Recording(streams, label, "A") for label in ("walk", "sit", None)]
    >>> numbered_labels(people)
    ([1, 0, -1], ('sit', 'walk'))
    """
    names = _own_names(recordings) if class_names is None else _checked(class_names)
    labels = []
    for recording in recordings:
        label = recording.label
        if isinstance(label, str | Stream | Intervals) or names is not None:
            try:
                label = _numbered(recording, names, class_names)
            except ValueError as error:
                raise ValueError(f"{error} It is the label of {_of(recording)}.") from (
                    error
                )
        labels.append(label)
    if class_names is None and names is not None:
        _check_all_named(recordings, labels, names)
    return labels, names


def _own_names(recordings):
    """All that recordings name, sorted, or None."""
    names = set()
    for recording in recordings:
        label = recording.label
        if isinstance(label, str):
            names.add(str(label))
        elif isinstance(label, Intervals) and label.class_names is not None:
            names.update(label.class_names)
    return tuple(sorted(names)) or None


def _checked(class_names):
    Intervals([], [], [], class_names)  # refuses names that are not one for each class
    return tuple(map(str, class_names))


def _numbered(recording, names, given):
    label = recording.label
    if isinstance(label, Stream):
        ends = [each.span[1] for each in recording.streams.values() if len(each)]
        end = max(ends, default=0.0)
        # A stream of words says nothing of their order: only `class_names` do.
        label = stream_intervals(label, end, given)
        return Intervals(label.starts, label.ends, label.labels)
    if not isinstance(label, Intervals):
        is_word = isinstance(label, str)
        return int(class_numbers([label], names if is_word else given)[0])
    if names is not None and label.class_names is not None:
        numbers = class_numbers(label.names(), names)
    else:
        numbers = class_numbers(label.labels, given)
    return Intervals(label.starts, label.ends, numbers)


def _check_all_named(recordings, labels, names):
    for recording, label in zip(recordings, labels, strict=True):
        own = recording.label
        is_named = isinstance(own, str) or (
            isinstance(own, Intervals) and own.class_names is not None
        )
        numbers = label.labels if isinstance(label, Intervals) else np.array([label])
        numbers = numbers[numbers != UNLABELLED]
        if not is_named and len(numbers):
            raise ValueError(
                "Labels must all have names, or all be numbers, unless `class_names` "
                f"says what the numbers mean. Received: {int(numbers[0])} in "
                f"{_of(recording)}, and the names {list(names)}. Give class_names=[…], "
                "in which the numbers are places."
            )


def _of(recording):
    return f"subject {recording.subject!r}, session {recording.session!r}"
