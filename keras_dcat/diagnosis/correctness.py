"""Where a source and a target are right, and which of them is more often.

Rows are windows; of a head of several labels, or of one for every step, they are its
decisions. `kinds` says which of several labels a row is of, whose classes are no and
yes.
"""

import numpy as np

from keras_dcat.diagnosis.permutation import interval, units_of_windows
from keras_dcat.metrics import f1_per_class, macro_f1


def f1_of_rows(labels, scores, kinds=None):
    """Macro F1: the mean over classes; of several labels over those of "yes".

    Args:
        labels: int array `(rows,)`.
        scores: float array `(rows, classes)`.
        kinds: int array `(rows,)` or `None`. The label that each row is of.

    Returns:
        float.

    Example:

    >>> f1_of_rows(np.array([1, 0, 1]), np.eye(2)[[1, 0, 0]], np.array([0, 0, 1]))
    0.5
    """
    if kinds is None:
        return macro_f1(labels, scores, scores.shape[-1])
    own = [kinds == kind for kind in np.unique(kinds)]
    return float(np.nanmean([f1_per_class(labels[r], scores[r], 2)[1] for r in own]))


def coverage_by_class(labels, scores, names, kinds=None):
    """Share of windows whose class is predicted: the mask of the paper.

    Args:
        labels: int array `(windows,)`.
        scores: float array `(windows, classes)`.
        names: sequence of str, one for each class; of several labels one for the
            classes of each.
        kinds: int array `(windows,)` or `None`. The label that each row is of.

    Returns:
        dict from `"all"`, and from each class that has windows, to a float.

    Example:

    >>> coverage_by_class(np.array([0, 0, 1]), np.eye(2)[[0, 1, 1]], ["sit", "walk"])
    {'all': 0.6666666666666666, 'sit': 0.5, 'walk': 1.0}
    """
    right = scores.argmax(axis=-1) == labels
    shares = {"all": float(right.mean())}
    numbers = labels if kinds is None else labels + scores.shape[-1] * kinds
    for number in np.unique(numbers):
        shares[names[number]] = float(right[numbers == number].mean())
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


def chance_accuracy(labels, scores, kinds=None):
    """Accuracy that predictions have if they are dealt to windows at random.

    Args:
        labels: int array `(windows,)`.
        scores: float array `(windows, classes)`.
        kinds: int array `(windows,)` or `None`. The label that each row is of: those of
            a label are dealt among themselves.

    Returns:
        float.

    Example:

    >>> chance_accuracy(np.array([0, 0, 0, 1]), np.eye(2)[[0, 0, 0, 0]])
    0.75
    """
    classes = scores.shape[-1]
    if kinds is not None:
        own = [kinds == kind for kind in np.unique(kinds)]
        right = [
            rows.sum() * chance_accuracy(labels[rows], scores[rows]) for rows in own
        ]
        return float(sum(right) / len(labels))
    dealt = np.bincount(scores.argmax(axis=-1), minlength=classes)
    return float(dealt @ np.bincount(labels, minlength=classes) / len(labels) ** 2)


def f1_difference_interval(labels, source, target, groups=None, seed=0, kinds=None):
    """95 % interval of the source's macro F1 less the target's.

    Args:
        labels: int array `(windows,)`.
        source: float array `(windows, classes)`. Scores.
        target: likewise.
        groups: int array `(windows,)`, numbered from 0, or `None`. Drawn as a whole.
        seed: int.
        kinds: int array `(windows,)` or `None`. The label that each row is of.

    Returns:
        `(low, high)`.
    """
    units, classes = units_of_windows(len(labels), groups), source.shape[-1]
    if kinds is not None:
        classes = kinds.max() + 1  # yes of each label, in the place of a class

    def counted(values, weights=None):
        """How many windows of each unit have each class `(units, classes)`."""
        if kinds is not None:
            weights = (values == 1) * (1 if weights is None else weights)
            values = kinds
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
