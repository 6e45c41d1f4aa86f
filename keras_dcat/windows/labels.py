"""The label of a window, and how much of the window it holds for."""

import numpy as np

from keras_dcat.recordings import Intervals, Stream

UNLABELLED = -1


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
    shares = np.stack(
        [_share_of_time(label, each, starts, length) for each in classes], axis=1
    )
    if rule == "majority":
        best = shares.argmax(axis=1)
        purity = np.take_along_axis(shares, best[:, None], axis=1)[:, 0]
        return np.where(purity > 0, classes[best], UNLABELLED), purity
    # A nanosecond before the end: a window ends before the next begins.
    at_end = _label_at(label, starts + length - 1e-9)
    best = np.searchsorted(classes, at_end).clip(max=len(classes) - 1)
    purity = np.take_along_axis(shares, best[:, None], axis=1)[:, 0]
    return at_end, np.where(at_end == UNLABELLED, 0.0, purity)


def _intervals_of(stream):
    """Runs of equal labels; each sample holds until the next one."""
    times, values = stream.times, np.asarray(stream.values)[:, 0]
    if not len(values):
        return Intervals([], [], [])
    borders = np.flatnonzero(np.diff(values)) + 1
    starts = times[np.concatenate([[0], borders])]
    ends = np.append(starts[1:], times[-1] + stream.step)
    return Intervals(starts, ends, values[np.concatenate([[0], borders])])


def _share_of_time(intervals, label, starts, length):
    chosen = intervals.labels == label
    begin, end = intervals.starts[chosen], intervals.ends[chosen]
    order = np.argsort(begin)
    begin, end = begin[order], end[order]
    # Labelled time up to each border, linear in between.
    borders = np.stack([begin, end], axis=1).reshape(-1)
    spent = np.cumsum(end - begin)
    until = np.stack([spent - (end - begin), spent], axis=1).reshape(-1)
    times = np.stack([starts, starts + length])
    first, last = np.interp(times, borders, until)
    return (last - first) / length


def _label_at(intervals, times):
    order = np.argsort(intervals.starts)
    starts, ends = intervals.starts[order], intervals.ends[order]
    number = np.searchsorted(starts, times, side="right") - 1
    holds = (number >= 0) & (times < ends[number])
    return np.where(holds, intervals.labels[order][number], UNLABELLED)
