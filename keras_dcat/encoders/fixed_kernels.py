"""Convolutions whose kernels are not trained, and how often each is exceeded."""

import itertools
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_dcat.encoders.blocks import masked
from keras_dcat.typing import Config, Shape, Tensor

_TAPS = 9
_MOST_CHANNELS = 9
# Batches that a statistic is the mean of; the older fade.
_MOST_BATCHES = 1000


@keras.saving.register_keras_serializable(package="keras_dcat")
class FixedConvolution(layers.Layer):
    """The kernels of MiniRocket along time. They are weights, but never trained.

    Each kernel has 9 taps: three are 2, the others −1, so that it sums to 0 and does
    not see the level. It reads one channel or the sum of several, drawn from `seed`.

    Args:
        filters: int. 84 for all kernels; of fewer, they are spread among these.
        dilation: int. Steps from tap to tap.
        seed: int. Which channels each kernel reads.
        **kwargs: `name`, `dtype`, as for any layer.

    Call args:
        inputs: float tensor `(batch, time, channels)`.

    Returns:
        float tensor `(batch, time, filters)`.

    Raises:
        ValueError: if there are not so many kernels.

    Example:

    >>> ops.shape(FixedConvolution(28, dilation=2)(ops.ones((4, 50, 6))))
    (4, 50, 28)

    Reference:
        Dempster et al., 2021, [MiniRocket](https://arxiv.org/abs/2012.08791).
    """

    def __init__(
        self, filters: int = 84, dilation: int = 1, seed: int = 0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if not 1 <= filters <= len(_PATTERNS):
            raise ValueError(
                f"`filters` must be from 1 to {len(_PATTERNS)}, as many as there are "
                f"kernels. Received: filters={filters}. Leave it out for all."
            )
        self.filters = filters
        self.dilation = dilation
        self.seed = seed

    def build(self, input_shape: Shape) -> None:
        kernels = _kernels(self.filters, input_shape[-1], self.seed)
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernels.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(kernels, dtype),
            trainable=False,
        )

    def call(self, inputs: Tensor) -> Tensor:
        kernel = ops.cast(self.kernel, inputs.dtype)
        return ops.conv(inputs, kernel, padding="same", dilation_rate=self.dilation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "filters": self.filters,
            "dilation": self.dilation,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="keras_dcat")
class ShareAbove(layers.Layer):
    """Share of the steps, without padding, in which a value exceeds each threshold.

    It has no gradient.

    Args:
        thresholds: sequence of float.
        **kwargs: `name`, `dtype`, as for any layer.

    Call args:
        inputs: float tensor `(batch, time, features)`.
        mask: bool tensor `(batch, time)`. False marks padding.

    Returns:
        float tensor `(batch, features · thresholds)`, from 0 to 1.

    Example:

    >>> steps = ops.convert_to_tensor([[[0.5], [1.5], [2.5], [3.5]]])
    >>> ops.convert_to_numpy(ShareAbove((1.0, 3.0))(steps)).tolist()
    [[0.75, 0.25]]

    Reference:
        Dempster et al., 2020, [Rocket](https://arxiv.org/abs/1910.13051), where it is
        the proportion of positive values.
    """

    def __init__(self, thresholds: tuple[float, ...] = (0.0,), **kwargs: Any):
        super().__init__(**kwargs)
        self.thresholds = tuple(thresholds)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        above = [ops.cast(inputs > each, "float32") for each in self.thresholds]
        if mask is None:
            shares = [ops.mean(each, axis=1) for each in above]
        else:
            weights = ops.expand_dims(ops.cast(mask, "float32"), -1)
            count = ops.maximum(ops.sum(weights, axis=1), 1)
            shares = [ops.sum(each * weights, axis=1) / count for each in above]
        return ops.cast(ops.concatenate(shares, axis=-1), self.compute_dtype)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[-1] * len(self.thresholds))

    def get_config(self) -> Config:
        return {**super().get_config(), "thresholds": list(self.thresholds)}


@keras.saving.register_keras_serializable(package="keras_dcat")
class RunningNormalization(layers.Layer):
    """Features in standard deviations from their mean, over all training batches.

    For inputs before which nothing is trained: their statistics do not change, so that
    those of all batches are right in training, too, from the first on. A batch
    normalization would see each batch by itself, and at last another number.

    Args:
        limit: float. How many standard deviations a feature is at most from its mean;
            as many as it likes by default.
        epsilon: float above 0. A standard deviation that is nothing.
        **kwargs: `name`, `dtype`, `trainable`, as for any layer.

    Call args:
        inputs: float tensor `(batch, …, features)`.
        mask: bool tensor `(batch, time)`. False marks padding.
        training: bool. Whether the batch is counted; never where the layer is frozen.

    Returns:
        float tensor of the same shape.

    Example:

    >>> layer = RunningNormalization()
    >>> for batch in ([[1.0], [2.0]], [[3.0], [4.0]]):
    ...     found = layer(ops.convert_to_tensor(batch), training=True)
    >>> float(found[-1, 0])  # (4 − 2.5) / √1.25
    1.341...

    Reference:
        Chan et al., 1983, [Computing the sample
        variance](https://doi.org/10.1080/00031305.1983.10483115), for joining batches.
    """

    def __init__(
        self, limit: float | None = None, epsilon: float = 1e-4, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.limit = limit
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        self.mean = self._statistic("mean", (input_shape[-1],), "zeros")
        self.variance = self._statistic("variance", (input_shape[-1],), "ones")
        self.count = self._statistic("count", (), "zeros")

    def _statistic(self, name, shape, initializer):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype="float32",
            autocast=False,
            trainable=False,
            aggregation="mean",  # over replicas, of which each sees a part of a batch
        )

    def call(
        self, inputs: Tensor, mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        x = ops.cast(inputs, "float32")
        mean, variance = self.mean, self.variance
        if training and self.trainable:
            mean, variance = self._observe(ops.stop_gradient(x), mask)
        found = (x - mean) / (ops.sqrt(variance) + self.epsilon)
        if self.limit is not None:
            found = ops.clip(found, -self.limit, self.limit)
        return ops.cast(found, self.compute_dtype)

    def _observe(self, x, mask):
        axes = tuple(range(len(x.shape) - 1))
        if mask is None:
            own, spread = ops.moments(x, axes)
        else:
            weights = ops.expand_dims(ops.cast(mask, "float32"), -1)
            total = ops.maximum(ops.sum(weights), 1)
            own = ops.sum(x * weights, axes) / total
            spread = ops.sum(ops.square(x - own) * weights, axes) / total
        count = ops.minimum(self.count + 1, _MOST_BATCHES)
        off = own - self.mean
        mean = self.mean + off / count
        spread = spread + ops.square(off) * (1 - 1 / count)
        variance = self.variance + (spread - self.variance) / count
        self.mean.assign(mean)
        self.variance.assign(variance)
        self.count.assign(count)
        return mean, variance

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> Config:
        return {
            **super().get_config(),
            "limit": self.limit,
            "epsilon": self.epsilon,
        }


def fitting_dilations(steps):
    """Powers of 2 by which a kernel still fits into a window, 1 at least."""
    largest = max((steps - 1) // (_TAPS - 1), 1)
    return tuple(2**power for power in range(largest.bit_length()))


def shares(x, thresholds, mask=None):
    """Of steps whose features exceed `thresholds`, in standard deviations of each."""
    return ShareAbove(thresholds)(RunningNormalization()(x, mask=mask), mask=mask)


def shares_of_kernels(x, filters, dilations, mask=None):
    """Shares `(batch, …)` of steps in which fixed kernels answer, of each dilation."""
    x = masked(x, mask)
    return [
        shares(FixedConvolution(filters, dilation, seed)(x), (-0.7, 0.0, 0.7), mask)
        for seed, dilation in enumerate(dilations)
    ]


def _patterns():
    """Kernels `(84, 9)`: every choice of three taps of nine."""
    patterns = np.full((84, _TAPS), -1.0, "float32")
    for kernel, taps in zip(
        patterns, itertools.combinations(range(_TAPS), 3), strict=True
    ):
        kernel[list(taps)] = 2.0
    return patterns


_PATTERNS = _patterns()


def _kernels(filters, channels, seed):
    """Kernels `(9, channels, filters)`; most read few channels."""
    rng = np.random.default_rng(seed)
    kernels = np.zeros((_TAPS, channels, filters), "float32")
    most = min(channels, _MOST_CHANNELS)
    spread = np.arange(filters) * len(_PATTERNS) // filters
    for number, pattern in enumerate(_PATTERNS[spread]):
        count = int(2 ** rng.uniform(0, np.log2(most + 1)))
        read = rng.choice(channels, min(count, most), replace=False)
        kernels[:, read, number] = pattern[:, None]
    return kernels
