"""Encoders of video and depth: one of their own, and one around an image model."""

import keras
from keras import layers, ops

from keras_dcat.encoders.blocks import (
    check_shape,
    classify,
    encoder,
    masked,
    padding_mask,
    residual_stages,
    size_of,
)


def video(
    shape: tuple[int, int, int, int],
    num_classes: int,
    size: str = "small",
    *,
    normalization: layers.Layer | None = None,
    motion: bool = True,
    padded: bool = False,
    key_dim: int | None = None,
    attention: str = "softmax",
    dropout: float = 0.03,
    depth_dropout: float = 0.0,
    name: str = "video",
) -> keras.Model:
    """Convolutions in space, then along time, then attention.

    A frame less the mean of its window, and less the frame before it, says what
    somebody does and little of what they look like: on people never seen before that
    is worth more than the frame itself. Each is halved four times, so that one of
    48 × 48 ends in 3 × 3 places whose features are one step; a stage of convolutions
    along time then halves the steps.

    | size | parameters | FLOPs of a window of 16 frames, 48 × 48 |
    |---|---|---|
    | tiny | 128 k | 25.4 million |
    | small | 501 k | 86.8 million |
    | base | 1982 k | 318 million |

    Args:
        shape: `(steps, height, width, channels)` of a window, at least 16 × 16.
        num_classes: int.
        size: `"tiny"`, `"small"` or `"base"`.
        normalization: layer for the windows. By default values are taken as they
            come; `keras.layers.Rescaling(1 / 255)` suits bytes.
        motion: bool. Whether the encoder sees these differences. If not, it sees the
            frames as they are: choose that where what stands still tells, too.
        padded: bool. Whether frames whose pixels are all 0 are padding.
        key_dim: int. Size of keys and values; 16, 32 or 64 by default. Source and
            target need the same.
        attention: `"softmax"` or `"linear"`, as in `AttentionKV`.
        dropout: float. Share of features dropped after each convolution; twice that
            share before the classifier.
        depth_dropout: float. Rate of `StochasticDepth` in the stage along time.
        name: str. Name of the model.

    Returns:
        `keras.Model` from `(batch, steps, height, width, channels)` to logits
        `(batch, num_classes)`.

    Raises:
        ValueError: if `size` is unknown, or if `shape` has other axes or small frames.

    Example:

    >>> video((16, 48, 48, 1), num_classes=27, size="tiny").output_shape
    (None, 27)

    Reference:
        Space before time as in Tran et al., 2018,
        [R(2+1)D](https://arxiv.org/abs/1711.11248).
    """
    filters, key_dim = size_of(size, key_dim)
    check_shape(shape, "(steps, height, width, channels)")
    if min(shape[1:3]) < 16:
        raise ValueError(
            "Frames must have 16 × 16 pixels or more. "
            f"Received: shape={tuple(shape)}. Use larger frames, or another encoder."
        )
    inputs = keras.Input(shape, name="windows")
    mask = padding_mask(inputs) if padded else None
    x = inputs if normalization is None else normalization(inputs)
    if motion:
        change = ops.subtract(x[:, 1:], x[:, :-1])
        change = ops.pad(change, ((0, 0), (1, 0), (0, 0), (0, 0), (0, 0)))
        x = layers.Concatenate()([ops.subtract(x, _mean_frame(x, mask)), change])
    for stage, count in enumerate((filters[0] // 2, *filters)):
        kernel = 3 if stage else 5
        convolve = layers.Conv2D(
            count, kernel, strides=2, padding="same", use_bias=False
        )
        x = frame_by_frame(convolve, x)
        # Momentum 0.9: few videos make few steps, and 0.99 would lag behind them
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.SpatialDropout3D(dropout)(x)
    x = layers.Dense(filters[1])(layers.Reshape((shape[0], -1))(x))
    x = layers.SpatialDropout1D(dropout)(x)
    tokens, mask, _ = residual_stages(
        x, filters[-1:], mask=mask, dropout=dropout, depth_dropout=depth_dropout
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


def video_of_frames(
    backbone: keras.Model,
    steps: int,
    num_classes: int,
    *,
    trainable: bool = False,
    padded: bool = False,
    key_dim: int = 32,
    attention: str = "softmax",
    dropout: float = 0.4,
    name: str = "video_of_frames",
) -> keras.Model:
    """An image model for each frame, then attention over frames.

    Args:
        backbone: `keras.Model` from images `(batch, height, width, channels)` to
            features `(batch, features)` or `(batch, height, width, features)`, as
            `keras.applications` and KerasHub have them without their classifier. It
            is used as it is, with the preprocessing that it expects in the images.
        steps: int. Frames of a window.
        num_classes: int.
        trainable: bool. Whether the new model trains the backbone, too. If not, the
            new model has a frozen copy; the backbone itself stays as it is.
        padded: bool. Whether frames whose pixels are all 0 are padding.
        key_dim: int. Size of keys and values. Source and target need the same.
        attention: `"softmax"` or `"linear"`, as in `AttentionKV`.
        dropout: float. Share of features dropped before the classifier.
        name: str. Name of the model.

    Returns:
        `keras.Model` from `(batch, steps, height, width, channels)` to logits
        `(batch, num_classes)`.

    Raises:
        ValueError: if the backbone's features have another rank.

    Example:

    >>> backbone = keras.Sequential([keras.Input((32, 32, 3)), layers.Conv2D(8, 3)])
    >>> video_of_frames(backbone, steps=4, num_classes=5).output_shape
    (None, 5)
    """
    rank = len(backbone.output_shape)
    if rank not in (2, 4):
        raise ValueError(
            "`backbone` must give (batch, features) or (batch, height, width, "
            f"features). Received: output shape {backbone.output_shape}. "
            "Build it without its classifier: include_top=False."
        )
    if not trainable:
        weights = backbone.get_weights()
        backbone = keras.models.clone_model(backbone)
        backbone.set_weights(weights)
        backbone.trainable = False
    inputs = keras.Input((steps, *backbone.input_shape[1:]), name="windows")
    features = layers.TimeDistributed(backbone)(inputs)
    if rank == 4:
        features = layers.TimeDistributed(layers.GlobalAveragePooling2D())(features)
    tokens = layers.Dense(4 * key_dim, activation="relu")(features)
    mask = padding_mask(inputs) if padded else None
    logits = classify(
        tokens, mask, num_classes, key_dim, attention=attention, dropout=dropout
    )
    return keras.Model(inputs, logits, name=name)


def frame_by_frame(convolve, x):
    """A layer of images, on every frame of every window.

    Frames are one batch of images: of a `Conv3D` over one frame at a time, XLA takes
    the gradient many times as slowly on a CPU (`benchmarks/step_frames.py`).

    Args:
        convolve: layer from images `(batch, height, width, channels)` to images.
        x: float tensor `(batch, steps, height, width, channels)`.

    Returns:
        float tensor `(batch, steps, …)`, of the layer's images.
    """
    frames = convolve(ops.reshape(x, (-1, *x.shape[2:])))
    return ops.reshape(frames, (-1, x.shape[1], *frames.shape[1:]))


def _mean_frame(x, mask):
    """The mean of a window's frames, of the real ones if there is a mask."""
    if mask is None:
        return ops.mean(x, axis=1, keepdims=True)
    count = ops.sum(ops.cast(mask, x.dtype), axis=1)
    count = ops.reshape(ops.maximum(count, 1), (-1, 1, 1, 1, 1))
    return ops.divide(ops.sum(masked(x, mask), axis=1, keepdims=True), count)
