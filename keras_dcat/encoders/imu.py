"""An encoder of inertial sensors."""

import keras
from keras import layers, ops

from keras_dcat.encoders.blocks import (
    LevelAndSpread,
    batch_normalization,
    check_shape,
    encoder,
    padding_mask,
    residual_stages,
    size_of,
)
from keras_dcat.encoders.fixed_kernels import (
    RunningNormalization,
    fitting_dilations,
    shares,
    shares_of_kernels,
)

_PARTS = 4
_KERNELS = {"tiny": 28, "small": 84, "base": 84}
# In standard deviations of a channel, and of its changes from step to step.
_LEVELS = (-2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
_CHANGES = (-2.0, -1.0, -0.5, -0.1, 0.1, 0.5, 1.0, 2.0)


def imu(
    shape: tuple[int, int],
    num_classes: int,
    size: str = "small",
    *,
    normalization: layers.Layer | None = None,
    sensors: tuple[tuple[int, ...], ...] | None = None,
    spectrum: bool = False,
    padded: bool = False,
    key_dim: int | None = None,
    attention: str = "softmax",
    dropout: float = 0.2,
    depth_dropout: float = 0.0,
    dilations: tuple[int, ...] | None = None,
    name: str = "imu",
) -> keras.Model:
    """Convolutions along time, then attention over an eighth as many tokens.

    The classifier also sees what convolutions are slow to learn from few labels: level
    and spread, of the window, of its quarters, of its changes and of what enters each
    stage; and how often values, changes and the answers of fixed kernels exceed
    thresholds, as in MiniRocket.

    | size | parameters | FLOPs of a window of 2 s at 50 Hz, 6 channels |
    |---|---|---|
    | tiny | 114 k | 3.66 million |
    | small | 447 k | 13.1 million |
    | base | 1386 k | 40.5 million |

    Args:
        shape: `(steps, channels)` of a window.
        num_classes: int.
        size: `"tiny"`, `"small"` or `"base"`.
        normalization: layer for the windows, as `windows.normalization_layer` makes
            it; the model then takes them as they were sensed.
        sensors: channels of each sensor, such as `((0, 1, 2), (3, 4, 5))`. Each gets
            convolutions of its own and they meet in the attention; all channels
            share them by default.
        spectrum: bool. Whether the attention also sees tokens of short-time spectra.
        padded: bool. Whether steps whose channels are all 0 are padding.
        key_dim: int. Size of keys and values; 16, 32 or 64 by default. Source and
            target need the same.
        attention: `"softmax"` or `"linear"`, as in `AttentionKV`.
        dropout: float. Share of features dropped after each convolution; 2.5 times
            that share of what fixed kernels say, twice before the classifier.
        depth_dropout: float. Rate of `StochasticDepth` in the last stage.
        dilations: tuple of int, of the fixed kernels; by default all powers of 2 whose
            kernels fit into a window. `()` leaves out kernels and thresholds, for the
            smallest devices.
        name: str. Name of the model.

    Returns:
        `keras.Model` from `(batch, steps, channels)` to logits
        `(batch, num_classes)`.

    Raises:
        ValueError: if `size` is unknown, if `shape` has other axes, or if `sensors`
            name other channels.

    Example:

    >>> model = imu((100, 6), num_classes=27, size="tiny")
    >>> model.output_shape
    (None, 27)

    Reference:
        Residual convolutions as in Wang et al., 2017,
        [Time series classification](https://arxiv.org/abs/1611.06455); fixed kernels as
        in Dempster et al., 2021, [MiniRocket](https://arxiv.org/abs/2012.08791).
    """
    filters, key_dim = size_of(size, key_dim)
    check_shape(shape, "(steps, channels)")
    channels = set(range(shape[-1]))
    if sensors is not None and not set().union(*sensors) <= channels:
        raise ValueError(
            "`sensors` must name channels of the windows. "
            f"Received: {sensors} for {shape[-1]} channels. Count them from 0."
        )
    inputs = keras.Input(shape, name="windows")
    mask = padding_mask(inputs) if padded else None
    x = inputs if normalization is None else normalization(inputs)
    parts = [x] if sensors is None else [ops.take(x, list(s), axis=-1) for s in sensors]
    encoded = [
        residual_stages(
            part, filters, mask=mask, dropout=dropout, depth_dropout=depth_dropout
        )
        for part in parts
    ]
    beside = _levels(x, mask)
    for _, _, entered in encoded:
        beside += [_level(tokens, own, 1e-2) for tokens, own in entered]
    if dilations is None:
        dilations = fitting_dilations(shape[0])
    if dilations:
        found = shares_of_kernels(x, _KERNELS[size], dilations, mask)
        beside.append(_embedded_shares(x, mask, found, filters[-1], dropout))
    if spectrum:
        encoded.append((_spectral_tokens(x, filters[-1]), encoded[0][1], []))
    tokens, masks, _ = zip(*encoded, strict=True)
    if len(encoded) > 1:
        tokens = [layers.Concatenate(axis=1)(list(tokens))]
        masks = masks if mask is None else [layers.Concatenate(axis=1)(list(masks))]
    return encoder(
        inputs,
        tokens[0],
        masks[0],
        num_classes,
        key_dim,
        attention=attention,
        dropout=dropout,
        name=name,
        beside=beside,
    )


def _level(x, mask=None, epsilon=1e-3):
    """Level and spread of steps, as features of one size."""
    return batch_normalization()(LevelAndSpread(epsilon)(x, mask=mask))


def _levels(x, mask):
    """Of a window, of how it changes, and of each quarter of it.

    Where steps are padding, nobody knows where a quarter of the others ends.
    """
    found = [_level(x, mask), _level(*_changes(x, mask))]
    quarter = x.shape[1] // _PARTS
    if mask is not None or quarter < 2:
        return found
    starts = range(0, quarter * _PARTS, quarter)
    return [*found, *(_level(x[:, at : at + quarter]) for at in starts)]


def _changes(x, mask):
    """From step to step, and which of them are between two that are real."""
    both = None if mask is None else ops.logical_and(mask[:, 1:], mask[:, :-1])
    return ops.subtract(x[:, 1:], x[:, :-1]), both


def _embedded_shares(x, mask, of_kernels, size, dropout):
    """Features `(batch, size)` of shares of values, of changes and of kernels."""
    changes, both = _changes(x, mask)
    found = [shares(x, _LEVELS, mask), shares(changes, _CHANGES, both), *of_kernels]
    found = RunningNormalization(limit=5.0, epsilon=1e-3)(layers.Concatenate()(found))
    found = layers.Dropout(min(2.5 * dropout, 0.9))(found)
    found = layers.Dense(size, use_bias=False)(found)
    return layers.ReLU()(batch_normalization()(found))


def _spectral_tokens(x, filters):
    """Log magnitudes of 32 steps around every eighth one, as tokens."""
    spectra = layers.STFTSpectrogram(
        mode="log", frame_length=32, frame_step=8, padding="same"
    )(x)
    frames = layers.Reshape((spectra.shape[1], -1))(spectra)
    frames = layers.Dense(filters, use_bias=False)(layers.LayerNormalization()(frames))
    return layers.ReLU()(batch_normalization()(frames))
