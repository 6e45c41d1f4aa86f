"""Movements are made slower, faster, or at another time."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_dcat.typing import Tensor
from keras_dcat.windows.augmentation.base import Augmentation, uniform


class Retiming(Augmentation):
    """Shows at `times` `(steps,)`, from 0 to 1, other `moments` `(batch, steps)`."""

    def moments(self, times: np.ndarray, batch: Tensor, seed: Tensor) -> Tensor:
        """When what is shown at `times` took place, of each window of a batch."""
        raise NotImplementedError

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        steps = windows.shape[1]
        return retimed(windows, self, seed, last=(steps - 1) / steps)


@dataclasses.dataclass(frozen=True)
class TimeWarp(Retiming):
    """Makes parts of a window slower and others faster; both ends stay.

    At time `u`, from 0 to 1, stands what was at `u + Σ c_k sin(π k u) / (π k)`,
    three waves with `Σ |c_k| ≤ strength`, linearly interpolated.

    Args:
        strength: float from 0 to 0.99. Speeds lie between `1 - strength` and
            `1 + strength`.

    Example:

    >>> times = np.arange(50.0).reshape(1, 50, 1)
    >>> warped = TimeWarp(strength=0.5)(times, seed=(0, 1))[0, :, 0].numpy()
    >>> warped[[0, -1]].round(6).tolist(), bool(np.all(np.diff(warped) > 0))
    ([0.0, 49.0], True)
    """

    strength: float
    ranges = {"strength": (0, 0.99)}

    def moments(self, times: np.ndarray, batch: Tensor, seed: Tensor) -> Tensor:
        waves = np.pi * np.arange(1, 4)
        # After 1 only the faster stream of a pair has samples; they stay.
        sines = np.sin(waves * np.minimum(times, 1.0)[:, None]) / waves
        weights = 2 * uniform([batch, 1, 3], seed, 1.0) - 1
        return times + self.strength / 3 * tf.reduce_sum(weights * sines, axis=-1)


@dataclasses.dataclass(frozen=True)
class Crop(Retiming):
    """Stretches a random part of a window over its whole length.

    Args:
        share: float from 0.01 to 1. How much of the window is kept.
    """

    share: float
    ranges = {"share": (0.01, 1)}

    def moments(self, times: np.ndarray, batch: Tensor, seed: Tensor) -> Tensor:
        return uniform([batch, 1], seed, 1.0 - self.share) + self.share * times


def retimed(windows: Tensor, change: Retiming, seed: Tensor, last: float) -> Tensor:
    """Windows at other moments; `last`, a share of a window, is their time 1."""
    steps = windows.shape[1]
    if not last:
        raise ValueError(
            "Time can be changed in windows of two steps or more. "
            f"Received: shape {windows.shape}. Index longer windows."
        )
    times = np.arange(steps) / (steps * last)
    moments = change.moments(times, tf.shape(windows)[0], seed)
    positions = tf.clip_by_value(moments * steps * last, 0.0, steps - 1.0)
    before = tf.floor(positions)
    share = tf.cast(positions - before, windows.dtype)
    share = tf.reshape(share, [-1, steps, *[1] * (windows.shape.rank - 2)])
    before = tf.cast(before, tf.int32)
    after = tf.minimum(before + 1, steps - 1)
    earlier = tf.gather(windows, before, batch_dims=1)
    return earlier + share * (tf.gather(windows, after, batch_dims=1) - earlier)
