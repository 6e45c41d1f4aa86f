"""Which windows are for training and which for testing."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from keras_dcat.folds import dealt
from keras_dcat.windows.index import WindowIndex, touching
from keras_dcat.windows.labels import TINY

_Sides = tuple[WindowIndex, WindowIndex]


def split_by_subject(index: WindowIndex, test_subjects: Iterable) -> _Sides:
    """Splits windows so that no subject is on both sides.

    Args:
        index: `WindowIndex`.
        test_subjects: subjects whose windows are held out.

    Returns:
        `(train, test)`, two `WindowIndex`.

    Raises:
        ValueError: if a subject has no window, or if a side would be empty.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> index = index_windows([Recording(streams, 0, who) for who in "ABC"], 1, 1)
    >>> train, test = split_by_subject(index, test_subjects=["C"])
    >>> len(train), len(test)
    (4, 2)
    """
    return _split_by_name(index, index.subjects, "test_subjects", test_subjects)


def split_by_session(index: WindowIndex, test_sessions: Iterable) -> _Sides:
    """Splits windows so that no session is on both sides, though subjects may be.

    Args:
        index: `WindowIndex`.
        test_sessions: names of the sessions whose windows are held out, of
            whichever subject.

    Returns:
        `(train, test)`, two `WindowIndex`.

    Raises:
        ValueError: if a session has no window, or if a side would be empty.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> index = index_windows([Recording(streams, 0, "A", day) for day in "123"], 1, 1)
    >>> train, test = split_by_session(index, test_sessions=["3"])
    >>> len(train), len(test)
    (4, 2)
    """
    return _split_by_name(index, index.sessions, "test_sessions", test_sessions)


def leave_one_subject_out(
    index: WindowIndex,
) -> Iterator[tuple[Any, WindowIndex, WindowIndex]]:
    """Cross-validation that tests each subject in turn.

    Args:
        index: `WindowIndex` of two subjects or more.

    Returns:
        iterator of `(subject, train, test)`, subjects in rising order.

    Raises:
        ValueError: on the first of them, if there is no second.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> index = index_windows([Recording(streams, 0, who) for who in "ABC"], 1, 1)
    >>> [(who, len(train)) for who, train, test in leave_one_subject_out(index)]
    [('A', 4), ('B', 4), ('C', 4)]
    """
    subjects = np.unique(index.subjects).tolist()
    return ((who, *split_by_subject(index, [who])) for who in subjects)


def group_folds(
    index: WindowIndex, folds: int, *, by: str = "subject", seed: int = 0
) -> list[_Sides]:
    """Cross-validation folds of whole subjects or sessions.

    The largest group goes first, each to the fold with the fewest windows, so
    that folds differ by no more windows than the largest group has.

    Args:
        index: `WindowIndex`.
        folds: int. Number of folds, 2 or more.
        by: `"subject"` or `"session"`, what is never torn apart. A session is
            one subject's: equal names of two subjects are two sessions.
        seed: int. The order of groups of one size, and of the folds.

    Returns:
        list of `(train, test)`, in which every window is tested once.

    Raises:
        ValueError: if `by` is neither, or if there are fewer groups than folds.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> index = index_windows([Recording(streams, 0, who) for who in "ABCDEF"], 1, 1)
    >>> [(len(train), len(test)) for train, test in group_folds(index, folds=3)]
    [(8, 4), (8, 4), (8, 4)]
    """
    if by not in ("subject", "session"):
        raise ValueError(
            "Folds keep subjects or sessions whole. "
            f"Received: by={by!r}. Use 'subject' or 'session'."
        )
    groups = _sessions(index)
    if by == "subject":
        groups = np.unique(index.subjects, return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    tested_in = dealt(groups, folds, rng, kind=by)
    return [
        (index.subset(tested_in != fold), index.subset(tested_in == fold))
        for fold in rng.permutation(folds)
    ]


def split_by_time(index: WindowIndex, test_share: float, guard: float) -> _Sides:
    """Tests on the end of every session: known subjects, later moments.

    Test are the windows that lie in the last `test_share` of their session, from
    the start of its first window to the end of its last. Training windows end
    `guard` seconds before the first of them, and share no sample with one. The
    others are in neither: `len(index) - len(train) - len(test)` windows are lost.
    A session that is too short for a test window is all for training.

    Args:
        index: `WindowIndex` in which every recording has a session of its own.
        test_share: float between 0 and 1. Share of a session's time.
        guard: float. Seconds between training and test, 0 or more.

    Returns:
        `(train, test)`, two `WindowIndex`.

    Raises:
        ValueError: if an option makes no sense, if a subject has several
            recordings of one session, or if a side would be empty.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> stream = Stream(np.zeros((500, 3)), rate=50)
    >>> index = index_windows([Recording({"imu": stream}, 0, "A")], 2, stride=1)
    >>> train, test = split_by_time(index, test_share=0.4, guard=1)
    >>> train.times.tolist(), test.times.tolist()  # 4.0 and 5.0 are lost
    ([0.0, 1.0, 2.0, 3.0], [6.0, 7.0, 8.0])
    """
    _check_share(test_share)
    if not 0 <= guard < np.inf:
        raise ValueError(
            "`guard` must be a number of seconds, 0 or more. "
            f"Received: guard={guard}. Take the length of a window or more."
        )
    sessions = _sessions(index)
    count = int(sessions.max(initial=-1)) + 1
    _check_one_recording_each(index, sessions)
    begin, end, first_test = np.full((3, count), np.inf) * [[1], [-1], [1]]
    np.minimum.at(begin, sessions, index.times)
    np.maximum.at(end, sessions, index.times + index.length)
    border = end - test_share * (end - begin)
    is_test = index.times >= border[sessions] - TINY
    np.minimum.at(first_test, sessions[is_test], index.times[is_test])
    is_train = index.times + index.length + guard <= first_test[sessions] + TINY
    for name, starts in index.starts.items():
        is_train &= ~touching(starts, starts[is_test], index.steps[name])
    return _both_sides(index, is_train, is_test)


def split_at_random(index: WindowIndex, test_share: float, *, seed: int = 0) -> _Sides:
    """Any window may be on either side; warns where that leaks.

    Windows that overlap share samples, so that the test set has been seen in
    training, and its score says nothing about new data.

    Args:
        index: `WindowIndex`.
        test_share: float between 0 and 1. Share of the windows.
        seed: int. Which windows.

    Returns:
        `(train, test)`, two `WindowIndex`.

    Raises:
        ValueError: if the share makes no sense, or if a side would be empty.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows
    >>> stream = Stream(np.zeros((500, 3)), rate=50)
    >>> index = index_windows([Recording({"imu": stream}, 0, "A")], 1, stride=1)
    >>> train, test = split_at_random(index, test_share=0.3)
    >>> len(train), len(test)
    (7, 3)

    Reference:
        Hammerla and Plötz, UbiComp 2015, *Let's (not) stick together*.
    """
    _check_share(test_share)
    overlapping = np.zeros(len(index), bool)
    for name, starts in index.starts.items():
        order = np.argsort(starts)
        close = np.diff(starts[order]) < index.steps[name]
        overlapping[order[1:][close]] = overlapping[order[:-1][close]] = True
    if overlapping.any():
        warnings.warn(
            "Windows that overlap should not be split at random: test windows are "
            "partly seen in training. "
            f"Received: {overlapping.sum()} of {len(index)} windows that overlap. "
            "Use `split_by_subject`, `split_by_session` or `split_by_time`.",
            stacklevel=2,
        )
    order = np.random.default_rng(seed).permutation(len(index))
    is_test = order < round(test_share * len(index))
    return _both_sides(index, ~is_test, is_test)


def _split_by_name(index, names, argument, wanted):
    kind = argument.removeprefix("test_")
    wanted = list(wanted)
    known = np.unique(names).tolist()
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ValueError(
            f"`{argument}` must be {kind} of the recordings. "
            f"Received: {missing}, without a window. Choose from {known}; if they "
            "were recorded, `index.report` says what became of their windows."
        )
    is_test = np.isin(names, wanted)
    if is_test.all() or not is_test.any():
        raise ValueError(
            f"Both sides of a split must have {kind}. "
            f"Received: {argument}={wanted} of {known}. "
            "Leave at least one for training and one for testing."
        )
    return index.subset(~is_test), index.subset(is_test)


def _both_sides(index, is_train, is_test):
    if not is_train.any() or not is_test.any():
        raise ValueError(
            "Both sides of a split must have windows. Received: "
            f"{is_train.sum()} for training and {is_test.sum()} for testing. "
            "Change the share, the guard or the length of windows."
        )
    return index.subset(is_train), index.subset(is_test)


def _check_share(test_share):
    if not 0 < test_share < 1:
        raise ValueError(
            "`test_share` must lie between 0 and 1. "
            f"Received: test_share={test_share}. Try 0.2, a fifth."
        )


def _check_one_recording_each(index, sessions):
    """A session's times must be of one clock to be put in order."""
    name, starts = next(iter(index.starts.items()))
    recordings = np.unique(index.samples[name].part_of(starts))
    if len(recordings) > len(np.unique(sessions)):
        raise ValueError(
            "Every recording must be a session of its own to be split by time. "
            f"Received: {len(recordings)} recordings of {len(np.unique(sessions))} "
            "sessions. Name them: Recording(…, session='monday')."
        )


def _sessions(index):
    """The number of each window's session, from 0 on."""
    names, sessions = np.unique(index.sessions, return_inverse=True)
    subjects = np.unique(index.subjects, return_inverse=True)[1]
    return np.unique(subjects * len(names) + sessions, return_inverse=True)[1]
