"""Whether a source is better than chance, where an accuracy or an error cannot say.

Whoever says no to all that is rare is right nearly always, and what an error is worth
depends on how much labels differ. Both are computed from means of an epoch.
"""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from keras_dcat.transfer.gating.gates import source_correct
from keras_dcat.transfer.head import Head

# What of a variance float32 leaves, less than which is nothing that can be told.
_TOLD = 1e-5


class Score(NamedTuple):
    """A number that is made of several means over an epoch.

    Attributes:
        name: str.
        size: int. How many means.
        of: function `(means, counts) -> scalar`, NaN where they do not tell.
    """

    name: str
    size: int
    of: Callable


def score_of(head: Head) -> Score | None:
    """How sources of a head are judged beside their accuracy or error.

    Args:
        head: `Head`.

    Returns:
        `Score`, or `None` of classes of which there are several: each is chosen as
        seldom as it is right.

    Example:

    >>> score_of(Head("multilabel", 3)).name
    'source_balanced_accuracy'
    """
    if head.task == "multiclass":
        return None
    if head.has_beliefs:
        size = 2 * head.num_labels
        return Score("source_balanced_accuracy", size, balanced_accuracy)
    return Score("source_r2", 3 * head.size, r_squared)


def right_decisions(labels, beliefs, judged):
    """How many sources are right, of those that are judged.

    Args:
        labels: int tensor `(decisions,)`.
        beliefs: list of log-probabilities `(decisions, classes)`, one of each source;
            `()` of one that has none.
        judged: list of float tensors `(decisions,)`. By how much a source is judged
            there: its weight, or 0.

    Returns:
        float32 tensor `(decisions,)`.
    """
    right = ops.zeros_like(judged[0])
    for believed, here in zip(beliefs, judged, strict=True):
        if not isinstance(believed, tuple):
            correct = source_correct(labels, ops.exp(believed))
            right = right + ops.cast(correct, "float32") * here
    return right


def recalls(labels, right, judged, num_labels: int):
    """Of each label, how often its no and its yes are found.

    Args:
        labels: int tensor `(decisions,)`: 0 or 1.
        right: float tensor `(decisions,)`. How many sources are right.
        judged: float tensor `(decisions,)`. How many can be judged.
        num_labels: int.

    Returns:
        `(means, counts)`, float32 tensors `(2 · labels,)`.
    """
    no, yes = (ops.cast(ops.equal(labels, answer), "float32") for answer in (0, 1))

    def by_label(decisions):
        both = ops.stack([decisions * no, decisions * yes])
        return ops.reshape(
            ops.sum(ops.reshape(both, (2, -1, num_labels)), axis=1), (-1,)
        )

    counts = by_label(judged)
    return ops.divide_no_nan(by_label(right), counts), counts


def balanced_accuracy(means, counts):
    """The mean share of no and of yes that is found, by label.

    Args:
        means: as of `recalls`.
        counts: likewise.

    Returns:
        float32 scalar: the mean over labels that were seen as no and as yes; NaN if
        there are none. 0.5 is chance.

    Example:

    >>> means = ops.array([1.0, 0.9, 0.0, 0.7])  # two labels: no and no, yes and yes
    >>> round(float(balanced_accuracy(means, ops.ones(4))), 2)
    0.65
    """
    by_label = ops.mean(ops.reshape(means, (2, -1)), axis=0)
    seen = ops.min(ops.reshape(counts, (2, -1)), axis=0) > 0
    return _mean_where(by_label, seen)


def moments(labels, values, judged, size: int):
    """Of each value, what tells the error of a source from that of a mean.

    Args:
        labels: float tensor `(batch, steps · values)`, NaN where there is none.
        values: float tensor of the same shape. What the source predicts.
        judged: float tensor `(batch,)`, the weight of a window, 0 without a source.
        size: int. How many values there are at a time.

    Returns:
        `(means, counts)`, float32 tensors `(3 · values,)`: means of the labels, of
        their squares and of squared errors.
    """
    if labels.shape[1] != size:
        judged = ops.repeat(judged, labels.shape[1] // size, axis=0)
        labels, values = (ops.reshape(each, (-1, size)) for each in (labels, values))
    there = ops.logical_not(ops.isnan(labels))
    known = ops.where(there, labels, ops.zeros_like(labels))
    weights = ops.cast(there, "float32") * judged[:, None]
    error = ops.where(there, known - values, ops.zeros_like(labels))
    count = ops.sum(weights, axis=0)
    sums = [
        ops.sum(each * weights, axis=0)
        for each in (known, ops.square(known), ops.square(error))
    ]
    means = ops.concatenate([ops.divide_no_nan(each, count) for each in sums])
    return means, ops.concatenate([count] * 3)


def r_squared(means, counts):
    """By how much a source's squared error is below that of the mean label, as a share.

    Args:
        means: as of `moments`.
        counts: likewise.

    Returns:
        float32 scalar: the mean over values whose labels differ; NaN if there are none.
        0 is a source that predicts the mean, 1 one that is never off.

    Example:

    >>> means = ops.array([2.0, 5.0, 0.25])  # of labels 1 and 3, off by a half
    >>> float(r_squared(means, ops.array([2.0, 2.0, 2.0])))
    0.75
    """
    mean, square, error = ops.unstack(ops.reshape(means, (3, -1)), 3)
    variance = square - ops.square(mean)
    differs = variance > _TOLD * square
    share = error / ops.where(differs, variance, ops.ones_like(variance))
    return _mean_where(1.0 - share, differs)


def pooled(pairs):
    """Means of several sources as means of all.

    Args:
        pairs: list of `(means, counts)`.

    Returns:
        `(means, counts)`.
    """
    counts = sum(count for _, count in pairs)
    return ops.divide_no_nan(sum(m * count for m, count in pairs), counts), counts


def weighted_mean(values, weights=None):
    """A mean to which what weighs 0 adds nothing; 0 where all of it does.

    Args:
        values: float tensor `(decisions,)`.
        weights: float tensor `(decisions,)`, or `None` where all weigh alike.

    Returns:
        float scalar.

    Example:

    >>> float(weighted_mean(ops.array([0.5, 9.0]), ops.array([2.0, 0.0])))
    0.5
    """
    if weights is None:
        return ops.mean(values)
    return ops.divide_no_nan(ops.sum(values * weights), ops.sum(weights))


def _mean_where(values, holds):
    holds = ops.cast(holds, "float32")
    count = ops.sum(holds)
    mean = ops.sum(values * holds) / ops.maximum(count, 1)
    return ops.where(count > 0, mean, float("nan"))
