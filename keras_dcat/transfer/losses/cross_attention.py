"""The transfer loss: how far the target's `KᵀV` is from the source's."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_dcat.transfer.losses.alignment import NORMALIZATIONS, alignment_distance
from keras_dcat.transfer.losses.statistics import (
    KeyValueStatistic,
    masked_with_heads,
    statistic_of,
)
from keras_dcat.transfer.losses.transfer_loss import TransferLoss
from keras_dcat.typing import ArrayLike, Config, Tensor


@keras.saving.register_keras_serializable(package="keras_dcat")
class MaskedCrossAttentionLoss(TransferLoss):
    """Distance between the key-value products of a source and a target.

    `‖K_BᵀV_B − K_AᵀV_A‖_F` for each window, averaged over heads. With softmax-free
    attention `Q(KᵀV)`, a target that has the source's `KᵀV` attends as if it
    looked at the source; the number and the order of time steps do not matter.

    The mask of the paper is the `sample_weight`: 1 where the source predicted
    the right class, 0 elsewhere. A window that is masked out adds nothing.

    Args:
        normalization: one of

            - `"source"`: both products averaged over time, then the distance
              relative to the norm of the source's. 0 is equal and 1 as far away
              as a target that is zero, whatever the number of steps and the
              sizes, so a transfer weight carries over from model to model;
            - `"length"`: the root-mean-square difference of the entries of
              `KᵀV / time`;
            - `"unit"`: both products scaled to norm 1: only their direction is
              compared, `√(2 − 2 cos)`;
            - `"none"`: the paper's formula to the letter. It grows like
              `√time · d`, and the transfer weight must shrink with it.
        reduction: a reduction of Keras. `"sum_over_batch_size"` averages over
            the batch (the indicator of the paper: fewer windows that may teach,
            a smaller loss), `"mean_with_sample_weight"` over the unmasked ones.
        center: array `(heads, d_k, d_v)`, what all windows have in common. `adapt`
            finds it.
        scale: array `(heads,)`, how far from it a window of the source is. `adapt`
            finds it.
        name: str. In the history of a training the loss is called `<name>_loss`.
        dtype: dtype of the computation. `"float32"` unless given, under every
            mixed-precision policy: the sum of squares overflows float16.

    Call args:
        y_true: the source's `(key, value)` or `(key, value, mask)`. Keys
            `(batch, time, d_k)` and values `(batch, time, d_v)`, or with heads
            `(batch, time, heads, dim)`; mask `(batch, time)`, False at padding. Or a
            `KeyValueStatistic` of them.
        y_pred: the target's, likewise. `time` may differ from the source's.
        sample_weight: `(batch,)`. Which windows may teach, and how much.

    Returns:
        float32 scalar, or `(batch,)` with `reduction=None`.

    Raises:
        ValueError: if `normalization` is unknown, if the two sides do not share
            `d_k`, `d_v` and the number of heads, or if a mask is not of each step.

    Example:

    >>> key, value = ops.ones((2, 50, 8)), ops.ones((2, 50, 4))
    >>> source, target = (key, value), (key[:, :20], value[:, :20])
    >>> loss = MaskedCrossAttentionLoss(normalization="none")
    >>> float(loss(source, target))  # √(8 · 4) · (50 − 20)
    169.7056...

    Reference:
        Daher et al., 2025, [D-CAT](https://arxiv.org/abs/2509.09747).
    """

    reads = "projections"
    usual_gate = "correct"

    def __init__(
        self,
        normalization: str = "source",
        reduction: str | None = "sum_over_batch_size",
        center: ArrayLike | None = None,
        scale: ArrayLike | None = None,
        name: str = "cross_attention",
        dtype: str = "float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if (center is None) != (scale is None):
            raise ValueError(
                "`center` and `scale` must come together. "
                f"Received: {'scale' if center is None else 'center'} alone. "
                "Let `adapt` find both."
            )
        self.center = None if center is None else np.asarray(center, "float32")
        self.scale = None if scale is None else np.asarray(scale, "float32")
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f"`normalization` must be one of {NORMALIZATIONS}. "
                f"Received: normalization={normalization!r}. "
                "Use 'none' for the paper's formula, or leave the default."
            )
        self.normalization = normalization

    def __call__(
        self, y_true: Tensor, y_pred: Any, sample_weight: Tensor | None = None
    ) -> Tensor:
        return super().__call__(*checked_projections(y_true, y_pred), sample_weight)

    def adapt(self, statistic: Any) -> "MaskedCrossAttentionLoss":
        """Finds `center` and `scale` of a source over a training set.

        Products averaged over time are then compared less the center: `"source"`
        divides by the scale, the same for all windows, instead of by each window's
        norm, and `"unit"` compares directions seen from the center. In the difference
        of two products the center cancels, so that it matters to `"unit"` alone.

        Call it before the model's first `fit` or `evaluate`, or compile the model again
        afterwards: a step that is compiled keeps the old values.

        Args:
            statistic: the source's `KeyValueStatistic` of the training windows, as in
                `model.cache_source(windows).layers[0]` of a `DCATModel` with such a
                loss.

        Returns:
            the loss itself.

        Raises:
            ValueError: if it has no windows, or if `normalization` is `"none"`.

        Example:

        >>> statistic = KeyValueStatistic(ops.array([[[[1.0]]], [[[3.0]]]]), None)
        >>> loss = MaskedCrossAttentionLoss().adapt(statistic)
        >>> loss.center.item(), loss.scale.item()
        (2.0, 1.0)
        """
        mean = ops.convert_to_numpy(statistic.mean).astype("float64")
        if not len(mean) or self.normalization == "none":
            raise ValueError(
                "A loss is adapted to one window at least, and never with "
                "normalization='none', which is the paper's formula to the letter. "
                f"Received: {len(mean)} windows, normalization={self.normalization!r}. "
                "Use 'source' or 'unit'."
            )
        center = mean.mean(axis=0)
        norms = np.sqrt(np.square(mean - center).sum(axis=(-2, -1))).mean(axis=0)
        # Less than that of a center is rounding, whatever its size.
        least = 1e-12 * np.sqrt(np.square(center).sum(axis=(-2, -1)))
        least = np.where(least > 0, least, 1e-12)
        self.center = center.astype("float32")
        self.scale = np.maximum(norms, least).astype("float32")
        return self

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        sides, lengths = zip(*map(self._side, (y_true, y_pred)), strict=True)
        source, target = sides
        distances = alignment_distance(
            source, target, lengths, self.normalization, self.scale
        )
        return ops.mean(distances, axis=-1)

    def _side(self, projections):
        """What is compared of one side, and of how many steps it is the sum."""
        if self.center is None:
            return _with_length(projections)
        return ops.subtract(statistic_of(projections).mean, self.center), 1

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "normalization": self.normalization,
            "center": None if self.center is None else self.center.tolist(),
            "scale": None if self.scale is None else self.scale.tolist(),
        }


def checked_projections(source, target):
    """The projections of two sides that can be compared.

    Args:
        source: `(key, value)`, `(key, value, mask)` or a `KeyValueStatistic`.
        target: likewise.

    Returns:
        `(source, target)`.

    Raises:
        ValueError: if a side is none of these, or if their sizes differ.
    """
    for side, projections in (("source", source), ("target", target)):
        if not isinstance(projections, KeyValueStatistic):
            _check_projections(side, projections)
    sizes = zip(("d_k", "d_v"), _sizes(source), _sizes(target), strict=True)
    for name, own, other in sizes:
        if own != other:
            raise ValueError(
                f"Source and target must share {name} and the number of heads. "
                f"Received: (heads, {name}) = {own} for the source, "
                f"{other} for the target. "
                "Give both `AttentionKV` layers the same sizes."
            )
    return source, target


def _check_projections(side, projections):
    is_sequence = isinstance(projections, (list, tuple))
    if not is_sequence or len(projections) not in (2, 3):
        raise ValueError(
            f"The {side} must be (key, value) or (key, value, mask). "
            f"Received: {type(projections).__name__}"
            f"{f' of length {len(projections)}' if is_sequence else ''}. "
            "Take both from `AttentionKV.project` or `AttentionKV.capture`."
        )
    key, value = (tuple(x.shape) for x in projections[:2])
    if len(key) not in (3, 4) or len(key) != len(value) or key[1] != value[1]:
        raise ValueError(
            f"Keys and values of the {side} must have shape (batch, time, dim) or "
            f"(batch, time, heads, dim). Received: shapes {key} and {value}. "
            "Take both from the same `AttentionKV`."
        )
    mask = projections[2] if len(projections) == 3 else None
    if mask is not None and not _are_alike(tuple(np.shape(mask)), key[:2]):
        raise ValueError(
            f"The mask of the {side} must have shape (batch, time), as its keys have. "
            f"Received: shape {tuple(np.shape(mask))} for keys of shape {key}. "
            "Give one bool for each step, False at padding."
        )


def _are_alike(shape, other):
    """Whether two shapes may be the same, of which not all sizes are known."""
    sizes = zip(shape, other, strict=False)
    return len(shape) == len(other) and all(
        None in pair or len(set(pair)) == 1 for pair in sizes
    )


def _sizes(projections):
    """`(heads, dim)` of keys, and of values."""
    if isinstance(projections, KeyValueStatistic):
        heads, key_dim, value_dim = tuple(projections.mean.shape)[1:]
        return (heads, key_dim), (heads, value_dim)
    shapes = [tuple(x.shape) for x in projections[:2]]
    return [(1, shape[-1]) if len(shape) == 3 else shape[-2:] for shape in shapes]


def _with_length(projections):
    """Key and value with heads, or their product; and the number of real steps."""
    if isinstance(projections, KeyValueStatistic):
        length = ops.reshape(projections.length, (-1, 1, 1, 1))
        return projections.mean * length, projections.length
    return masked_with_heads(*projections)
