"""Encoders of video and depth: one of their own, and one around an image model."""

import keras
from keras import layers

from keras_dcat.encoders.blocks import classify, size_of


def video(
    shape: tuple[int, int, int, int],
    num_classes: int,
    size: str = "small",
    *,
    normalization: layers.Layer | None = None,
    key_dim: int | None = None,
    attention: str = "softmax",
    dropout: float = 0.2,
    name: str = "video",
) -> keras.Model:
    """Convolutions in space, then in time, four times; then attention over time.

    Each frame is halved four times, so that a video of 48 × 48 ends in 3 × 3 places
    whose features are one token for each step.

    | size | parameters | multiplications of a window of 16 frames, 48 × 48 |
    |---|---|---|
    | tiny | 87 k | 17.6 million |
    | small | 336 k | 66.5 million |
    | base | 1324 k | 259 million |

    Args:
        shape: `(steps, height, width, channels)` of a window, at least 16 × 16.
        num_classes: int.
        size: `"tiny"`, `"small"` or `"base"`.
        normalization: layer for the windows. By default values are taken as they
            come; `keras.layers.Rescaling(1 / 255)` suits bytes.
        key_dim: int. Size of keys and values; 16, 32 or 64 by default. Source and
            target need the same.
        attention: `"softmax"` or `"linear"`, as in `AttentionKV`.
        dropout: float. Share of features dropped after each stage; twice that share
            before the classifier.
        name: str. Name of the model.

    Returns:
        `keras.Model` from `(batch, steps, height, width, channels)` to logits
        `(batch, num_classes)`.

    Raises:
        ValueError: if `size` is unknown, or if frames are too small.

    Example:

    >>> video((16, 48, 48, 1), num_classes=27, size="tiny").output_shape
    (None, 27)

    Reference:
        Tran et al., 2018, [R(2+1)D](https://arxiv.org/abs/1711.11248).
    """
    filters, key_dim = size_of(size, key_dim)
    if min(shape[1:3]) < 16:
        raise ValueError(
            "Frames must have 16 × 16 pixels or more. "
            f"Received: shape={tuple(shape)}. Use larger frames, or another encoder."
        )
    inputs = keras.Input(shape, name="windows")
    x = inputs if normalization is None else normalization(inputs)
    for stage, count in enumerate((filters[0] // 2, *filters)):
        kernel, strides = (5, 2) if not stage else (3, 2)
        x = layers.Conv3D(
            count,
            (1, kernel, kernel),
            strides=(1, strides, strides),
            padding="same",
            use_bias=False,
        )(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv3D(count, (3, 1, 1), padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.SpatialDropout3D(dropout)(x)
    tokens = layers.Reshape((shape[0], -1))(x)
    tokens = layers.Dense(filters[-1], use_bias=False)(tokens)
    tokens = layers.ReLU()(layers.BatchNormalization()(tokens))
    logits = classify(
        tokens,
        None,
        num_classes,
        key_dim,
        attention=attention,
        dropout=min(2 * dropout, 0.9),
    )
    return keras.Model(inputs, logits, name=name)


def video_of_frames(
    backbone: keras.Model,
    steps: int,
    num_classes: int,
    *,
    trainable: bool = False,
    key_dim: int = 32,
    attention: str = "softmax",
    dropout: float = 0.4,
    name: str = "video_of_frames",
) -> keras.Model:
    """An image model sees every frame, and attention the frames.

    Args:
        backbone: `keras.Model` from images `(batch, height, width, channels)` to
            features `(batch, features)` or `(batch, height, width, features)`, as
            `keras.applications` and KerasHub have them without their classifier. It
            is used as it is, with the preprocessing that it expects in the images.
        steps: int. Frames of a window.
        num_classes: int.
        trainable: bool. Whether the new model trains the backbone, too. If not, the
            new model has a frozen copy; the backbone itself stays as it is.
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
    logits = classify(
        tokens, None, num_classes, key_dim, attention=attention, dropout=dropout
    )
    return keras.Model(inputs, logits, name=name)
