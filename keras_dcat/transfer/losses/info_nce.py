"""Transfer losses that tell windows apart, by their features or by their `KᵀV`."""

from typing import Any

import keras
from keras import ops

from keras_dcat.transfer.losses.cross_attention import checked_projections
from keras_dcat.transfer.losses.magnitude import of_norm_1, size_of
from keras_dcat.transfer.losses.statistics import statistic_of
from keras_dcat.transfer.losses.transfer_loss import WithTemperature
from keras_dcat.typing import Tensor

# exp(−80) is 1.8e−35, and normal.
_GREATEST_EXPONENT = 80.0
# What two products may differ by that are equal but for the rounding of their sums.
_ROUNDING = 1e-6


class _InfoNCE(WithTemperature):
    """InfoNCE over a batch."""

    is_contrastive = True
    usual_temperature = 0.1

    def __init__(
        self,
        temperature: float = 0.1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "info_nce",
        dtype: str = "float32",
    ):
        super().__init__(temperature, reduction, name, dtype)


@keras.saving.register_keras_serializable(package="keras_dcat")
class AttentionInfoNCE(_InfoNCE):
    """Contrastive loss of `KᵀV`, against the other windows of the batch.

    InfoNCE in both directions. Products are averaged over time, centred over the batch
    and compared by their cosine, head by head. Unlike a distance, the loss needs no
    common scale of the two sides.

    Args:
        temperature: float > 0. Lower asks for more.
        reduction: a reduction of Keras, as in `MaskedCrossAttentionLoss`.
        name: str. In the history of a training the loss is called `<name>_loss`.
        dtype: dtype of the computation. `"float32"` unless given.

    Call args:
        y_true: the source's `(key, value)` or `(key, value, mask)`, as in
            `MaskedCrossAttentionLoss`.
        y_pred: the target's, likewise.
        sample_weight: `(batch,)`. Which windows may teach, and how much. The others
            still are what these are told apart from.

    Returns:
        float32 scalar, or `(batch,)` with `reduction=None`. `log(batch)` where nothing
        is told apart.

    Raises:
        ValueError: if the temperature is not positive, or if the two sides do not share
            `d_k`, `d_v` and the number of heads.

    Example:

    >>> key, value = ops.ones((4, 50, 8)), ops.ones((4, 50, 4))
    >>> loss = AttentionInfoNCE()
    >>> float(loss((key, value), (key, value)))  # all windows are alike: log 4
    1.3862...

    Reference:
        Oord et al., 2018, [Contrastive predictive
        coding](https://arxiv.org/abs/1807.03748).
    """

    reads = "projections"

    def __call__(
        self, y_true: Tensor, y_pred: Any, sample_weight: Tensor | None = None
    ) -> Tensor:
        return super().__call__(*checked_projections(y_true, y_pred), sample_weight)

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        source, target = (_directions(side) for side in (y_true, y_pred))
        cosines = ops.einsum("bhd,chd->hbc", target, source)
        return ops.mean(_told_apart(cosines, self.temperature), axis=0)


def _directions(projections):
    """`KᵀV / time` less its mean over the batch, of norm 1: `(batch, heads, size)`."""
    product = statistic_of(projections).mean
    shape = ops.shape(product)
    product = ops.reshape(product, (shape[0], shape[1], shape[2] * shape[3]))
    centered = product - ops.mean(product, axis=0, keepdims=True)
    return of_norm_1(centered, least=_ROUNDING * size_of(product, -1))


@keras.saving.register_keras_serializable(package="keras_dcat")
class FeatureInfoNCE(_InfoNCE):
    """Contrastive loss of features, against the other windows of the batch.

    InfoNCE in both directions: which source window is of the same moment? Features are
    the inputs of the classifiers; the target's pass through a linear map that is
    trained with it. The loss does not use the source's predictions, so a source that
    is wrong about the class teaches, too.

    Args:
        temperature: float > 0. Lower asks for more.
        reduction: a reduction of Keras, as in `MaskedCrossAttentionLoss`.
        name: str. In the history of a training the loss is called `<name>_loss`.
        dtype: dtype of the computation. `"float32"` unless given.

    Call args:
        y_true: float tensor `(batch, features)`. The source's.
        y_pred: float tensor `(batch, features)`. The target's, mapped to the source's.
        sample_weight: `(batch,)`. Which windows may teach, and how much. The others
            still are what these are told apart from.

    Returns:
        float32 scalar, or `(batch,)` with `reduction=None`. `log(batch)` where nothing
        is told apart.

    Raises:
        ValueError: if the temperature is not positive.

    Example:

    >>> loss = FeatureInfoNCE()
    >>> float(loss(ops.ones((4, 8)), ops.ones((4, 8))))  # all windows are alike: log 4
    1.3862...

    Reference:
        Radford et al., 2021, [Learning transferable visual
        models](https://arxiv.org/abs/2103.00020), of which one side is frozen here.
    """

    reads = "features"

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        source, target = (of_norm_1(side) for side in (y_true, y_pred))
        cosines = ops.matmul(target, ops.transpose(source))
        return _told_apart(cosines, self.temperature)


def _told_apart(cosines, temperature):
    """InfoNCE in both directions of cosines `(…, target, source)`, by window.

    A cosine is at most 1. Exponents are taken relative to that, where float32 holds
    them, so that no greatest one has to be found, and both directions share them.
    """
    similarity = (cosines - 1.0) / temperature
    count = ops.shape(similarity)[-1]
    # Not the diagonal, whose gradient is scattered.
    own = ops.sum(similarity * ops.eye(count, dtype=similarity.dtype), axis=-1)
    if 2 / temperature < _GREATEST_EXPONENT:
        among = ops.exp(similarity)
        all_sources, all_targets = (ops.log(ops.sum(among, axis=a)) for a in (-1, -2))
    else:
        all_sources, all_targets = (ops.logsumexp(similarity, axis=a) for a in (-1, -2))
    told = (all_sources + all_targets) / 2 - own
    # With one window there is nothing to compare: 0, to rounding.
    return ops.where(count > 1, told, ops.zeros_like(told))
