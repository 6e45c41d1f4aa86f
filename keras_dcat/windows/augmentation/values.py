"""Values are varied, or hidden."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from keras_dcat.typing import Tensor
from keras_dcat.windows.augmentation.base import Augmentation, uniform


@dataclasses.dataclass(frozen=True)
class Jitter(Augmentation):
    """Adds noise to every sample, as a worse sensor would.

    Args:
        sd: float, or one for each channel. Standard deviation, in the unit of
            the stream.

    Example:

    >>> Jitter(sd=(0.1, 5.0))(np.zeros((4, 50, 2)), seed=(0, 1)).shape
    TensorShape([4, 50, 2])
    """

    sd: Any  # a float, or a sequence of them
    ranges = {"sd": (0, np.inf)}

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        if np.ndim(self.sd) and len(self.sd) != windows.shape[-1]:
            raise ValueError(
                "`sd` must be one number, or one for each channel. "
                f"Received: {len(self.sd)} of them for {windows.shape[-1]} channels. "
                "Give one number for all, or the missing ones."
            )
        noise = tf.random.stateless_normal(tf.shape(windows), seed, dtype=windows.dtype)
        return windows + noise * tf.constant(self.sd, windows.dtype)


@dataclasses.dataclass(frozen=True)
class Scaling(Augmentation):
    """Multiplies each channel by a factor of its own, the same at all steps.

    Args:
        sd: float. Standard deviation of the factor's logarithm; it is positive.
    """

    sd: float
    ranges = {"sd": (0, np.inf)}

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        ones = [1] * (windows.shape.rank - 2)
        shape = [tf.shape(windows)[0], *ones, windows.shape[-1]]
        normal = tf.random.stateless_normal(shape, seed, dtype=windows.dtype)
        return windows * tf.exp(self.sd * normal)


@dataclasses.dataclass(frozen=True)
class _Mask(Augmentation):
    """Hides runs along an axis: they take the mean along it."""

    share: float
    count: int = 1
    _axis: ClassVar[int]
    ranges = {"share": (0, 1), "count": (1, 100)}

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        seeds, size = tf.random.split(seed), windows.shape[self._axis]
        shape = [tf.shape(windows)[0], self.count, 1]
        longest = np.floor(self.share * size + 1e-9)
        lengths = tf.floor(uniform(shape, seeds[0], longest + 1))
        starts = tf.floor(uniform(shape, seeds[1], size - lengths + 1))
        at = np.arange(size, dtype="float64")
        hidden = tf.reduce_any((at >= starts) & (at < starts + lengths), axis=1)
        axes = range(1, windows.shape.rank)
        hidden = tf.reshape(
            hidden, [-1, *(size if n == self._axis else 1 for n in axes)]
        )
        mean = tf.reduce_mean(windows, axis=self._axis, keepdims=True)
        return tf.where(hidden, mean, windows)


class TimeMask(_Mask):
    """Hides runs of time, where each channel takes its mean over the window.

    Args:
        share: float from 0 to 1. Runs have any length up to this share of steps.
        count: int. Number of runs, which may overlap.

    Example:

    >>> TimeMask(share=0.2)(np.ones((4, 100, 64)), seed=(0, 1)).shape
    TensorShape([4, 100, 64])

    Reference:
        Park et al., 2019, [SpecAugment](https://arxiv.org/abs/1904.08779).
    """

    _axis = 1


class FrequencyMask(_Mask):
    """Hides runs of bands of windows `(batch, time, mels)`, in the same way.

    Args:
        share: float from 0 to 1. Runs have any length up to this share of bands.
        count: int. Number of runs, which may overlap.
    """

    _axis = 2
