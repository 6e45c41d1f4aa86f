"""The label of a window, and how much of the window it holds for."""

import numpy as np

from keras_dcat.recordings import Intervals, Stream
from keras_dcat.recordings.intervals import UNLABELLED

TINY = 1e-6  # seconds: times that meet may be apart by rounding; since 1970, 2e-7


def window_labels(label, starts, length, rule="majority"):
    """One label for each window of a recording.

    Args:
        label: int, `Intervals` or `Stream`, as in `Recording`. Time that has no
            label, or the label -1, counts as unlabelled.
        starts: float array `(windows,)`, in seconds.
        length: float. Length of a window in seconds.
        rule: `"majority"`, the label that holds longest, or `"end"`, the one that
            holds at the last moment.

    Returns:
        `(labels, purity)`: int array `(windows,)`, and the share of the window
        that has this label, float array `(windows,)`.

    Example:

    >>> intervals = Intervals([0, 3], [3, 9], [5, 7])
    >>> labels, purity = window_labels(intervals, np.array([0.0, 2.0]), length=4.0)
    >>> labels.tolist(), purity.tolist()
    ([5, 7], [0.75, 0.75])
    """
    starts = np.asarray(starts, "float64")
    if isinstance(label, Stream):
        label = _intervals_of(label)
    if not isinstance(label, Intervals):
        return np.full(len(starts), label), np.ones(len(starts))
    classes = np.unique(label.labels[label.labels != UNLABELLED])
    if not len(classes):
        return np.full(len(starts), UNLABELLED), np.zeros(len(starts))
    held = [_held(label, each) for each in classes]
    shares = np.stack([_share_of_time(*each, starts, length) for each in held], axis=1)
    if rule == "majority":
        best = shares.argmax(axis=1)
        purity = np.take_along_axis(shares, best[:, None], axis=1)[:, 0]
        return np.where(purity > 0, classes[best], UNLABELLED), purity
    # Just before the end: a window ends before the next begins.
    moments = starts + length - TINY
    since = np.stack([_since(*each, moments) for each in held], axis=1)
    best = since.argmax(axis=1)
    purity = np.take_along_axis(shares, best[:, None], axis=1)[:, 0]
    is_labelled = np.isfinite(since).any(axis=1)
    labels = np.where(is_labelled, classes[best], UNLABELLED)
    return labels, np.where(is_labelled, purity, 0.0)


def _intervals_of(stream):
    """Runs of equal labels; each sample holds until the next one."""
    times, values = stream.times, np.asarray(stream.values)[:, 0]
    if not len(values):
        return Intervals([], [], [])
    if not np.isfinite(times).all() or np.any(np.diff(times) < 0):
        raise ValueError(
            "Timestamps of labels must be finite and never fall. "
            f"Received: {len(times)} labels that do not keep to it. "
            "Mend them first: label, report = mend(label)."
        )
    borders = np.flatnonzero(np.diff(values)) + 1
    starts = times[np.concatenate([[0], borders])]
    ends = np.append(starts[1:], times[-1] + stream.step)
    return Intervals(starts, ends, values[np.concatenate([[0], borders])])


def _held(intervals, label):
    """When a label begins and ends to hold, in order and without overlap."""
    chosen = intervals.labels == label
    order = np.argsort(intervals.starts[chosen], kind="stable")
    begin, end = intervals.starts[chosen][order], intervals.ends[chosen][order]
    end_so_far = np.maximum.accumulate(end)
    begin = np.maximum(begin, np.append(-np.inf, end_so_far[:-1]))
    return begin, np.maximum(begin, end)


def _share_of_time(begin, end, starts, length):
    # Labelled time up to each border, linear in between.
    borders = np.stack([begin, end], axis=1).reshape(-1)
    spent = np.cumsum(end - begin)
    until = np.stack([spent - (end - begin), spent], axis=1).reshape(-1)
    times = np.stack([starts, starts + length])
    first, last = np.interp(times, borders, until)
    return (last - first) / length


def _since(begin, end, times):
    """Since when a label holds that does so at a time; -inf if it does not."""
    number = np.searchsorted(begin, times, side="right") - 1
    holds = (number >= 0) & (times < end[number])
    return np.where(holds, begin[number], -np.inf)
