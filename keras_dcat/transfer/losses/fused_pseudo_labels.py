"""The transfer loss of fused pseudo-labels."""

from typing import Any

import keras
from keras import ops

from keras_dcat.real_numbers import is_number
from keras_dcat.transfer.losses.transfer_loss import TransferLoss
from keras_dcat.typing import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_dcat")
class FusedPseudoLabels(TransferLoss):
    """Pseudo-labels of unlabelled windows from both sides' probabilities.

    Cross-entropy of the target for the likeliest class of the product of both
    probabilities, where that exceeds `threshold`, and 0 elsewhere. The product is
    corrected until its classes are as frequent as the labels: leave the loss out if
    people with and without labels do different activities. Labelled windows are not
    taught by it. A target without any label needs another loss, such as
    `LogitsDistillation`, since a source alone may never be confident enough.

    Args:
        threshold: float from 0 to 1. How probable the class must be.
        reduction: a reduction of Keras, as in `MaskedCrossAttentionLoss`.
        name: str. In the history of a training the loss is called `<name>_loss`.
        dtype: dtype of the computation, `"float32"` unless given.

    Call args:
        y_true: float tensor `(batch, classes)`. Log-probabilities, or logits, of both
            together, as `DCATModel` finds them.
        y_pred: float tensor `(batch, classes)`. The target's.
        sample_weight: `(batch,)`. Which windows may teach, and how much.

    Returns:
        float32 scalar, or `(batch,)` with `reduction=None`.

    Raises:
        ValueError: if the threshold is out of range.

    Example:

    >>> loss = FusedPseudoLabels(reduction=None)
    >>> together = ops.array([[9.0, 0.0], [0.4, 0.0]])  # sure, and not
    >>> sure, unsure = loss(together, ops.array([[1.0, 0.0], [1.0, 0.0]]))
    >>> float(sure), float(unsure)  # −log σ(1), and nothing
    (0.3132..., 0.0)

    Reference:
        Sohn et al., 2020, [FixMatch](https://arxiv.org/abs/2001.07685), for labels that
        which one model is confident; here two sensors are.
    """

    reads = "fused_log_probabilities"
    only_unlabelled = True

    def __init__(
        self,
        threshold: float = 0.9,
        reduction: str | None = "sum_over_batch_size",
        name: str = "fused",
        dtype: str = "float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not is_number(threshold) or not 0 <= threshold <= 1:
            raise ValueError(
                "`threshold` must be a probability from 0 to 1. "
                f"Received: threshold={threshold!r}. Start with 0.9."
            )
        self.threshold = threshold

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        together = ops.softmax(y_true, axis=-1)
        believed = ops.one_hot(ops.argmax(together, axis=-1), together.shape[-1])
        likelihoods = ops.where(believed > 0, ops.log_softmax(y_pred, axis=-1), 0.0)
        likelihood = ops.sum(likelihoods, axis=-1)
        sure = ops.max(together, axis=-1) >= self.threshold
        return ops.where(sure, -likelihood, 0.0)

    def get_config(self) -> Config:
        return {**super().get_config(), "threshold": self.threshold}
