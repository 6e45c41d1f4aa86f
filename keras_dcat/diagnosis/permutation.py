"""Windows in folds, in units that are drawn anew, and swapped with one another."""

import numpy as np

from keras_dcat.folds import dealt

MAX_FOLDS = 10
MAX_UNITS = 200
RESAMPLES = 2000


def fold_of_windows(count: int, groups, rng):
    """A fold for every window: whole groups if there are several, or at random.

    Args:
        count: int. Windows.
        groups: int array `(count,)`, numbered from 0, or `None`.
        rng: `np.random.Generator`.

    Returns:
        int array `(count,)`, from 0.

    Example:

    >>> fold = fold_of_windows(5, np.array([0, 0, 0, 1, 2]), np.random.default_rng(0))
    >>> np.bincount(fold).tolist()
    [3, 1, 1]
    """
    # Those that are taken of very many windows may all be of one group.
    if groups is None or not groups.any():
        return rng.permutation(count) % 5
    return dealt(groups, min(MAX_FOLDS, groups.max() + 1), rng)


def units_of_windows(count: int, groups):
    """What is drawn anew for an interval: groups, or blocks of neighbouring windows.

    Args:
        count: int. Windows.
        groups: int array `(count,)`, numbered from 0, or `None`.

    Returns:
        int array `(count,)`, from 0.

    Example:

    >>> int(np.bincount(units_of_windows(400, None)).max())  # neighbours may overlap
    2
    """
    if groups is not None:
        return groups
    return np.arange(count) * min(count, MAX_UNITS) // count


def interval(statistic, units: int, seed: int) -> tuple[float, float]:
    """The middle 95 % of a statistic where units are drawn anew with replacement.

    Args:
        statistic: function from weights `(resamples, units)` to `(resamples,)`.
        units: int.
        seed: int.

    Returns:
        `(low, high)`.

    Example:

    >>> values = np.array([1.0, 1.0, 1.0])
    >>> interval(lambda weights: weights @ values / 3, units=3, seed=0)
    (1.0, 1.0)
    """
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
    low, high = np.quantile(statistic(weights.astype("float64")), [0.025, 0.975])
    return float(low), float(high)


def swapped(strata, rng):
    """An order in which every window has the place of one of its stratum.

    Args:
        strata: int array `(windows,)`.
        rng: `np.random.Generator`.

    Returns:
        int array `(windows,)`.

    Example:

    >>> order = swapped(np.array([0, 1, 0, 1]), np.random.default_rng(0))
    >>> sorted(order[[0, 2]].tolist()), sorted(order[[1, 3]].tolist())
    ([0, 2], [1, 3])
    """
    order = np.empty(len(strata), int)
    random = np.lexsort((rng.random(len(strata)), strata))
    order[np.argsort(strata, kind="stable")] = random
    return order
