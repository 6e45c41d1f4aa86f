"""Levels and variances of a window, of which one logarithm is taken for all."""

import dataclasses

import keras
import numpy as np
from keras import ops

from keras_dcat.extras import require
from keras_dcat.typing import Tensor

# Part of the name of what stays in float32 whatever else is quantized: a variance, a
# logarithm and a division by one have values of sizes that no 8 bits hold.
IN_FLOAT32 = "in_float32"
# The same of what is too large for float32: 16 bits, if it comes of whole numbers.
IN_16_BITS = "in_16_bits"
_LARGE = 1024  # values, 4 kB
_AT_ONCE = 10  # tensors that one concatenation of TensorFlow Lite Micro joins


@dataclasses.dataclass(frozen=True)
class Part:
    """Steps of a window from one to before another, which are not cut out yet.

    Attributes:
        x: float tensor `(1, time, features)`.
        start: int.
        stop: int.
    """

    x: Tensor
    start: int
    stop: int

    @property
    def steps(self) -> int:
        """How many there are."""
        return self.stop - self.start

    def tensor(self) -> Tensor:
        """The steps, cut out.

        Returns:
            float tensor `(1, steps, features)`.
        """
        if self.steps == self.x.shape[1]:
            return self.x
        return self.x[:, self.start : self.stop]

    def goes_on(self, other: "Part") -> bool:
        """Whether another part of the same window follows, and is as long.

        Args:
            other: `Part`.

        Returns:
            bool.
        """
        return (self.x is other.x, self.stop, self.steps) == (
            True,
            other.start,
            other.steps,
        )


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Levels and spreads of parts of one window, and what scales them.

    `scale · level + offset` for each level, and `scale · log(variance + added) / 2 +
    offset` for each spread.

    Attributes:
        parts: tuple of `Part`.
        is_variance: float array `(features,)`, 1 or 0.
        added: float array `(features,)`.
        scale: float array `(features,)`.
        offset: float array `(features,)`.
    """

    parts: tuple[Part, ...]
    is_variance: np.ndarray
    added: np.ndarray
    scale: np.ndarray
    offset: np.ndarray

    @classmethod
    def of(cls, part: Part, epsilon: float) -> "Statistics":
        """What `LevelAndSpread` makes of steps.

        Args:
            part: `Part`.
            epsilon: float. Its own.

        Returns:
            `Statistics`.
        """
        count = part.x.shape[-1]
        return cls(
            parts=(part,),
            is_variance=np.repeat([0.0, 1.0], count),
            added=np.repeat([1.0, epsilon**2], count),
            scale=np.ones(2 * count),
            offset=np.zeros(2 * count),
        )

    def normalized(self, layer: keras.layers.BatchNormalization) -> "Statistics":
        """Behind a batch normalization in inference.

        Args:
            layer: built `keras.layers.BatchNormalization`.

        Returns:
            `Statistics`.
        """
        scale = 1 / np.sqrt(_values(layer.moving_variance) + layer.epsilon)
        scale = scale * _values(layer.gamma) if layer.scale else scale
        offset = (self.offset - _values(layer.moving_mean)) * scale
        offset = offset + _values(layer.beta) if layer.center else offset
        return dataclasses.replace(self, scale=self.scale * scale, offset=offset)

    def beside(self, other: "Statistics") -> "Statistics":
        """Two, side by side.

        Args:
            other: `Statistics`, of the same window.

        Returns:
            `Statistics`.
        """
        names = ("is_variance", "added", "scale", "offset")
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in names}
        joined = {name: np.concatenate(pair) for name, pair in pairs.items()}
        return Statistics(self.parts + other.parts, **joined)

    def tensor(self) -> Tensor:
        """The features.

        Returns:
            float tensor `(1, features)`.
        """
        moments = [each for same in _following(self.parts) for each in _moments(same)]
        with named(IN_FLOAT32):
            found = concatenated(moments, -1)
            # The logarithm of what is no variance is that of 1.
            logs = ops.log(found * _float32(self.is_variance) + _float32(self.added))
            levels = found * _float32(self.scale * (1 - self.is_variance))
            spreads = logs * _float32(0.5 * self.scale * self.is_variance)
            return levels + spreads + _float32(self.offset)


def neighbours_joined(items: list) -> list:
    """Statistics that stand side by side share one logarithm.

    Args:
        items: list of tensors and `Statistics`.

    Returns:
        list of the same, in which no two `Statistics` are neighbours.
    """
    joined: list = []
    for item in items:
        both = [*joined[-1:], item]
        if len(both) == 2 and all(isinstance(each, Statistics) for each in both):
            joined[-1] = joined[-1].beside(item)
        else:
            joined.append(item)
    return joined


def concatenated(items: list, axis: int) -> Tensor:
    """Tensors side by side, of which a small device joins only ten at a time.

    Args:
        items: list of tensors.
        axis: int.

    Returns:
        tensor.
    """
    while len(items) > 1:
        first = ops.concatenate(items[:_AT_ONCE], axis=axis)
        items = [first, *items[_AT_ONCE:]]
    return items[0]


def named(name: str):
    """What is computed within has this in its name.

    Args:
        name: str.

    Returns:
        context manager.
    """
    return require("tensorflow", "export").name_scope(name)


def _following(parts):
    """Parts of one window that are equally long, and follow on each other, together."""
    groups: list[list[Part]] = []
    for part in parts:
        if groups and groups[-1][-1].goes_on(part):
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _moments(parts):
    """Level and variance of parts of one window, one after the other."""
    first, count = parts[0], len(parts)
    features = first.x.shape[-1]
    x = Part(first.x, first.start, parts[-1].stop).tensor()
    if count == 1 and first.steps * features > _LARGE:
        with named(IN_16_BITS):
            level = ops.mean(x, axis=1)  # of one window: `(1, features)` broadcasts
            apart = ops.subtract(x, level)
            return [level, ops.mean(ops.multiply(apart, apart), axis=1)]
    with named(IN_FLOAT32):
        if count == 1:
            level = ops.mean(x, axis=1)
            return [level, ops.mean(ops.square(ops.subtract(x, level)), axis=1)]
        x = ops.reshape(x, (1, count, first.steps, features))
        level = ops.mean(x, axis=2, keepdims=True)
        variance = ops.mean(ops.square(ops.subtract(x, level)), axis=2, keepdims=True)
        both = ops.concatenate([level, variance], axis=-1)
        return [ops.reshape(both, (1, 2 * count * features))]


def _values(variable):
    with require("tensorflow", "export").init_scope():  # a number, and no operation
        return ops.convert_to_numpy(variable).astype("float64")


def _float32(values):
    return ops.convert_to_tensor(values.astype("float32"))
