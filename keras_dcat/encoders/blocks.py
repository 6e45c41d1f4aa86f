"""What the encoders are made of: residual convolutions, pooling, and the classifier."""

from typing import Any, NamedTuple

import keras
from keras import layers, ops, random

from keras_dcat.attention import AttentionKV
from keras_dcat.typing import Config, Shape, Tensor


class Size(NamedTuple):
    """How large an encoder is: filters of its stages, and the keys it ends in."""

    filters: tuple[int, ...]
    key_dim: int


SIZES = {
    "tiny": Size((16, 32, 64), 16),
    "small": Size((32, 64, 128), 32),
    "base": Size((64, 128, 256), 64),
}


@keras.saving.register_keras_serializable(package="keras_dcat")
class StochasticDepth(layers.Layer):
    """Leaves out a residual branch for some samples of a batch in training.

    Args:
        rate: float from 0 to 1, excluded. Share of samples without the branch; the
            others get more of it, so that the mean stays.
        seed: int. Which samples.
        **kwargs: `name`, `dtype`, `trainable`, as for any layer.

    Call args:
        inputs: float tensor `(batch, …)`, what the branch adds.
        training: bool. Whether anything is left out.

    Returns:
        float tensor of the same shape.

    Raises:
        ValueError: if `rate` is out of range.

    Example:

    >>> branch = StochasticDepth(0.5, seed=0)(ops.ones((100, 4)), training=True)
    >>> sorted({float(x) for x in ops.convert_to_numpy(branch)[:, 0]})
    [0.0, 2.0]

    Reference:
        Huang et al., 2016, [Stochastic depth](https://arxiv.org/abs/1603.09382).
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(
                "`rate` must be from 0 to 1, 1 excluded. "
                f"Received: rate={rate}. Try 0.1."
            )
        self.rate = rate
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        shape = (ops.shape(inputs)[0], *[1] * (len(inputs.shape) - 1))
        kept = random.uniform(shape, seed=self.seed_generator) >= self.rate
        return inputs * ops.cast(kept, inputs.dtype) / (1 - self.rate)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> Config:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package="keras_dcat")
class MeanMaxPooling(layers.Layer):
    """Mean and maximum over the steps that are no padding, side by side.

    Args:
        **kwargs: `name`, `dtype`, `trainable`, as for any layer.

    Call args:
        inputs: float tensor `(batch, time, features)`.
        mask: bool tensor `(batch, time)`. False marks padding.

    Returns:
        float tensor `(batch, 2 · features)`. Zeros where all steps are padding.

    Example:

    >>> steps = ops.convert_to_tensor([[[1.0], [3.0], [9.0]]])
    >>> mask = ops.convert_to_tensor([[True, True, False]])
    >>> ops.convert_to_numpy(MeanMaxPooling()(steps, mask=mask)).tolist()
    [[2.0, 3.0]]
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return ops.concatenate([ops.mean(inputs, 1), ops.max(inputs, 1)], axis=-1)
        is_real = ops.expand_dims(ops.cast(mask, "bool"), -1)
        count = ops.sum(ops.cast(is_real, inputs.dtype), axis=1)
        mean = ops.sum(ops.where(is_real, inputs, 0), axis=1) / ops.maximum(count, 1)
        largest = ops.max(ops.where(is_real, inputs, -6e4), axis=1)  # fits float16
        largest = ops.where(count > 0, largest, 0)
        return ops.concatenate([mean, largest], axis=-1)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], 2 * input_shape[-1])


@keras.saving.register_keras_serializable(package="keras_dcat")
class LevelAndSpread(layers.Layer):
    """Mean and log of the standard deviation over the steps that are no padding.

    A rest differs from another by its level and by how little it moves, on a scale of
    which a mean or a maximum of activations says nothing.

    Args:
        epsilon: float above 0. A standard deviation that is nothing.
        **kwargs: `name`, `dtype`, `trainable`, as for any layer.

    Call args:
        inputs: float tensor `(batch, time, features)`.
        mask: bool tensor `(batch, time)`. False marks padding.

    Returns:
        float tensor `(batch, 2 · features)`; the mean is 0 where all is padding.

    Example:

    >>> steps = ops.convert_to_tensor([[[1.0], [3.0], [9.0]]])
    >>> mask = ops.convert_to_tensor([[True, True, False]])
    >>> level, spread = ops.convert_to_numpy(LevelAndSpread()(steps, mask=mask))[0]
    >>> float(level), round(float(spread), 4)  # of 1 and 3
    (2.0, 0.0)
    """

    def __init__(self, epsilon: float = 1e-3, **kwargs: Any):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        x = ops.cast(inputs, "float32")  # a variance in half precision is none
        if mask is None:
            level = ops.mean(x, axis=1, keepdims=True)
            variance = ops.mean(ops.square(x - level), axis=1)
        else:
            weights = ops.expand_dims(ops.cast(mask, "float32"), -1)
            share = weights / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1)
            level = ops.sum(x * share, axis=1, keepdims=True)
            variance = ops.sum(ops.square(x - level) * share, axis=1)
        spread = 0.5 * ops.log(variance + self.epsilon**2)
        found = ops.concatenate([ops.squeeze(level, 1), spread], axis=-1)
        return ops.cast(found, self.compute_dtype)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], 2 * input_shape[-1])

    def get_config(self) -> Config:
        return {**super().get_config(), "epsilon": self.epsilon}


def size_of(size, key_dim=None):
    """Filters and key size of a size by its name; `key_dim` takes the place of one."""
    if size not in SIZES:
        raise ValueError(
            "`size` must be the name of one. "
            f"Received: size={size!r}. Choose from {tuple(SIZES)}."
        )
    return SIZES[size] if key_dim is None else SIZES[size]._replace(key_dim=key_dim)


def check_shape(shape, axes):
    """Refuses a window of another rank than its `axes`, such as `(steps, channels)`."""
    if len(shape) != axes.count(",") + 1:
        raise ValueError(
            f"`shape` must be {axes} of a window. "
            f"Received: shape={tuple(shape)}. "
            "Leave out the batch, and give every other axis: index.shape(stream)."
        )


def padding_mask(inputs):
    """Which steps `(batch, time)` are real: all values of a padded one are 0."""
    return ops.any(ops.not_equal(inputs, 0), axis=tuple(range(2, len(inputs.shape))))


def masked(x, mask):
    """Steps `(batch, time, …)` in which what came of padding is 0 again."""
    if mask is None:
        return x
    shape = (-1, x.shape[1], *[1] * (len(x.shape) - 2))
    return ops.multiply(x, ops.cast(ops.reshape(mask, shape), x.dtype))


def batch_normalization():
    """A layer whose statistics follow those of the last batches.

    By Keras's own momentum of 0.99, a variance still has 4 % of the 1 that it starts
    from after 320 steps, which is more than a quiet channel's own.
    """
    return layers.BatchNormalization(momentum=0.9)


def residual_stages(x, filters, *, mask=None, dropout=0.0, depth_dropout=0.0):
    """Tokens `(batch, time / 2^stages, filters[-1])` of steps, and their mask.

    Each stage halves the time with two convolutions of 7 steps and a shortcut. Third
    comes what enters each stage, with its mask.
    """
    x = masked(_convolution(masked(x, mask), filters[0], dropout=dropout), mask)
    entered = []
    for stage, count in enumerate(filters):
        entered.append((x, mask))
        mask = None if mask is None else mask[:, ::2]
        branch = masked(_convolution(x, count, strides=2, dropout=dropout), mask)
        branch = layers.Conv1D(count, 7, padding="same", use_bias=False)(branch)
        branch = batch_normalization()(branch)
        if depth_dropout:
            branch = StochasticDepth(depth_dropout * (stage + 1) / len(filters))(branch)
        shortcut = layers.Conv1D(count, 1, strides=2, padding="same", use_bias=False)(x)
        shortcut = batch_normalization()(shortcut)
        x = masked(layers.ReLU()(layers.Add()([branch, shortcut])), mask)
    return x, mask, entered


def classify(tokens, mask, num_classes, key_dim, *, attention, dropout, beside=()):
    """Logits `(batch, num_classes)` of tokens that have attended to each other.

    The classifier is also given the features `(batch, …)` that come beside them.
    """
    attended = AttentionKV(key_dim, attention=attention, name="attention")
    attended = layers.Dense(tokens.shape[-1])(attended(tokens, mask=mask))
    x = layers.LayerNormalization()(layers.Add()([tokens, attended]))
    x = MeanMaxPooling()(x, mask=mask)
    x = layers.Concatenate()([x, *beside]) if beside else x
    x = layers.Dropout(dropout)(x)
    # float32: logits of mixed precision would be rounded before the loss
    return layers.Dense(num_classes, dtype="float32", name="classifier")(x)


def encoder(
    inputs,
    tokens,
    mask,
    num_classes,
    key_dim,
    *,
    attention,
    dropout,
    name,
    beside=(),
):
    """The model from `inputs` to logits; it drops twice as much before these."""
    at_last = min(2 * dropout, 0.9)
    logits = classify(
        tokens,
        mask,
        num_classes,
        key_dim,
        attention=attention,
        dropout=at_last,
        beside=beside,
    )
    return keras.Model(inputs, logits, name=name)


def _convolution(x, filters, strides=1, dropout=0.0):
    x = layers.Conv1D(filters, 7, strides=strides, padding="same", use_bias=False)(x)
    x = layers.ReLU()(batch_normalization()(x))
    return layers.SpatialDropout1D(dropout)(x) if dropout else x
