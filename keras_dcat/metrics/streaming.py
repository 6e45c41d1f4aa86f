"""Metrics of Keras that count batch by batch, and take labels as integers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_dcat.class_names import checked_class_names
from keras_dcat.typing import Config, Tensor


class _ClassCounts(keras.metrics.Metric):
    """Hits, predictions and labels of each class: all that an F1 needs."""

    def __init__(self, num_classes: int, name: str, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        if num_classes < 2:
            raise ValueError(
                "There must be two classes at least. "
                f"Received: {num_classes}. Count the model's outputs."
            )
        self.num_classes = num_classes
        self.hits, self.predicted, self.present = (
            self.add_variable((num_classes,), keras.initializers.Zeros(), name=each)
            for each in ("hits", "predicted", "present")
        )

    def update_state(
        self, y_true: Tensor, y_pred: Any, sample_weight: Tensor | None = None
    ) -> None:
        _check_classes(y_pred, self.num_classes)
        true, weights = _counted(y_true, sample_weight, self.num_classes, self.dtype)
        true = true * weights[:, None]
        guess = ops.one_hot(
            ops.argmax(y_pred, axis=-1), self.num_classes, dtype=self.dtype
        )
        self.hits.assign_add(ops.sum(true * guess, axis=0))
        self.predicted.assign_add(ops.sum(guess * weights[:, None], axis=0))
        self.present.assign_add(ops.sum(true, axis=0))

    def f1(self) -> tuple[Tensor, Tensor]:
        """F1 of every class, 0 for one that was never seen; and which were seen."""
        seen = self.predicted + self.present
        f1 = 2 * self.hits / ops.maximum(seen, keras.config.epsilon())
        return f1, ops.cast(seen > 0, f1.dtype)


@keras.saving.register_keras_serializable(package="keras_dcat")
class MacroF1(_ClassCounts):
    """Mean F1 over the classes that are present or predicted, over all batches.

    `keras.metrics.F1Score` refuses integer labels, and counts a class that never
    occurs as an F1 of 0. Windows without a label count nowhere.

    Args:
        num_classes: int, at least 2.
        name: str. In a history it is found under this name.
        dtype: dtype of the computation.

    Call args:
        y_true: classes `(batch,)` or `(batch, 1)`, or one-hot `(batch, classes)`; −1,
            or zeros only, for no label.
        y_pred: scores, probabilities or logits `(batch, classes)`.
        sample_weight: float `(batch,)`, or `None`.

    Returns:
        float scalar from 0 to 1.

    Raises:
        ValueError: if there is one class, or another number of them in `y_pred`.

    Example:

    >>> metric = MacroF1(num_classes=2)
    >>> metric.update_state([0, 0], ops.array([[0.9, 0.1], [0.2, 0.8]]))
    >>> metric.update_state([1], ops.array([[0.2, 0.8]]))
    >>> round(float(metric.result()), 3)
    0.667
    """

    def __init__(self, num_classes: int, name: str = "macro_f1", dtype: Any = None):
        super().__init__(num_classes, name, dtype)

    def result(self) -> Tensor:
        f1, seen = self.f1()
        return ops.sum(f1) / ops.maximum(ops.sum(seen), 1.0)

    def get_config(self) -> Config:
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="keras_dcat")
class F1PerClass(_ClassCounts):
    """F1 of every class, under its name, over all batches.

    Args:
        class_names: sequence of str, in the order of the model's outputs.
        name: str. What stands before the name of a class, as in `f1_walk`.
        dtype: dtype of the computation.

    Call args:
        y_true: classes `(batch,)` or `(batch, 1)`, or one-hot `(batch, classes)`; −1,
            or zeros only, for no label.
        y_pred: scores, probabilities or logits `(batch, classes)`.
        sample_weight: float `(batch,)`, or `None`.

    Returns:
        dict of float scalars from 0 to 1. A class that is neither present nor predicted
        has 0.

    Raises:
        ValueError: if there is one class, or another number of them in `y_pred`, or if
            two have one name.

    Example:

    >>> metric = F1PerClass(["sit", "walk"])
    >>> metric.update_state([0, 0, 1], ops.array([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]))
    >>> {name: round(float(value), 3) for name, value in metric.result().items()}
    {'f1_sit': 0.667, 'f1_walk': 0.667}
    """

    def __init__(self, class_names: Sequence[str], name: str = "f1", dtype: Any = None):
        names = list(class_names)
        super().__init__(len(names), name, dtype)
        self.class_names = list(checked_class_names(names, len(names)))

    def result(self) -> Tensor:
        f1, _ = self.f1()
        names = (f"{self.name}_{each}" for each in self.class_names)
        return {name: f1[number] for number, name in enumerate(names)}

    def get_config(self) -> Config:
        return {**super().get_config(), "class_names": self.class_names}


@keras.saving.register_keras_serializable(package="keras_dcat")
class ExpectedCalibrationError(keras.metrics.Metric):
    """How far confidence is from being right, in bins of it, over all batches.

    Args:
        bins: int. Number of bins from 0 to 1.
        from_logits: bool. Whether `y_pred` are logits, not probabilities.
        name: str. In a history it is found under this name.
        dtype: dtype of the computation.

    Call args:
        y_true: classes `(batch,)` or `(batch, 1)`, or one-hot `(batch, classes)`; −1,
            or zeros only, for no label.
        y_pred: probabilities `(batch, classes)`, or logits.
        sample_weight: float `(batch,)`, or `None`.

    Returns:
        float scalar from 0, which is perfect, to 1.

    Example:

    >>> metric = ExpectedCalibrationError()
    >>> metric.update_state([0, 1], ops.array([[0.75, 0.25], [0.75, 0.25]]))
    >>> float(metric.result())  # it is right on half of the windows
    0.25

    Reference:
        Guo et al., 2017, [On calibration of modern neural
        networks](https://arxiv.org/abs/1706.04599).
    """

    def __init__(
        self,
        bins: int = 15,
        from_logits: bool = False,
        name: str = "calibration_error",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.bins = bins
        self.from_logits = from_logits
        self.gaps = self.add_variable((bins,), keras.initializers.Zeros(), name="gaps")
        self.count = self.add_variable((), keras.initializers.Zeros(), name="count")

    def update_state(
        self, y_true: Tensor, y_pred: Any, sample_weight: Tensor | None = None
    ) -> None:
        y_pred = ops.cast(y_pred, self.dtype)
        if self.from_logits:
            y_pred = ops.softmax(y_pred, axis=-1)
        classes = y_pred.shape[-1]
        true, weights = _counted(y_true, sample_weight, classes, self.dtype)
        confidence = ops.max(y_pred, axis=-1)
        guess = ops.one_hot(ops.argmax(y_pred, axis=-1), classes, dtype=self.dtype)
        right = ops.sum(guess * true, axis=-1)
        bin_of = ops.minimum(ops.cast(confidence * self.bins, "int32"), self.bins - 1)
        members = ops.one_hot(bin_of, self.bins, dtype=self.dtype)
        gaps = weights * (right - confidence)
        self.gaps.assign_add(ops.sum(members * gaps[:, None], axis=0))
        self.count.assign_add(ops.sum(weights))

    def result(self) -> Tensor:
        return ops.sum(ops.abs(self.gaps)) / ops.maximum(
            self.count, keras.config.epsilon()
        )

    def get_config(self) -> Config:
        own = {"bins": self.bins, "from_logits": self.from_logits}
        return {**super().get_config(), **own}


def _check_classes(y_pred, num_classes):
    if len(y_pred.shape) != 2 or y_pred.shape[-1] != num_classes:
        raise ValueError(
            f"`y_pred` must have shape (batch, {num_classes}). "
            f"Received: shape {tuple(y_pred.shape)}. "
            "Give the metric as many classes as the model has outputs."
        )


def _counted(y_true, sample_weight, num_classes, dtype):
    """Labels as one-hot `(batch, classes)`, and by how much each window counts."""
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == 2 and y_true.shape[-1] == num_classes:
        weights = ops.cast(ops.any(ops.not_equal(y_true, 0), axis=-1), dtype)
        y_true = ops.argmax(y_true, axis=-1)
    else:
        y_true = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        weights = ops.cast(y_true >= 0, dtype)
    if sample_weight is not None:
        weights = weights * ops.cast(ops.reshape(sample_weight, (-1,)), dtype)
    return ops.one_hot(ops.maximum(y_true, 0), num_classes, dtype=dtype), weights
