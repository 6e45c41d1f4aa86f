"""Whole groups of windows, such as those of a subject, are dealt to folds."""

import numpy as np


def dealt(
    groups: np.ndarray, folds: int, rng: np.random.Generator, kind: str = "group"
) -> np.ndarray:
    """The fold of each window: the largest group first, to the emptiest fold.

    Folds then differ by no more windows than the largest group has.

    Args:
        groups: int array `(windows,)`, numbered from 0.
        folds: int. Number of folds.
        rng: `np.random.Generator`, for the order of groups of one size.
        kind: str. What a group is, for the error.

    Returns:
        int array `(windows,)`, from 0.

    Raises:
        ValueError: if there are fewer than two folds, or fewer groups than folds.

    Example:

    >>> groups = np.array([0, 0, 0, 1, 2])
    >>> np.bincount(dealt(groups, 2, np.random.default_rng(0))).tolist()
    [3, 2]
    """
    sizes = np.bincount(groups)
    if not 2 <= folds <= len(sizes):
        raise ValueError(
            f"There must be 2 folds or more, and a {kind} for each. "
            f"Received: folds={folds}, {kind}s: {len(sizes)}. "
            f"Ask for fewer folds, or add {kind}s."
        )
    shuffled = rng.permutation(len(sizes))
    filled, fold_of = np.zeros(folds, int), np.zeros(len(sizes), int)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[groups]
