"""How well the target's sensor predicts the source's attention statistics."""

import dataclasses

import numpy as np

from keras_dcat.diagnosis.permutation import fold_of_windows, swapped

MAX_WINDOWS = 1000  # the cost grows with their square, the certainty with their root
SOURCE_COMPONENTS = 32
TARGET_COMPONENTS = 64
# Relative to the mean squared singular value: from hardly any shrinkage to almost all.
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclasses.dataclass(frozen=True)
class Predictability:
    """How well the target's sensor predicts the source's attention statistics.

    Attributes:
        r2: float. Share of the variance of the source's `KᵀV` that a ridge regression
            tells from what the target's attention reads, on groups it has not seen.
            Where there are groups, of the variance within them: that people differ
            says nothing about pairs.
        mispaired_r2: float. The same where every window of the source is swapped for
            another one, of the same group if there are groups; mean of many swaps.
        mispaired_p: float. How likely such an `r2` is if pairs do not belong together.
        same_class_r2: float. As `mispaired_r2`, with another window of the same class.
        same_class_p: float. How likely such an `r2` is if pairs share their class only.
        components: int. Principal components of `KᵀV` that were predicted.
        explained: float. Share of its variance that they hold.
    """

    r2: float
    mispaired_r2: float
    mispaired_p: float
    same_class_r2: float
    same_class_p: float
    components: int
    explained: float


def predictability(
    statistics, features, labels, groups=None, permutations=200, seed=0
) -> Predictability:
    """Ridge regression from the target's features to the source's statistic.

    Args:
        statistics: float array `(windows, entries)`. The source's.
        features: float array `(windows, features)`. The target's.
        labels: int array `(windows,)`.
        groups: int array `(windows,)` or `None`. What folds keep whole.
        permutations: int. How often pairs are swapped.
        seed: int. Of folds, swaps, and which windows are taken of too many.

    Returns:
        `Predictability`.
    """
    rng = np.random.default_rng(seed)
    taken = np.sort(rng.permutation(len(labels))[:MAX_WINDOWS])
    statistics, features, labels = (x[taken] for x in (statistics, features, labels))
    if groups is not None:
        groups = np.unique(groups[taken], return_inverse=True)[1]
    strata = _strata(groups, labels)
    statistics, features = (_around_means(x, strata) for x in (statistics, features))
    outcomes, explained = principal_components(statistics, SOURCE_COMPONENTS)
    features, _ = principal_components(_of_unit_variance(features), TARGET_COMPONENTS)
    if not outcomes.shape[1] or not features.shape[1]:  # all windows look the same
        return Predictability(0.0, 0.0, 1.0, 0.0, 1.0, outcomes.shape[1], explained)
    ridge = Ridge(features, fold_of_windows(len(labels), groups, rng))
    r2 = ridge.r2(outcomes)
    swaps = []
    for same in (strata, strata * (labels.max() + 1) + labels):
        found = [ridge.r2(outcomes[swapped(same, rng)]) for _ in range(permutations)]
        # Equal pairs give equal numbers, but for rounding.
        as_good = np.sum(np.array(found) >= r2 - 1e-9)
        swaps += [float(np.mean(found)), float((1 + as_good) / (1 + permutations))]
    others, other_p, alike, alike_p = swaps
    size = outcomes.shape[1]
    return Predictability(r2, others, other_p, alike, alike_p, size, explained)


class Ridge:
    """Ridge regressions on the same features, each fold predicted from the others.

    Args:
        features: float array `(windows, features)`.
        fold: int array `(windows,)`, from 0.
    """

    def __init__(self, features, fold):
        self._folds = []
        for number in range(fold.max() + 1):
            seen, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            mean = features[seen].mean(axis=0)
            left, values, right = np.linalg.svd(
                features[seen] - mean, full_matrices=False
            )
            turned = (features[held] - mean) @ right.T
            maps = []
            for penalty in PENALTIES:
                shrunk = values**2 + penalty * np.mean(values**2)
                factor = np.divide(values, shrunk, out=shrunk * 0, where=shrunk > 0)
                maps.append(turned * factor)
            self._folds.append((seen, held, left.T.copy(), np.stack(maps)))

    def r2(self, outcomes) -> float:
        """Share of variance told, summed over outcomes, with the best penalty.

        Args:
            outcomes: float array `(windows, outcomes)`.

        Returns:
            float, at most 1; negative if the mean would have told more.
        """
        errors = np.zeros(len(PENALTIES))
        for seen, held, left, maps in self._folds:
            known = outcomes[seen]
            predicted = maps @ (left @ known) + known.mean(axis=0)
            errors += np.sum((outcomes[held] - predicted) ** 2, axis=(1, 2))
        total = np.sum((outcomes - outcomes.mean(axis=0)) ** 2)
        return float(1 - errors.min() / total)


def principal_components(values, most: int):
    """Scores on the first principal components, and the share of variance they hold.

    Args:
        values: float array `(windows, entries)`.
        most: int. How many components at most.

    Returns:
        `(scores, share)`: float64 array `(windows, components)`, and a float. There is
        no component where all windows are equal.

    Example:

    >>> scores, share = principal_components(np.array([[3.0, 4.0], [-3.0, -4.0]]), 2)
    >>> np.abs(scores).round(6).tolist(), round(share, 6)
    ([[5.0], [5.0]], 1.0)
    """
    values = np.asarray(values, "float64")
    centered = values - values.mean(axis=0)
    is_wide = centered.shape[1] > centered.shape[0]
    square = centered @ centered.T if is_wide else centered.T @ centered
    variances, vectors = np.linalg.eigh(square)
    total = np.trace(square)
    order = np.argsort(-variances, kind="stable")[:most]
    order = order[variances[order] > 1e-10 * total]
    if not len(order):
        return np.zeros((len(values), 0)), 0.0
    vectors = vectors[:, order]
    scores = vectors * np.sqrt(variances[order]) if is_wide else centered @ vectors
    return scores, float(variances[order].sum() / total)


def _around_means(values, strata):
    """Values less the mean of their stratum, float64; equal ones are exactly zero."""
    values = np.asarray(values, "float64")
    sums = np.zeros((strata.max() + 1, values.shape[1]))
    np.add.at(sums, strata, values)
    centered = values - (sums / np.maximum(np.bincount(strata), 1)[:, None])[strata]
    # Values that are equal in float32 differ by rounding.
    return np.where(np.abs(centered) > 1e-6 * np.abs(values), centered, 0.0)


def _of_unit_variance(features):
    spread = features.std(axis=0)
    spread[spread <= 1e-6 * spread.max()] = np.inf  # what is constant says nothing
    return features / spread


def _strata(groups, labels):
    """Where pairs are swapped: in each group, or anywhere if groups hold one class."""
    if groups is None:
        return np.zeros(len(labels), int)
    classes = [len(np.unique(labels[groups == g])) for g in range(groups.max() + 1)]
    is_mixed = np.array(classes)[groups] > 1
    return groups if is_mixed.mean() > 0.5 else np.zeros(len(labels), int)
