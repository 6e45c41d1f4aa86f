"""What labels must be, for each kind of head, in arrays and in datasets."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_dcat.class_labels import (
    ANSWER_CURE,
    ANSWER_RULE,
    ROW_CURE,
    ROW_RULE,
    are_class_rows,
    are_classes,
    check_kind,
    checked_labels,
    class_cure,
    class_rule,
    few,
)
from keras_dcat.constant_data import LARGEST
from keras_dcat.transfer.head import Head


class Arithmetic(NamedTuple):
    """What judging labels takes of a backend.

    Attributes:
        rounded: function that rounds numbers.
        total: function that adds up the last axis.
        every: function that is true where all of the last axis are.
    """

    rounded: Callable
    total: Callable
    every: Callable


OF_NUMPY = Arithmetic(
    np.rint, lambda numbers: numbers.sum(axis=-1), lambda holds: holds.all(axis=-1)
)


class LabelRule(NamedTuple):
    """What labels must be.

    Attributes:
        rule: str, a sentence.
        cure: str, a sentence.
        holds: function of signed numbers and of the `Arithmetic` of their backend that
            returns which labels, or rows, are right.
        by_row: bool. Whether rows are judged, not numbers.
    """

    rule: str
    cure: str
    holds: Callable
    by_row: bool = False


def label_rule(head: Head, shape) -> LabelRule:
    """The rule for labels of a shape.

    Args:
        head: `Head`.
        shape: shape of the labels of a window, without the batch.

    Returns:
        `LabelRule`.

    Example:

    >>> label_rule(Head("binary", 1), ()).rule
    'Labels of yes or no must be 1 or 0, and -1 or NaN for no label.'
    """
    if head.task == "regression":
        return LabelRule(
            "Labels of a regression must be finite, at most 2**32, or NaN for none.",
            "Give NaN where there is no value, or take another unit.",
            lambda numbers, of: ~(abs(numbers) > LARGEST),
        )
    if head.task != "multiclass":
        return LabelRule(
            ANSWER_RULE,
            ANSWER_CURE,
            lambda numbers, of: (
                (numbers == 0) | (numbers == 1) | (numbers == -1) | (numbers != numbers)
            ),
        )
    if is_one_hot_shape(head, shape):
        return LabelRule(ROW_RULE, ROW_CURE, _are_rows, by_row=True)
    count = head.num_classes
    return LabelRule(
        class_rule(count),
        class_cure(count),
        lambda numbers, of: are_classes(numbers, count, of.rounded(numbers)),
    )


def is_one_hot_shape(head: Head, shape) -> bool:
    """Whether labels of a shape have a column for each class.

    Args:
        head: `Head`.
        shape: shape of the labels of a window, without the batch.

    Returns:
        bool.
    """
    return head.task == "multiclass" and tuple(shape) == head.output_shape


def fits(head: Head, shape) -> bool:
    """Whether labels may have a shape.

    Args:
        head: `Head`.
        shape: shape with the batch, of which sizes may be `None`; or `None`.

    Returns:
        bool.
    """
    if shape is None or not len(shape):
        return False
    return any(
        len(own) == len(shape) - 1
        and all(
            size in (None, expected)
            for size, expected in zip(shape[1:], own, strict=True)
        )
        for own in head.label_shapes
    )


def forms(head: Head) -> str:
    """The shapes that labels may have, in words.

    Args:
        head: `Head`.

    Returns:
        str.

    Example:

    >>> forms(Head("multiclass", 4)), forms(Head("multilabel", 3))
    ('integers (batch,) or one-hot (batch, 4)', '(batch, 3)')
    """
    steps = "" if head.steps is None else f" {head.steps},"
    flat = f"(batch,{steps})".replace(",)", ")") if steps else "(batch,)"
    rows = f"(batch,{steps} {head.size})"
    if head.task == "multiclass":
        return f"integers {flat} or one-hot {rows}"
    return flat if head.size == 1 else rows


def check_labels(head: Head, labels: np.ndarray):
    """Refuses labels of an array that say no class, or no value.

    Args:
        head: `Head`.
        labels: array `(windows, …)`.

    Raises:
        ValueError: the rule, what came, what to do.
    """
    if head.is_plain:
        checked_labels(labels, head.size)
        return
    if np.ma.is_masked(labels):
        raise ValueError(
            "Labels must say by -1 which windows have none. Received: a masked array. "
            "Fill it: labels.filled(-1)."
        )
    labels = np.asarray(labels)
    check_kind(labels)
    rule = label_rule(head, labels.shape[1:])
    with np.errstate(invalid="ignore"):
        holds = rule.holds(labels.astype("float64"), OF_NUMPY)
    if not np.all(holds):
        wrong = labels[~holds]
        found = wrong[0].tolist() if rule.by_row else few(np.unique(wrong))
        raise ValueError(
            f"{rule.rule} Received: {found} ({len(wrong)} of {holds.size} labels). "
            f"{rule.cure}"
        )


def _are_rows(numbers, of):
    return are_class_rows(numbers, of.total(numbers), of.every)
