"""What a transfer needs to know of a source: its attention statistic and its belief."""

from typing import Any, NamedTuple

from keras import ops

from keras_dcat.shown import formed, shown_as_printed


@shown_as_printed
class KeyValueStatistic(NamedTuple):
    """`KᵀV` of windows, averaged over time; takes the place of their keys and values.

    Attributes:
        mean: float tensor `(batch, heads, d_k, d_v)`, `KᵀV / length`.
        length: float tensor `(batch,)`. Steps that were no padding.
    """

    mean: Any
    length: Any

    def __str__(self) -> str:
        return f"<KeyValueStatistic {formed(self.mean)}>"


@shown_as_printed
class SourceStatistics(NamedTuple):
    """All that the transfer losses read of a frozen source's windows.

    Takes the place of the source's windows in a pair. `DCATModel.cache_source` makes
    it.

    Attributes:
        log_probabilities: float tensor `(batch, classes)`; `()` of a source that has no
            classifier.
        layers: tuple of `KeyValueStatistic`, one for each attention layer that is
            compared; `()` where no loss reads them.
        features: float tensor `(batch, features)`, what its classifier was given; `()`
            where no loss reads it.
        values: float tensor `(batch, values)`, what it predicts, of a regression; else
            `()`.
    """

    log_probabilities: Any
    layers: tuple
    features: Any = ()
    values: Any = ()

    def __str__(self) -> str:
        layers = ", ".join(formed(layer.mean) for layer in self.layers)
        return (
            f"<SourceStatistics log-probabilities {formed(self.log_probabilities)}, "
            f"KᵀV {layers or 'of no layer'}, features {formed(self.features)}>"
        )


def key_value_product(key, value):
    """`KᵀV` per sample and head.

    Args:
        key: float tensor `(batch, time, heads, d_k)`.
        value: float tensor `(batch, time, heads, d_v)`.

    Returns:
        float tensor `(batch, heads, d_k, d_v)`.
    """
    return ops.einsum("bthk,bthv->bhkv", key, value)


def statistic_of(projections):
    """The `KeyValueStatistic` of projections.

    Args:
        projections: `(key, value)` or `(key, value, mask)`, as in
            `MaskedCrossAttentionLoss`; or a `KeyValueStatistic`, which is given back.

    Returns:
        `KeyValueStatistic`.
    """
    if isinstance(projections, KeyValueStatistic):
        return projections
    (key, value), length = masked_with_heads(*projections)
    product = key_value_product(key, value)
    length = ops.broadcast_to(ops.cast(length, product.dtype), ops.shape(key)[:1])
    return KeyValueStatistic(
        product / ops.reshape(ops.maximum(length, 1), (-1, 1, 1, 1)), length
    )


def masked_with_heads(key, value, mask=None):
    """Key and value `(batch, time, heads, dim)`, and the number of real steps."""
    if len(key.shape) == 3:
        key, value = key[:, :, None, :], value[:, :, None, :]
    if mask is None:
        return (key, value), ops.shape(key)[1]
    kept = ops.cast(mask, "bool")
    key = ops.where(kept[:, :, None, None], key, ops.zeros_like(key))
    return (key, value), ops.sum(ops.cast(kept, key.dtype), axis=1)
