"""The classification loss that is used when the user names none."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_dcat")
class CrossEntropy(keras.losses.Loss):
    """Cross-entropy that takes integer and one-hot labels alike.

    Args:
        from_logits: bool. Whether predictions are logits, not probabilities.
        reduction: a reduction of Keras.
        name: str.
        dtype: dtype of the computation.

    Call args:
        y_true: classes `(batch,)` or `(batch, 1)`, or one-hot `(batch, classes)`.
        y_pred: float tensor `(batch, classes)`, classes ≥ 2.

    Returns:
        float scalar, or `(batch,)` with `reduction=None`.

    Example:

    >>> loss = CrossEntropy(from_logits=True)
    >>> logits = ops.array([[0.0, 0.0]])
    >>> one_hot = ops.array([[0.0, 1.0]])
    >>> float(loss(ops.array([1]), logits)), float(loss(one_hot, logits))  # log 2
    (0.6931..., 0.6931...)
    """

    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cross_entropy",
        dtype=None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        if is_one_hot(y_true, y_pred.shape[-1]):
            return keras.losses.categorical_crossentropy(
                y_true, y_pred, from_logits=self.from_logits
            )
        return keras.losses.sparse_categorical_crossentropy(
            ops.reshape(y_true, (-1,)), y_pred, from_logits=self.from_logits
        )

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


def is_one_hot(labels, num_classes):
    """Whether labels are `(batch, classes)` rather than `(batch,)`, `(batch, 1)`.

    Args:
        labels: tensor, array or `KerasTensor`.
        num_classes: int, at least 2.

    Returns:
        bool.
    """
    return len(labels.shape) == 2 and labels.shape[-1] == num_classes


def class_indices(labels, num_classes):
    """Labels of either form as int32 `(batch,)`, −1 for windows without one.

    Args:
        labels: `(batch,)` or `(batch, 1)` with −1 for no label, or one-hot
            `(batch, classes)` with zeros for no label.
        num_classes: int, at least 2.

    Returns:
        int32 tensor `(batch,)`.

    Example:

    >>> labels = ops.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    >>> [int(x) for x in class_indices(labels, 2)]
    [1, 0, -1]
    """
    if is_one_hot(labels, num_classes):
        classes = ops.cast(ops.argmax(labels, axis=-1), "int32")
        return ops.where(ops.any(ops.not_equal(labels, 0), axis=-1), classes, -1)
    return ops.cast(ops.reshape(labels, (-1,)), "int32")


def for_classification(labels, sample_weight, num_classes):
    """Labels and weights with which windows without a label count nothing.

    Args:
        labels: as in `class_indices`.
        sample_weight: `(batch,)` or `(batch, 1)`, or `None`.
        num_classes: int, at least 2.

    Returns:
        `(labels, sample_weight)`: no label is negative any more; `(batch,)`.

    Example:

    >>> labels, weights = for_classification(ops.array([2, -1]), None, num_classes=3)
    >>> [int(x) for x in labels], [float(x) for x in weights]
    ([2, 0], [1.0, 0.0])
    """
    weights = ops.cast(class_indices(labels, num_classes) >= 0, "float32")
    if sample_weight is not None:
        own = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        weights = ops.multiply(weights, own)
    if not is_one_hot(labels, num_classes):
        labels = ops.maximum(labels, 0)
    return labels, weights


def over_labelled(weights, classes):
    """Weights with which a mean over a batch is one over its labelled windows.

    For a loss, of one batch. A metric of many batches divides by its own sum of
    weights, and would count a batch of few labels as much as one of many.

    Args:
        weights: float tensor `(batch,)`, 0 for windows without a label.
        classes: int tensor `(batch,)`, negative for windows without a label.

    Returns:
        float tensor `(batch,)`.

    Example:

    >>> weights = over_labelled(ops.array([1.0, 0.0]), ops.array([2, -1]))
    >>> [float(x) for x in weights]
    [2.0, 0.0]
    """
    share = ops.mean(ops.cast(classes >= 0, "float32"))
    return weights / ops.maximum(share, keras.config.epsilon())
