"""The label of a window, and how much of the window it holds for."""

from typing import NamedTuple

import numpy as np

from keras_dcat.recordings import Intervals
from keras_dcat.recordings.intervals import UNLABELLED

UNDECIDED = -2
TINY = 1e-6  # seconds: times that meet may be apart by rounding; since 1970, 2e-7


def has_labels(label: int | Intervals) -> bool:
    """Whether a recording is labelled at any time.

    Args:
        label: int or `Intervals`.

    Returns:
        bool. False for -1, and for intervals of which none is of a class.

    Example:

    >>> has_labels(-1), has_labels(Intervals([], [], [])), has_labels(0)
    (False, False, True)
    """
    numbers = label.labels if isinstance(label, Intervals) else label
    return bool(np.any(numbers != UNLABELLED))


def window_labels(label, starts, length, rule="majority"):
    """One label for each window of a recording.

    Nothing depends on how classes are numbered: of two labels that hold equally long,
    a window gets the one that holds first in it.

    Args:
        label: int, or `Intervals`. The label -1 is no label. Time that intervals of
            different classes share counts for none of them.
        starts: float array `(windows,)`, in seconds.
        length: float. Length of a window in seconds.
        rule: `"majority"`, the label that holds longest, or `"end"`, the one that
            holds at the last moment.

    Returns:
        `(labels, purity)`: int array `(windows,)`, and the share of the window
        that has this label, float array `(windows,)`. A label is -1 where there is
        none: by majority, in windows without any labelled time. It is -2 where
        classes overlap, and no class can be said.

    Example:

    >>> intervals = Intervals([0, 3], [3, 9], [5, 7])
    >>> labels, purity = window_labels(intervals, np.array([0.0, 2.0]), length=4.0)
    >>> labels.tolist(), purity.tolist()
    ([5, 7], [0.75, 0.75])
    """
    starts = np.asarray(starts, "float64")
    if not isinstance(label, Intervals):
        return np.full(len(starts), int(label)), np.ones(len(starts))
    runs = _runs(label)
    classes = np.unique(runs.classes)
    if not len(classes):
        return np.full(len(starts), UNLABELLED), np.ones(len(starts))
    shares = np.stack(
        [_share_of_time(runs.of(each), starts, length) for each in classes], axis=1
    )
    choose = _longest if rule == "majority" else _at_the_end
    place = choose(runs, classes, shares, starts, length)
    # One more column than there are classes: time without a label.
    shares = np.append(shares, 1 - shares.sum(axis=1, keepdims=True), axis=1)
    purity = np.take_along_axis(shares, place[:, None], axis=1)[:, 0]
    labels = np.append(classes, UNLABELLED)[place]
    return labels, np.where(labels == UNDECIDED, 0.0, purity)


def labels_at(label, moments):
    """The class that holds at each moment of a recording.

    Args:
        label: int, or `Intervals`, as in `window_labels`.
        moments: float array of any shape, in seconds.

    Returns:
        int array of that shape, -1 where no class holds, or more than one. At a border
        it is the class that begins there.

    Example:

    >>> intervals = Intervals([0, 3], [4, 9], [5, 7])
    >>> labels_at(intervals, np.array([2.0, 3.5, 4.0, 9.0])).tolist()
    [5, -1, 7, -1]
    """
    moments = np.asarray(moments, "float64")
    if not isinstance(label, Intervals):
        return np.full(moments.shape, int(label))
    runs = _runs(label)
    if not len(runs.begin):
        return np.full(moments.shape, UNLABELLED)
    # Just after: a border that rounding put behind a moment has been reached.
    number, holds = _which_holds(runs, moments + TINY)
    is_said = holds & (runs.classes[number] != UNDECIDED)
    return np.where(is_said, runs.classes[number], UNLABELLED)


def check_overlaps(label, where, names=None):
    """Refuses intervals of different classes that share time.

    Args:
        label: int or `Intervals`.
        where: str. Whose label it is.
        names: sequence of str, of the classes.

    Raises:
        ValueError: if two do, with their classes and times.

    Example:

    >>> check_overlaps(Intervals([0, 3], [3, 9], [5, 7]), "session 'a'")
    """
    if not isinstance(label, Intervals):
        return
    runs = _runs(label).of(UNDECIDED)
    if not len(runs.begin):
        return
    begin, end = runs.begin[0], runs.end[0]
    holds = (label.starts < end - TINY / 2) & (label.ends > begin + TINY / 2)
    holds &= label.labels != UNLABELLED
    inside = np.flatnonzero(holds)
    inside = inside[np.argsort(label.starts[inside], kind="stable")]
    first = inside[0]
    other = next(n for n in inside if label.labels[n] != label.labels[first])
    told = " and ".join(
        f"{names[label.labels[n]] if names else int(label.labels[n])!r} from "
        f"{label.starts[n]:.10g} to {label.ends[n]:.10g} s"
        for n in (first, other)
    )
    more = f", and {len(runs.begin) - 1} more times" if len(runs.begin) > 1 else ""
    raise ValueError(
        "Intervals of different classes must not overlap. "
        f"Received: {told}, in {where}{more}. End one where the other begins, or let "
        "the time that they share count for neither: overlaps='mixed'."
    )


class _Runs(NamedTuple):
    """When labels hold: in order, apart, of one class each, or `UNDECIDED`."""

    begin: np.ndarray
    end: np.ndarray
    classes: np.ndarray

    def of(self, label):
        """The runs of one class."""
        return _Runs(*(column[self.classes == label] for column in self))


def _runs(intervals):
    classes = np.unique(intervals.labels[intervals.labels != UNLABELLED])
    held = [_held(intervals, each) for each in classes]
    if not held:
        return _Runs(np.zeros(0), np.zeros(0), np.zeros(0, "int64"))
    begin, end = (np.concatenate(column) for column in zip(*held, strict=True))
    number = np.repeat(np.arange(len(held)), [len(each[0]) for each in held])
    borders, place = np.unique(np.append(begin, end), return_inverse=True)
    change = np.repeat([1, -1], len(begin))
    # From each border to the next: how many classes hold, and which, if it is one.
    count = np.cumsum(np.bincount(place, change)).astype("int64")[:-1]
    which = np.cumsum(np.bincount(place, change * np.tile(number, 2)))[:-1]
    which = np.where(count == 1, which, 0).astype("int64")
    state = np.select([count == 1, count > 1], [classes[which], UNDECIDED], UNLABELLED)
    runs = _merged(borders[:-1], borders[1:], state)
    is_rounding = (runs.classes == UNDECIDED) & (runs.end - runs.begin <= TINY)
    if is_rounding.any():
        state = np.where(
            is_rounding, np.append(runs.classes[1:], UNLABELLED), runs.classes
        )
        runs = _merged(runs.begin, runs.end, state)
    is_held = runs.classes != UNLABELLED
    return _Runs(*(column[is_held] for column in runs))


def _merged(begin, end, state):
    """Neighbours of one state become one."""
    if not len(state):
        return _Runs(begin, end, state)
    firsts = np.append(0, np.flatnonzero(np.diff(state)) + 1)
    lasts = np.append(firsts[1:], len(state)) - 1
    return _Runs(begin[firsts], end[lasts], state[firsts])


def _held(intervals, label):
    """When a label begins and ends to hold, in order and without overlap."""
    chosen = intervals.labels == label
    order = np.argsort(intervals.starts[chosen], kind="stable")
    begin, end = intervals.starts[chosen][order], intervals.ends[chosen][order]
    end_so_far = np.maximum.accumulate(end)
    begin = np.maximum(begin, np.append(-np.inf, end_so_far[:-1]))
    return begin, np.maximum(begin, end)


def _share_of_time(runs, starts, length):
    # Labelled time up to each border, linear in between.
    borders = np.stack([runs.begin, runs.end], axis=1).reshape(-1)
    spent = np.cumsum(runs.end - runs.begin)
    until = np.stack([spent - (runs.end - runs.begin), spent], axis=1).reshape(-1)
    times = np.stack([starts, starts + length])
    first, last = np.interp(times, borders, until)
    return (last - first) / length


def _longest(runs, classes, shares, starts, length):
    """Places, in the classes, of what holds longest; one more where nothing does."""
    alone = np.where(classes == UNDECIDED, 0.0, shares)
    most, tiny = alone.max(axis=1), TINY / length
    is_tied = alone >= most[:, None] - tiny
    place = alone.argmax(axis=1)
    rows = np.flatnonzero((is_tied.sum(axis=1) > 1) & (most > tiny))
    if len(rows):
        first = [_first_moment(runs.of(each), starts[rows]) for each in classes]
        first = np.where(is_tied[rows], np.stack(first, axis=1), np.inf)
        place[rows] = first.argmin(axis=1)
    is_shared = shares.sum(axis=1) > tiny
    without = np.where(is_shared, np.searchsorted(classes, UNDECIDED), len(classes))
    return np.where(most > tiny, place, without)


def _first_moment(runs, starts):
    """When each window first has what holds in these runs."""
    following = np.searchsorted(runs.end, starts, side="right")
    begin = np.append(runs.begin, np.inf)[following]
    return np.maximum(begin, starts)


def _at_the_end(runs, classes, shares, starts, length):
    """Places, in the classes, of what holds at the end; one more for nothing."""
    # Just before the end: a window ends before the next begins.
    moments = starts + length - TINY
    number, holds = _which_holds(runs, moments)
    return np.where(holds, np.searchsorted(classes, runs.classes[number]), len(classes))


def _which_holds(runs, moments):
    """The last run to begin before each moment, and whether it still holds."""
    number = np.searchsorted(runs.begin, moments, side="right") - 1
    return number, (number >= 0) & (moments < runs.end[number])
