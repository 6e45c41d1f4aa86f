"""What a model ends in: which task its outputs are for, and how labels answer them."""

import dataclasses
import functools

import keras
import numpy as np
from keras import ops

from keras_dcat.transfer.labels import (
    class_indices,
    for_classification,
    over_labelled,
)
from keras_dcat.transfer.losses.distillation import IMPOSSIBLE, log_probabilities

TASKS = ("multiclass", "binary", "multilabel", "regression")


@dataclasses.dataclass(frozen=True)
class Head:
    """The outputs of a model, and what they mean.

    A prediction is one decision or several: one for each window, or for each time step,
    and of a multi-label head for each label. Losses, gates and metrics see decisions in
    rows, `(decisions, classes)`. A head of one class per window has one decision, and
    its rows are its windows.

    Attributes:
        task: `"multiclass"` (one class of several), `"binary"` (one unit, yes or no),
            `"multilabel"` (several units, each yes or no) or `"regression"`.
        size: int. Units: classes, labels or values.
        steps: int. Time steps of which each has a prediction; `None` where the window
            has one.
        from_logits: bool. Whether outputs are logits, not probabilities. False for a
            regression.

    Example:

    >>> fall = Head("binary", size=1, from_logits=False)
    >>> rows = fall.log_probabilities(ops.array([[0.75]]))
    >>> [round(float(p), 2) for p in ops.exp(rows)[0]]
    [0.25, 0.75]
    """

    task: str
    size: int
    steps: int | None = None
    from_logits: bool = True

    @property
    def has_beliefs(self) -> bool:
        """Whether outputs say how probable classes are."""
        return self.task != "regression"

    @property
    def num_classes(self) -> int | None:
        """Classes of each decision; `None` for a regression."""
        if not self.has_beliefs:
            return None
        return self.size if self.task == "multiclass" else 2

    @property
    def num_labels(self) -> int:
        """Decisions at a time: labels of a multi-label head, else 1."""
        return self.size if self.task == "multilabel" else 1

    @property
    def decisions(self) -> int:
        """Rows of one window. A regression is judged as a whole."""
        return (self.steps or 1) * self.num_labels if self.has_beliefs else 1

    @property
    def is_plain(self) -> bool:
        """Whether each window has one class, as most models give it."""
        return self.task == "multiclass" and self.steps is None

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of a prediction, without the batch."""
        return (*self._steps, self.size)

    @property
    def belief_shape(self) -> tuple[int, ...]:
        """Shape of the log-probabilities of a window, without the batch."""
        labels = (self.size,) if self.task == "multilabel" else ()
        return (*self._steps, *labels, self.num_classes)

    @property
    def label_shapes(self) -> list[tuple[int, ...]]:
        """Shapes that labels of a window may have, without the batch."""
        last = [(self.size,)]
        if self.task != "multilabel" and (self.task == "multiclass" or self.size == 1):
            last = [(), (1,), *last] if self.size > 1 else [(), (1,)]
        return [(*self._steps, *each) for each in last]

    @property
    def _steps(self):
        return () if self.steps is None else (self.steps,)

    def log_probabilities(self, prediction):
        """What a prediction says of classes.

        Args:
            prediction: float tensor `(batch, *output_shape)`.

        Returns:
            float32 tensor `(batch, *belief_shape)`.
        """
        if self.task == "multiclass":
            return log_probabilities(prediction, self.from_logits)
        prediction = ops.cast(prediction, "float32")
        if self.task == "binary":
            prediction = prediction[..., 0]
        if self.from_logits:
            both = [
                ops.maximum(ops.log_sigmoid(each), IMPOSSIBLE)
                for each in (-prediction, prediction)
            ]
        else:
            least = keras.config.epsilon()
            both = [
                ops.log(ops.maximum(each, least))
                for each in (1.0 - prediction, prediction)
            ]
        return ops.stack(both, axis=-1)

    def rows(self, log_probabilities):
        """Log-probabilities of windows, by decision.

        Args:
            log_probabilities: float tensor `(batch, *belief_shape)`.

        Returns:
            float tensor `(batch · decisions, classes)`.
        """
        if len(self.belief_shape) == 1:
            return log_probabilities
        return ops.reshape(log_probabilities, (-1, self.num_classes))

    def classes_of_rows(self, labels):
        """The class of each decision.

        Args:
            labels: `(batch, …)` of one of `label_shapes`. No label is −1, NaN, or a row
                of zeros among one-hot ones.

        Returns:
            int32 tensor `(batch · decisions,)`, −1 where there is no label.
        """
        if self.is_plain:
            return class_indices(labels, self.size)
        if self.task == "multiclass" and len(labels.shape) == 3:
            return class_indices(ops.reshape(labels, (-1, labels.shape[-1])), self.size)
        return whole_or_none(ops.reshape(labels, (-1,)))

    def is_labelled(self, labels):
        """Which decisions have a label; of a regression, which windows have a value.

        Args:
            labels: as in `classes_of_rows`.

        Returns:
            bool tensor `(batch · decisions,)`.
        """
        if self.has_beliefs:
            return self.classes_of_rows(labels) >= 0
        return ops.any(ops.logical_not(ops.isnan(self.values(labels))), axis=-1)

    def values(self, labels):
        """What a regression predicts, or is told, of each window.

        Args:
            labels: float tensor `(batch, …)`.

        Returns:
            float32 tensor `(batch, values)`.
        """
        count = (self.steps or 1) * self.size
        return ops.reshape(ops.cast(labels, "float32"), (-1, count))

    def of_rows(self, weights):
        """Numbers of windows, repeated for each of their decisions.

        Args:
            weights: float tensor `(batch,)`.

        Returns:
            float tensor `(batch · decisions,)`.
        """
        if self.decisions == 1:
            return weights
        return ops.repeat(weights, self.decisions, axis=0)

    def of_windows(self, shares):
        """Numbers of decisions, averaged over each window.

        Args:
            shares: float tensor `(batch · decisions,)`.

        Returns:
            float tensor `(batch,)`.
        """
        if self.decisions == 1:
            return shares
        return ops.mean(ops.reshape(shares, (-1, self.decisions)), axis=-1)

    def weights_of_rows(self, sample_weight):
        """`sample_weight` of `fit`, by decision.

        Args:
            sample_weight: `(batch,)` or `(batch, 1)`; `(batch, steps)` where steps have
                predictions.

        Returns:
            float32 tensor `(batch · decisions,)`.
        """
        weights = ops.cast(sample_weight, "float32")
        columns = 1 if len(weights.shape) < 2 else weights.shape[1]
        weights = ops.reshape(weights, (-1,))
        if self.has_beliefs and columns == self.steps and columns != 1:
            return ops.repeat(weights, self.num_labels, axis=0)
        return self.of_rows(weights)

    def supervised(self, labels, prediction, sample_weight):
        """What a loss or a metric of Keras is to compare, where there are labels.

        Args:
            labels: as in `classes_of_rows`.
            prediction: float tensor `(batch, *output_shape)`.
            sample_weight: as in `weights_of_rows`, or `None`.

        Returns:
            `(labels, prediction, weights)`. No label says that there is none; where
            there was none, the weight is 0. Unless the head is plain, all three are by
            decision: `(decisions, 1)` or, of classes, `(decisions, classes)`.
        """
        if self.is_plain:
            return self._of_classes(labels, prediction, sample_weight)
        if self.task == "multiclass":
            if len(labels.shape) == 3:
                labels = ops.reshape(labels, (-1, labels.shape[-1]))
            else:
                labels = ops.reshape(labels, (-1,))
            rows = ops.reshape(prediction, (-1, self.size))
            weights = None
            if sample_weight is not None:
                weights = self.weights_of_rows(sample_weight)
            return self._of_classes(labels, rows, weights)
        numbers = ops.reshape(ops.cast(labels, "float32"), (-1, 1))
        there = ops.logical_not(ops.isnan(numbers))
        if self.has_beliefs:
            there = ops.logical_and(there, numbers >= 0)
        weights = ops.cast(there[:, 0], "float32")
        if sample_weight is not None:
            own = self.weights_of_rows(sample_weight)
            if not self.has_beliefs:
                values = (self.steps or 1) * self.size
                own = ops.repeat(own, values, axis=0) if values > 1 else own
            weights = ops.multiply(weights, own)
        known = ops.where(there, numbers, ops.zeros_like(numbers))
        return known, ops.reshape(prediction, (-1, 1)), weights

    def _of_classes(self, labels, prediction, sample_weight):
        known, weights = for_classification(labels, sample_weight, self.size)
        return known, prediction, weights

    def mean_over_labelled(self, weights, labels):
        """Weights with which a mean over a batch is one over what has a label.

        Args:
            weights: float tensor, those of `supervised`.
            labels: as in `classes_of_rows`.

        Returns:
            float tensor of the same shape.
        """
        if self.has_beliefs:
            return over_labelled(weights, self.classes_of_rows(labels))
        there = ops.logical_not(ops.isnan(ops.reshape(labels, (-1,))))
        return over_labelled(weights, ops.where(there, 0, -1))

    def at_steps_of(self, other: "Head", log_probabilities):
        """What this head says of the time steps of another, of the same window.

        A step of the other is told the mean of what covers it, by how much each does.

        Args:
            other: `Head` of as many classes, labels or values.
            log_probabilities: float tensor `(batch, *belief_shape)`; of a regression,
                its prediction.

        Returns:
            the same of the other's steps.
        """
        if self.steps == other.steps:
            return log_probabilities
        shares = overlaps(self.steps, other.steps)
        if not self.has_beliefs:
            return ops.einsum("os,bs...->bo...", shares, log_probabilities)
        told = ops.einsum("os,bs...->bo...", shares, ops.exp(log_probabilities))
        return ops.log(ops.maximum(told, keras.config.epsilon()))


@functools.cache
def overlaps(own: int, other: int) -> np.ndarray:
    """How much of each of `other` steps of a window each of `own` steps covers.

    Args:
        own: int.
        other: int.

    Returns:
        float32 array `(other, own)`, whose rows sum to 1.

    Example:

    >>> overlaps(2, 4).tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    starts, ends = (np.arange(own) + shift for shift in (0, 1))
    scale = own / other
    own_starts, own_ends = ((np.arange(other) + shift) * scale for shift in (0, 1))
    first = np.maximum(starts, own_starts[:, None])
    last = np.minimum(ends, own_ends[:, None])
    return (np.maximum(last - first, 0) / scale).astype("float32")


def whole_or_none(labels):
    """Labels as classes, −1 where they are negative or NaN.

    Args:
        labels: tensor of numbers.

    Returns:
        int32 tensor of the same shape.

    Example:

    >>> found = whole_or_none(ops.array([1.0, float("nan"), -1.0]))
    >>> [int(x) for x in found]
    [1, -1, -1]
    """
    numbers = ops.cast(labels, "float32")
    there = ops.logical_and(ops.logical_not(ops.isnan(numbers)), numbers >= 0)
    known = ops.where(there, numbers, ops.zeros_like(numbers))
    return ops.where(there, ops.cast(ops.round(known), "int32"), -1)


def described(head: Head) -> str:
    """A head in words.

    Args:
        head: `Head`.

    Returns:
        str.

    Example:

    >>> described(Head("multiclass", 5)), described(Head("binary", 1, steps=25))
    ('5 classes', 'one label (yes or no) at each of 25 steps')
    """
    kinds = {
        "multiclass": f"{head.size} classes",
        "binary": "one label (yes or no)",
        "multilabel": f"{head.size} labels (each yes or no)",
        "regression": f"{head.size} value{'s' if head.size > 1 else ''} (regression)",
    }
    steps = "" if head.steps is None else f" at each of {head.steps} steps"
    return kinds[head.task] + steps
