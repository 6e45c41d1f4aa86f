"""The transfer loss of windows without a label, by what both sides believe together."""

from typing import Any

import keras
from keras import ops

from keras_dcat.real_numbers import is_number
from keras_dcat.transfer.losses.transfer_loss import TransferLoss
from keras_dcat.typing import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_dcat")
class FusedPseudoLabels(TransferLoss):
    """Where source and target together are sure of a class, it is the window's label.

    Cross-entropy of the target for the class that is likeliest by the product of both
    probabilities, where that is probable enough, and 0 elsewhere. In the product,
    classes are as frequent as among the windows that have a label: leave the loss out
    where people without labels do other things than those with. Windows that have a
    label are not taught by it. A target that has seen no label at all needs another
    loss that tells it what classes are: a source alone may never be sure enough.

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
        a model must be sure of; here two sensors are, of one moment.
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
