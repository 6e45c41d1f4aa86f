"""Sensors sit differently, and people face another way."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_dcat.typing import Tensor
from keras_dcat.windows.augmentation.base import Augmentation, uniform


@dataclasses.dataclass(frozen=True)
class Rotation3D(Augmentation):
    """Rotates the axes of a sensor, as if it were mounted differently.

    All triplets of a window, such as accelerometer and gyroscope of one sensor,
    are turned together, about an axis of any direction.

    Args:
        max_angle: float from 0 to 180, in degrees. Angles up to it are equally
            likely.
        triplets: tuple of triplets of channels, x, y and z. Others are left
            alone. By default channels are taken in threes, as they come.

    Example:

    >>> rotation = Rotation3D(max_angle=30, triplets=((0, 1, 2), (3, 4, 5)))
    >>> rotation(np.ones((4, 50, 7)), seed=(0, 1)).shape
    TensorShape([4, 50, 7])
    """

    max_angle: float
    triplets: tuple[tuple[int, int, int], ...] | None = None
    ranges = {"max_angle": (0, 180)}

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        seeds, batch = tf.random.split(seed), tf.shape(windows)[0]
        axes = tf.random.stateless_normal([batch, 3], seeds[0], dtype=tf.float64)
        angles = uniform([batch], seeds[1], np.radians(self.max_angle))
        axes = tf.linalg.normalize(axes, axis=1)[0]
        return _rotated(windows, axes, angles, self.triplets)


@dataclasses.dataclass(frozen=True)
class RotationAboutVertical(Augmentation):
    """Rotates skeletons about the vertical, as if the camera stood elsewhere.

    Args:
        max_angle: float from 0 to 180, in degrees. Angles up to it, to the left
            and to the right, are equally likely.
        vertical_axis: 0, 1 or 2. Which of x, y and z points up or down. The
            channels are x, y and z of one joint after the other.
    """

    max_angle: float
    vertical_axis: int
    ranges = {"max_angle": (0, 180), "vertical_axis": (0, 2)}

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        batch, limit = tf.shape(windows)[0], np.radians(self.max_angle)
        axes = tf.one_hot(tf.fill([batch], self.vertical_axis), 3, dtype=tf.float64)
        angles = uniform([batch], seed, 2 * limit) - limit
        return _rotated(windows, axes, angles)


def _rotated(windows, axes, angles, triplets=None):
    """Windows of which each is turned about its axis, a unit vector."""
    channels = np.arange(windows.shape[-1])
    named = triplets or [channels[at : at + 3] for at in channels[::3]]
    turned = np.concatenate(named)
    others = np.setdiff1d(channels, turned)
    is_whole = all(len(each) == 3 for each in named)
    if not is_whole or len(turned) + len(others) != len(channels):
        raise ValueError(
            "Triplets must be of three channels each, and share none. "
            f"Received: triplets={triplets} for {len(channels)} channels. "
            "Try ((0, 1, 2), (3, 4, 5)) for an accelerometer and a gyroscope."
        )
    # Rodrigues' formula; row j of `cross` is the axis times unit vector j.
    unit = tf.eye(3, batch_shape=[tf.shape(axes)[0]], dtype=tf.float64)
    cross = tf.linalg.cross(tf.repeat(axes[:, None], 3, axis=1), unit)
    sine, cosine = tf.sin(angles)[:, None, None], tf.cos(angles)[:, None, None]
    rotations = unit + sine * cross + (1 - cosine) * cross @ cross
    order = np.concatenate([turned, others])
    in_order = np.array_equal(order, channels)  # then nothing needs to be moved
    ordered = windows if in_order else tf.gather(windows, order, axis=-1)
    moving, rest = tf.split(ordered, [len(turned), len(others)], axis=-1)
    points = tf.reshape(moving, [-1, np.prod(moving.shape[1:]) // 3, 3])
    moving = tf.reshape(
        points @ tf.cast(rotations, windows.dtype), [-1, *moving.shape[1:]]
    )
    joined = tf.concat([moving, rest], axis=-1)
    return joined if in_order else tf.gather(joined, np.argsort(order), axis=-1)
