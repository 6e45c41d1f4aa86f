"""Metrics of Keras that count batch by batch, and take labels as integers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_dcat.class_names import checked_class_names
from keras_dcat.typing import Config, Tensor


class _ClassCounts(keras.metrics.Metric):
    """Hits, predictions and labels of each class: all that an F1 needs."""

    def __init__(
        self,
        num_classes: int,
        name: str,
        dtype: Any,
        multi_label: bool,
        from_logits: bool,
    ):
        super().__init__(name=name, dtype=dtype)
        if num_classes < 2:
            raise ValueError(
                "There must be two classes at least. "
                f"Received: {num_classes}. Count the model's outputs; one sigmoid has "
                "two classes, no and yes."
            )
        self.num_classes = num_classes
        self.multi_label = multi_label
        self.from_logits = from_logits
        self.hits, self.predicted, self.present = (
            self.add_variable((num_classes,), keras.initializers.Zeros(), name=each)
            for each in ("hits", "predicted", "present")
        )

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        y_pred = ops.convert_to_tensor(y_pred)
        self._check(y_pred)
        if self.multi_label:
            true, weights = _answers(y_true, sample_weight, self.dtype)
            guess = ops.cast(y_pred > self._middle, self.dtype)
        else:
            true, weights = _counted(
                y_true, sample_weight, self.num_classes, self.dtype
            )
            weights = weights[:, None]
            guess = self._guess(y_pred)
        true = true * weights
        self.hits.assign_add(ops.sum(true * guess, axis=0))
        self.predicted.assign_add(ops.sum(guess * weights, axis=0))
        self.present.assign_add(ops.sum(true, axis=0))

    @property
    def _middle(self):
        return 0.0 if self.from_logits else 0.5

    def _guess(self, y_pred):
        if y_pred.shape[-1] == 1:
            guess = ops.cast(y_pred[:, 0] > self._middle, "int32")
        else:
            guess = ops.argmax(y_pred, axis=-1)
        return ops.one_hot(guess, self.num_classes, dtype=self.dtype)

    def _check(self, y_pred):
        sizes = [self.num_classes]
        if self.num_classes == 2 and not self.multi_label:
            sizes.append(1)
        if len(y_pred.shape) != 2 or y_pred.shape[-1] not in sizes:
            raise ValueError(
                f"`y_pred` must have shape (batch, {self.num_classes}). "
                f"Received: shape {tuple(y_pred.shape)}. "
                "Give the metric as many classes as the model has outputs."
            )

    def get_config(self) -> Config:
        own = {"multi_label": self.multi_label, "from_logits": self.from_logits}
        return {**super().get_config(), **own}

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
        num_classes: int, at least 2: 2 for one sigmoid; the number of labels of a
            multi-label model.
        name: str. In a history it is found under this name.
        dtype: dtype of the computation.
        multi_label: bool. Whether any number of labels may hold at once, as where a
            model ends in several sigmoids. The F1 of a label is that of "yes". In a
            `DCATModel` it sees the windows of which all labels are known.
        from_logits: bool. Whether sigmoids are still to be taken of `y_pred`. Of
            several classes it makes no difference.

    Call args:
        y_true: classes `(batch,)` or `(batch, 1)`, or one-hot `(batch, classes)`; −1,
            or zeros only, for no label. Multi-label: 0 or 1 `(batch, labels)`, −1 or
            NaN where one is not known.
        y_pred: scores, probabilities or logits `(batch, classes)`, or `(batch, 1)` of
            one sigmoid; multi-label `(batch, labels)`.
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
    >>> metric = MacroF1(num_classes=2)  # of one sigmoid: no and yes
    >>> metric.update_state([0, 0, 1], ops.array([[0.1], [0.8], [0.8]]))
    >>> round(float(metric.result()), 3)
    0.667
    """

    def __init__(
        self,
        num_classes: int,
        name: str = "macro_f1",
        dtype: Any = None,
        *,
        multi_label: bool = False,
        from_logits: bool = False,
    ):
        super().__init__(num_classes, name, dtype, multi_label, from_logits)

    def result(self) -> Tensor:
        f1, seen = self.f1()
        return ops.sum(f1) / ops.maximum(ops.sum(seen), 1.0)

    def get_config(self) -> Config:
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="keras_dcat")
class F1PerClass(_ClassCounts):
    """F1 of every class, under its name, over all batches.

    Args:
        class_names: sequence of str, in the order of the model's outputs; of one
            sigmoid the names of no and yes.
        name: str. What stands before the name of a class, as in `f1_walk`.
        dtype: dtype of the computation.
        multi_label: bool. Whether any number of labels may hold at once, as where a
            model ends in several sigmoids. The F1 of a label is that of "yes". In a
            `DCATModel` it sees the windows of which all labels are known.
        from_logits: bool. Whether sigmoids are still to be taken of `y_pred`. Of
            several classes it makes no difference.

    Call args:
        y_true: classes `(batch,)` or `(batch, 1)`, or one-hot `(batch, classes)`; −1,
            or zeros only, for no label. Multi-label: 0 or 1 `(batch, labels)`, −1 or
            NaN where one is not known.
        y_pred: scores, probabilities or logits `(batch, classes)`, or `(batch, 1)` of
            one sigmoid; multi-label `(batch, labels)`.
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

    def __init__(
        self,
        class_names: Sequence[str],
        name: str = "f1",
        dtype: Any = None,
        *,
        multi_label: bool = False,
        from_logits: bool = False,
    ):
        names = list(class_names)
        super().__init__(len(names), name, dtype, multi_label, from_logits)
        self.class_names = list(checked_class_names(names, len(names)))

    def result(self) -> Tensor:
        f1, _ = self.f1()
        names = (f"{self.name}_{each}" for each in self.class_names)
        return {name: f1[number] for number, name in enumerate(names)}

    def get_config(self) -> Config:
        return {**super().get_config(), "class_names": self.class_names}


@keras.saving.register_keras_serializable(package="keras_dcat")
class ExpectedCalibrationError(keras.metrics.Metric):
    """Difference between confidence and accuracy, in bins, over all batches.

    Args:
        bins: int. Number of bins from 0 to 1.
        from_logits: bool. Whether `y_pred` are logits, not probabilities.
        name: str. In a history it is found under this name.
        dtype: dtype of the computation.
        multi_label: bool. Whether `y_pred` are sigmoids of several labels, each of
            which counts as a window. A `DCATModel` gives them one by one, and needs
            nothing said.

    Call args:
        y_true: classes `(batch,)` or `(batch, 1)`, or one-hot `(batch, classes)`; −1,
            or zeros only, for no label. Multi-label: 0 or 1 `(batch, labels)`, −1 or
            NaN where one is not known.
        y_pred: probabilities `(batch, classes)`, or logits; `(batch, 1)` of one
            sigmoid; multi-label `(batch, labels)`.
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
        *,
        multi_label: bool = False,
    ):
        super().__init__(name=name, dtype=dtype)
        self.bins = bins
        self.from_logits = from_logits
        # Not by the name at which a `DCATModel` gives whole windows: see `multi_label`.
        self._of_labels = multi_label
        self.gaps = self.add_variable((bins,), keras.initializers.Zeros(), name="gaps")
        self.count = self.add_variable((), keras.initializers.Zeros(), name="count")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        y_pred = ops.cast(y_pred, self.dtype)
        if self._of_labels:
            known, weights = _answers(y_true, sample_weight, self.dtype)
            y_true, sample_weight = (ops.reshape(x, (-1,)) for x in (known, weights))
            y_pred = ops.reshape(y_pred, (-1, 1))
        if y_pred.shape[-1] == 1:
            if self.from_logits:
                y_pred = ops.sigmoid(y_pred)
            y_pred = ops.concatenate([1 - y_pred, y_pred], axis=-1)
        elif self.from_logits:
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
        return {**super().get_config(), **own, "multi_label": self._of_labels}


def _counted(y_true, sample_weight, num_classes, dtype):
    """Labels as one-hot `(batch, classes)`, and by how much each window counts."""
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == 2 and y_true.shape[-1] == num_classes:
        weights = ops.cast(ops.any(ops.not_equal(y_true, 0), axis=-1), dtype)
        y_true = ops.argmax(y_true, axis=-1)
    else:
        y_true, known = _known(ops.reshape(y_true, (-1,)))
        weights = ops.cast(known, dtype)
        y_true = ops.cast(y_true, "int32")
    if sample_weight is not None:
        weights = weights * ops.cast(ops.reshape(sample_weight, (-1,)), dtype)
    return ops.one_hot(y_true, num_classes, dtype=dtype), weights


def _answers(y_true, sample_weight, dtype):
    """Labels of yes or no, and by how much each counts, both `(batch, labels)`."""
    true, known = _known(ops.convert_to_tensor(y_true))
    weights = ops.cast(known, dtype)
    if sample_weight is not None:
        own = ops.cast(ops.reshape(sample_weight, (-1, 1)), dtype)
        weights = ops.multiply(weights, own)
    return ops.cast(true, dtype), weights


def _known(labels):
    """Labels that all say something, and which of them did."""
    known = labels >= 0  # NaN is not
    return ops.where(known, labels, ops.zeros_like(labels)), known
