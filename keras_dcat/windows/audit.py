"""Proof that two splits share nothing that they must not."""

import itertools

import numpy as np

from keras_dcat.windows.index import WindowIndex, touching


def audit(
    train: WindowIndex,
    test: WindowIndex,
    *others: WindowIndex,
    sessions: bool = True,
    subjects: bool = True,
) -> None:
    """Fails if two splits share a sample, a session or a subject.

    Every sample of every stream counts: one that two windows share is found.
    A session is one subject's: equal names of two subjects are two sessions.

    Args:
        train: `WindowIndex`.
        test: `WindowIndex`.
        *others: further splits, such as one for validation.
        sessions: bool. Whether a session on two sides is a leak. False for splits
            within sessions of one index; between two indexes it always is.
        subjects: bool. Whether a subject on two sides is a leak.

    Raises:
        ValueError: if there is a leak, with how many and where.

    Example:

    >>> from keras_dcat.recordings import Recording, Stream
    >>> from keras_dcat.windows import index_windows, split_by_subject
    >>> streams = {"imu": Stream(np.zeros((100, 3)), rate=50)}
    >>> index = index_windows([Recording(streams, 0, who) for who in "ABC"], 1, 1)
    >>> audit(*split_by_subject(index, test_subjects=["C"]))
    """
    names = ["train", "test", *(f"others[{n}]" for n in range(len(others)))]
    splits = zip(names, (train, test, *others), strict=True)
    leaks = [
        leak
        for one, other in itertools.combinations(splits, 2)
        for leak in _leaks(*one, *other, sessions, subjects)
    ]
    if leaks:
        raise ValueError(
            "Splits must not share samples"
            f"{', sessions' * sessions}{', subjects' * subjects}. "
            f"Received: {'; '.join(leaks)}. "
            "Split one index with `split_by_subject`, `split_by_session` or "
            "`split_by_time`, or allow it: sessions=False, subjects=False."
        )


def _leaks(name, one, other_name, other, sessions, subjects):
    """What two splits share, each a phrase."""
    shared_sessions = _session_names(one) & _session_names(other)
    shared_subjects = set(one.subjects.tolist()) & set(other.subjects.tolist())
    if one.samples is other.samples:
        for stream, starts in one.starts.items():
            is_shared = touching(starts, other.starts[stream], one.steps[stream])
            if is_shared.any():
                where = ", ".join(
                    f"{one.sessions[window]!s} at {one.times[window]:g} s"
                    for window in np.flatnonzero(is_shared)[:3]
                )
                yield (
                    f"{is_shared.sum()} windows of `{name}` share samples of "
                    f"{stream!r} with `{other_name}` (such as {where})"
                )
    # Where each has its own positions, samples cannot be told apart.
    sessions = sessions or one.samples is not other.samples
    for kind, is_leak, shared in (
        ("sessions", sessions, shared_sessions),
        ("subjects", subjects, shared_subjects),
    ):
        if is_leak and shared:
            some = sorted(shared, key=str)[:3]
            yield (
                f"`{name}` and `{other_name}` share {len(shared)} {kind} "
                f"(such as {', '.join(map(str, some))})"
            )


def _session_names(index):
    return set(zip(index.subjects.tolist(), index.sessions.tolist(), strict=True))
