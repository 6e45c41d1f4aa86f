"""The transfer loss of agreement pseudo-labels."""

from typing import Any

import keras
from keras import ops

from keras_dcat.transfer.losses.transfer_loss import TransferLoss
from keras_dcat.typing import Tensor


@keras.saving.register_keras_serializable(package="keras_dcat")
class AgreementPseudoLabels(TransferLoss):
    """Pseudo-labels where source and target predict the same class.

    Cross-entropy of the target for the class that both predict, and 0 where they
    differ. Two sensors err on different windows, so a class that both predict is rarely
    wrong, even for people without labels. A target without any label agrees by chance:
    it needs another loss, such as `LogitsDistillation`.

    Args:
        reduction: a reduction of Keras, as in `MaskedCrossAttentionLoss`.
        name: str. In the history of a training the loss is called `<name>_loss`.
        dtype: dtype of the computation, `"float32"` unless given.

    Call args:
        y_true: float tensor `(batch, classes)`. The source's logits or
            log-probabilities.
        y_pred: float tensor `(batch, classes)`. The target's.
        sample_weight: `(batch,)`. Which windows may teach, and how much.

    Returns:
        float32 scalar, or `(batch,)` with `reduction=None`.

    Example:

    >>> loss = AgreementPseudoLabels(reduction=None)
    >>> source = ops.array([[9.0, 0.0], [0.0, 9.0]])
    >>> target = ops.array([[1.0, 0.0], [1.0, 0.0]])
    >>> agreed, differing = loss(source, target)
    >>> float(agreed), float(differing)  # −log σ(1), and nothing
    (0.3132..., 0.0)

    Reference:
        Blum and Mitchell, 1998, [Combining labeled and unlabeled data with
        co-training](https://doi.org/10.1145/279943.279962), of which one side is frozen
        here.
    """

    reads = "log_probabilities"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "agreement",
        dtype: str = "float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        target = ops.log_softmax(y_pred, axis=-1)
        agreed = ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(target, axis=-1))
        # Where they agree, the likeliest class of the target is the source's.
        return ops.where(agreed, -ops.max(target, axis=-1), 0.0)
