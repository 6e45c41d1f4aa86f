"""An encoder of sound, from raw samples."""

import keras
from keras import layers, ops

from keras_dcat.encoders.blocks import (
    batch_normalization,
    check_shape,
    encoder,
    masked,
    padding_mask,
    residual_stages,
    size_of,
)

_RANGE_DB = 50.0  # of speech, in a quiet room
_AUDIBLE_DB = 30.0  # below the loudest, frames have little but the room in them


def audio(
    shape: tuple[int, int],
    num_classes: int,
    size: str = "small",
    *,
    sampling_rate: int = 16000,
    num_mels: int = 40,
    frame_seconds: float = 0.032,
    step_seconds: float = 0.01,
    padded: bool = False,
    key_dim: int | None = None,
    attention: str = "softmax",
    dropout: float = 0.1,
    depth_dropout: float = 0.0,
    name: str = "audio",
) -> keras.Model:
    """Log-mel spectra inside the model, convolutions, then attention.

    Raw samples go in, so the exported model needs no other code. Spectra are in
    decibels, at most 50 below the loudest of their window, and each band less its mean
    over the frames that are at most 30 below: neither loudness nor a microphone's
    colour matters, nor how much silence the window has. Two convolutions over time and
    bands, which halve the bands, hear the same formants in a higher or a lower voice;
    the others are along time.

    | size | parameters | FLOPs of a window of 1 s at 8 kHz |
    |---|---|---|
    | tiny | 89.5 k | 14.6 million |
    | small | 351 k | 56.5 million |
    | base | 1390 k | 222 million |

    Args:
        shape: `(samples, 1)` of a window.
        num_classes: int.
        size: `"tiny"`, `"small"` or `"base"`.
        sampling_rate: int. Samples per second, in Hz.
        num_mels: int. Bands of the mel scale, up to half the sampling rate.
        frame_seconds: float. Length of a spectrum, in seconds; the next power of two
            samples is used.
        step_seconds: float. Seconds from one spectrum to the next.
        padded: bool. Whether stretches whose samples are all 0 are padding.
        key_dim: int. Size of keys and values; 16, 32 or 64 by default. Source and
            target need the same.
        attention: `"softmax"` or `"linear"`, as in `AttentionKV`.
        dropout: float. Share of features dropped after each convolution; twice that
            share before the classifier.
        depth_dropout: float. Rate of `StochasticDepth` in the last stage.
        name: str. Name of the model.

    Returns:
        `keras.Model` from `(batch, samples, 1)` to logits `(batch, num_classes)`.

    Raises:
        ValueError: if `size` is unknown, or if windows have several channels.

    Example:

    >>> audio((8000, 1), 10, size="tiny", sampling_rate=8000).output_shape
    (None, 10)
    """
    filters, key_dim = size_of(size, key_dim)
    check_shape(shape, "(samples, 1)")
    if shape[-1] != 1:
        raise ValueError(
            "Windows must be of one channel of samples. "
            f"Received: shape={tuple(shape)}. Mix channels to one: (samples, 1)."
        )
    frame = 2 ** max(4, round(frame_seconds * sampling_rate - 1).bit_length())
    stride = max(1, round(step_seconds * sampling_rate))
    inputs = keras.Input(shape, name="windows")
    mels = layers.MelSpectrogram(
        fft_length=frame,
        sequence_stride=stride,
        sampling_rate=sampling_rate,
        num_mel_bins=num_mels,
        min_freq=20.0,
        max_freq=sampling_rate / 2,
        top_db=200.0,  # Keras counts from the loudest window of the batch
    )(layers.Reshape((shape[0],))(inputs))
    loudest = ops.max(mels, axis=(1, 2), keepdims=True)
    mels = ops.maximum(mels, ops.subtract(loudest, _RANGE_DB))
    peaks = ops.max(mels, axis=1, keepdims=True)
    audible = ops.cast(peaks >= ops.subtract(loudest, _AUDIBLE_DB), mels.dtype)
    total = ops.sum(ops.multiply(mels, audible), axis=2, keepdims=True)
    mels = ops.subtract(mels, total / ops.sum(audible, axis=2, keepdims=True))
    x = batch_normalization()(layers.Permute((2, 1))(mels))
    mask = audio_mask(inputs, x.shape[1], stride) if padded else None
    x = masked(ops.expand_dims(x, -1), mask)
    for _ in range(2):
        x = layers.Conv2D(
            filters[0], (3, 5), strides=(1, 2), padding="same", use_bias=False
        )(x)
        x = layers.ReLU()(batch_normalization()(x))
        x = layers.SpatialDropout2D(dropout)(masked(x, mask))
    x = layers.Reshape((x.shape[1], -1))(x)
    tokens, mask, _ = residual_stages(
        x, filters, mask=mask, dropout=dropout, depth_dropout=depth_dropout
    )
    return encoder(
        inputs,
        tokens,
        mask,
        num_classes,
        key_dim,
        attention=attention,
        dropout=dropout,
        name=name,
    )


def audio_mask(samples, frames, stride):
    """Which spectra are real: a step around the middle of each has a sample."""
    missing = frames * stride - samples.shape[1]
    before = min(stride // 2, missing)
    x = ops.pad(samples, ((0, 0), (before, missing - before), (0, 0)))
    return padding_mask(ops.reshape(x, (-1, frames, stride)))
