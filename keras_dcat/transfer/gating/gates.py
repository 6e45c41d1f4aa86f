"""Which windows of a batch may teach: gates, as plain functions.

A gate takes the true classes `(batch,)` int32, −1 where there is no label, and the
source's probabilities `(batch, classes)` float32. It returns `(batch,)`: False or 0 to
exclude a window, True or 1 to admit it, values in between to weigh it. With several
labels or steps a row is a decision, not a window.

A regression has no probabilities: see `ErrorBelow`.
"""

from typing import Any

import keras
from keras import ops

from keras_dcat.real_numbers import is_number, is_positive
from keras_dcat.typing import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_dcat")
def source_correct(labels: Tensor, source_probabilities: Tensor) -> Tensor:
    """The paper's mask: admits windows that the source classifies correctly.

    It excludes windows without a label.

    Args:
        labels: int tensor `(batch,)`. True classes.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        bool tensor `(batch,)`.

    Example:

    >>> probabilities = ops.array([[0.7, 0.3], [0.7, 0.3]])
    >>> [bool(x) for x in source_correct(ops.array([0, 1]), probabilities)]
    [True, False]
    """
    return ops.equal(ops.argmax(source_probabilities, axis=-1), labels)


@keras.saving.register_keras_serializable(package="keras_dcat")
def source_confidence(labels: Tensor, source_probabilities: Tensor) -> Tensor:
    """The soft gate: the source's probability of the true class.

    Without a label it is the probability of the predicted class.

    Args:
        labels: int tensor `(batch,)`. True classes.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        float tensor `(batch,)`: the probability of that class.

    Example:

    >>> probabilities = ops.array([[0.75, 0.25], [0.75, 0.25]])
    >>> [float(x) for x in source_confidence(ops.array([0, 1]), probabilities)]
    [0.75, 0.25]
    """
    believed = ops.argmax(source_probabilities, axis=-1)
    classes = ops.where(labels < 0, believed, labels)
    chosen = ops.one_hot(classes, source_probabilities.shape[-1])
    return ops.sum(chosen * source_probabilities, axis=-1)


class _Gate:
    """A gate with a threshold, which is saved with the model."""

    compares_values = False
    threshold: Any  # a float, or `None` where a gate has a usual one

    def get_config(self) -> Config:
        return {"threshold": self.threshold}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        return cls(**config)


class _Threshold(_Gate):
    """A gate whose threshold is a probability."""

    def __init__(self, threshold: float = 0.9):
        if not is_number(threshold) or not 0 <= threshold <= 1:
            raise ValueError(
                "`threshold` must be a probability from 0 to 1. "
                f"Received: threshold={threshold!r}. Start with 0.9."
            )
        self.threshold = threshold


@keras.saving.register_keras_serializable(package="keras_dcat")
class CorrectOrConfident(_Threshold):
    """Admits windows on which the source is right or, without a label, confident.

    Args:
        threshold: float from 0 to 1. How probable the class that it believes in must
            be where there is no label.

    Call args:
        labels: int tensor `(batch,)`. True classes, −1 without one.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        bool tensor `(batch,)`.

    Raises:
        ValueError: if the threshold is out of range.

    Example:

    >>> probabilities = ops.array([[0.7, 0.3], [0.7, 0.3], [0.95, 0.05]])
    >>> gate = CorrectOrConfident(0.9)
    >>> [bool(x) for x in gate(ops.array([1, -1, -1]), probabilities)]
    [False, False, True]
    """

    def __call__(self, labels: Tensor, source_probabilities: Tensor) -> Tensor:
        sure = ops.max(source_probabilities, axis=-1) >= self.threshold
        right = source_correct(labels, source_probabilities)
        return ops.where(labels < 0, sure, right)


@keras.saving.register_keras_serializable(package="keras_dcat")
class Confident(_Threshold):
    """Admits windows on which the source is confident, labelled or not.

    It does not use labels, so confident errors of the source teach, too.

    Args:
        threshold: float from 0 to 1. How probable the class that it believes in must
            be.

    Call args:
        labels: int tensor `(batch,)`. Not used.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        bool tensor `(batch,)`.

    Raises:
        ValueError: if the threshold is out of range.

    Example:

    >>> probabilities = ops.array([[0.7, 0.3], [0.95, 0.05], [0.95, 0.05]])
    >>> [bool(x) for x in Confident(0.9)(ops.array([0, 1, -1]), probabilities)]
    [False, True, True]
    """

    def __call__(self, labels: Tensor, source_probabilities: Tensor) -> Tensor:
        return ops.max(source_probabilities, axis=-1) >= self.threshold


@keras.saving.register_keras_serializable(package="keras_dcat")
class ErrorBelow(_Gate):
    """For a regression: admits windows on which the source's error is small.

    The error of a window is the mean absolute difference from its labels. A window
    without any label is not taught.

    Args:
        threshold: float > 0, in the unit of the labels. `None` for the median error of
            each batch: the better half of its labelled windows teaches.

    Call args:
        labels: float tensor `(batch, values)`, NaN where there is no label.
        source_values: float tensor `(batch, values)`. What the source predicts.

    Returns:
        bool tensor `(batch,)`.

    Raises:
        ValueError: if the threshold is not positive.

    Example:

    >>> labels = ops.array([[1.0], [2.0], [float("nan")]])
    >>> predicted = ops.array([[1.1], [3.0], [0.0]])
    >>> [bool(x) for x in ErrorBelow(0.5)(labels, predicted)]
    [True, False, False]
    >>> [bool(x) for x in ErrorBelow()(labels, predicted)]
    [True, False, False]
    """

    compares_values = True

    def __init__(self, threshold: float | None = None):
        if threshold is not None and not is_positive(threshold):
            raise ValueError(
                "`threshold` must be a positive number, or None for the median. "
                f"Received: threshold={threshold!r}. Start with None."
            )
        self.threshold = threshold

    def __call__(self, labels: Tensor, source_values: Tensor) -> Tensor:
        errors, is_labelled = absolute_errors(labels, source_values)
        threshold = self.threshold
        if threshold is None:
            threshold = _median(errors, is_labelled)
        return ops.logical_and(is_labelled, errors <= threshold)


def absolute_errors(labels, values):
    """The mean absolute error of each window, and which windows have a label.

    Args:
        labels: float tensor `(batch, values)`, NaN where there is no label.
        values: float tensor of the same shape.

    Returns:
        `(errors, is_labelled)`: float and bool tensors `(batch,)`.
    """
    labels, values = ops.convert_to_tensor(labels), ops.convert_to_tensor(values)
    there = ops.logical_not(ops.isnan(labels))
    known = ops.where(there, labels, values)
    counts = ops.sum(ops.cast(there, values.dtype), axis=-1)
    errors = ops.sum(ops.abs(known - values), axis=-1) / ops.maximum(counts, 1)
    return errors, counts > 0


def _median(errors, is_labelled):
    """The lower median of the errors of labelled windows."""
    ordered = ops.sort(ops.where(is_labelled, errors, float("inf")))
    count = ops.sum(ops.cast(is_labelled, "int32"))
    return ops.take(ordered, ops.maximum(count - 1, 0) // 2)


@keras.saving.register_keras_serializable(package="keras_dcat")
def all_teach(labels: Tensor | None, source_probabilities: Tensor) -> Tensor:
    """Admits all windows, also those that the source gets wrong.

    Args:
        labels: int tensor `(batch,)`. Not used.
        source_probabilities: float tensor `(batch, classes)`.

    Returns:
        float tensor `(batch,)` of ones.

    Example:

    >>> ops.shape(all_teach(None, ops.zeros((3, 2))))
    (3,)
    """
    return ops.ones_like(source_probabilities[:, 0], dtype="float32")


GATES = {
    "all": all_teach,
    "correct": source_correct,
    "soft": source_confidence,
    "correct_or_confident": CorrectOrConfident(),
    "confident": Confident(),
}
"""From a name to a gate of classes."""


def get(gate, has_beliefs=True):
    """The gate function that `gate` stands for.

    Args:
        gate: one of `GATES`, or a function as described above.
        has_beliefs: bool. False for a regression, of which only `"all"`, `"correct"`
            (then `ErrorBelow()`) and `ErrorBelow` can judge.

    Returns:
        function `(labels, source_probabilities) -> (batch,)`.

    Raises:
        ValueError: if `gate` is none of these, or cannot judge this task.
    """
    if not has_beliefs and gate == "correct":
        return ErrorBelow()
    found = gate if callable(gate) else None
    if isinstance(gate, str):
        found = GATES.get(gate)
    if found is None:
        raise ValueError(
            f"`gate` must be one of {list(GATES)}, or a function of "
            f"(labels, source_probabilities). Received: gate={gate!r}. "
            "Use 'correct' for the paper's mask, 'all' to let every window teach."
        )
    # Of a user's own function nothing is known.
    compares_values = getattr(found, "compares_values", None)
    if found in (source_correct, source_confidence):
        compares_values = False
    if compares_values is has_beliefs:
        kind = "classes" if has_beliefs else "a regression"
        cure = "'correct'" if has_beliefs else "ErrorBelow()"
        raise ValueError(
            "A gate must judge what the models predict. "
            f"Received: gate={gate!r}, for models of {kind}. "
            f"Use {cure}, or 'all' to let every window teach."
        )
    return found
