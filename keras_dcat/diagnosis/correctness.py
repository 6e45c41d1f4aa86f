"""Where a source and a target are right, and which of them is more often."""

import numpy as np

from keras_dcat.diagnosis.permutation import interval, units_of_windows


def coverage_by_class(labels, scores, names):
    """Share of windows whose class is predicted: the mask of the paper.

    Args:
        labels: int array `(windows,)`.
        scores: float array `(windows, classes)`.
        names: sequence of str, one for each class.

    Returns:
        dict from `"all"`, and from each class that has windows, to a float.

    Example:

    >>> coverage_by_class(np.array([0, 0, 1]), np.eye(2)[[0, 1, 1]], ["sit", "walk"])
    {'all': 0.6666666666666666, 'sit': 0.5, 'walk': 1.0}
    """
    right = scores.argmax(axis=-1) == labels
    shares = {"all": float(right.mean())}
    for number in np.unique(labels):
        shares[names[number]] = float(right[labels == number].mean())
    return shares


def agreement(labels, source, target):
    """Shares of windows that both, one or none of two models get right.

    Args:
        labels: int array `(windows,)`.
        source: float array `(windows, classes)`. Scores.
        target: likewise.

    Returns:
        dict from `"both"`, `"source only"`, `"target only"` and `"neither"` to a float.

    Example:

    >>> agreement(np.array([0, 0]), np.eye(2)[[0, 0]], np.eye(2)[[0, 1]])
    {'both': 0.5, 'source only': 0.5, 'target only': 0.0, 'neither': 0.0}
    """
    source, target = (scores.argmax(axis=-1) == labels for scores in (source, target))
    return {
        "both": float(np.mean(source & target)),
        "source only": float(np.mean(source & ~target)),
        "target only": float(np.mean(~source & target)),
        "neither": float(np.mean(~source & ~target)),
    }


def chance_accuracy(labels, scores):
    """Accuracy that predictions have if they are dealt to windows at random.

    Args:
        labels: int array `(windows,)`.
        scores: float array `(windows, classes)`.

    Returns:
        float.

    Example:

    >>> chance_accuracy(np.array([0, 0, 0, 1]), np.eye(2)[[0, 0, 0, 0]])
    0.75
    """
    classes = scores.shape[-1]
    dealt = np.bincount(scores.argmax(axis=-1), minlength=classes)
    return float(dealt @ np.bincount(labels, minlength=classes) / len(labels) ** 2)


def f1_difference_interval(labels, source, target, groups=None, seed=0):
    """95 % interval of the source's macro F1 less the target's.

    Args:
        labels: int array `(windows,)`.
        source: float array `(windows, classes)`. Scores.
        target: likewise.
        groups: int array `(windows,)`, numbered from 0, or `None`. Drawn as a whole.
        seed: int.

    Returns:
        `(low, high)`.
    """
    units, classes = units_of_windows(len(labels), groups), source.shape[-1]

    def counted(values, weights=None):
        """How many windows of each unit have each class `(units, classes)`."""
        cells = units * classes + values
        size = (units.max() + 1) * classes
        return np.bincount(cells, weights, minlength=size).reshape(-1, classes)

    tables = []
    for scores in (source, target):
        predicted = scores.argmax(axis=-1)
        right = counted(predicted, predicted == labels)
        tables.append((right, counted(predicted) + counted(labels)))

    def difference(weights):
        first, second = (_macro_f1(weights @ r, weights @ t) for r, t in tables)
        return first - second

    return interval(difference, units.max() + 1, seed)


def _macro_f1(right, total):
    """As in `metrics`, from windows that are right, and actual plus predicted ones."""
    f1 = np.divide(2 * right, total, out=np.full_like(total, np.nan), where=total > 0)
    return np.nanmean(f1, axis=-1)
