"""The classification loss that is used when the user names none."""

from typing import Any

import keras
from keras import ops

from keras_dcat.transfer.labels import is_one_hot
from keras_dcat.typing import Config, Tensor


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
        dtype: Any = None,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        if is_one_hot(y_true, y_pred.shape[-1]):
            return keras.losses.categorical_crossentropy(
                y_true, y_pred, from_logits=self.from_logits
            )
        return keras.losses.sparse_categorical_crossentropy(
            ops.reshape(y_true, (-1,)), y_pred, from_logits=self.from_logits
        )

    def get_config(self) -> Config:
        return {**super().get_config(), "from_logits": self.from_logits}
