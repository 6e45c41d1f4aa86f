"""Labels that come as a stream, each with its time, become intervals."""

import numpy as np

from keras_dcat.recordings.intervals import Intervals, class_numbers
from keras_dcat.recordings.stream import Stream

_SILENCE = 5  # median steps, as `mend` counts gaps


def stream_intervals(stream: Stream, end: float, class_names=None) -> Intervals:
    """What a stream of labels says, as intervals.

    A stream with timestamps of which no two neighbours are equal is given at its
    changes: each label holds until the next, the last one to the end. Any other is
    sampled: a label holds until the next sample, but one step where none follows
    within five median ones, and at the end.

    Args:
        stream: `Stream` `(time, 1)` of whole numbers or, with `class_names`, of str.
            -1 and None are no class.
        end: float. When the recording ends, in seconds.
        class_names: sequence of str, in the order of the classes.

    Returns:
        `Intervals` in order, which do not overlap.

    Raises:
        ValueError: if there is more than one label at a time, if a label is none, or
            if a time is not finite or falls.

    Example:

    >>> pressed = Stream([[0], [2], [-1]], timestamps=[0.0, 4.0, 9.0])
    >>> said = stream_intervals(pressed, end=20.0)
    >>> said.ends.tolist(), said.labels.tolist()
    ([4.0, 9.0, 20.0], [0, 2, -1])
    """
    times, values = stream.times, _column(stream)
    if not len(values):
        return Intervals([], [], [], class_names)
    if not np.isfinite(times).all() or np.any(np.diff(times) < 0):
        raise ValueError(
            "Timestamps of labels must be finite and never fall. "
            f"Received: {len(times)} labels that do not keep to it. "
            "Mend them first: label, report = mend(label)."
        )
    differ = values[1:] != values[:-1]
    if stream.timestamps is not None and differ.all():
        until = np.append(times[1:], max(end, times[-1]))
        return Intervals(times, until, class_numbers(values, class_names), class_names)
    steps = np.diff(times)
    step = float(np.median(steps[steps > 0])) if steps.any() else 0.0
    step = step if stream.rate is None else 1.0 / stream.rate
    is_silent = steps > _SILENCE * step + 1e-6  # times are rounded
    firsts = np.append(0, np.flatnonzero(differ | is_silent) + 1)
    lasts = np.append(firsts[1:] - 1, len(times) - 1)
    until = np.append(times[firsts[1:]], times[-1] + step)
    holds_a_step = np.append(is_silent[lasts[:-1]], False)
    until = np.where(holds_a_step, times[lasts] + step, until)
    labels = class_numbers(values[firsts], class_names)
    return Intervals(times[firsts], until, labels, class_names)


def _column(stream):
    """The labels, one at a time."""
    shape = np.shape(stream.values)
    if np.prod(shape[1:]) != 1:
        raise ValueError(
            "A stream of labels must have one of them at a time: shape (time, 1). "
            f"Received: shape {shape}. Choose the column of labels, or, of one-hot "
            "rows, number them: values.argmax(axis=1)[:, None]."
        )
    values = np.asarray(stream.values).reshape(-1)
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
