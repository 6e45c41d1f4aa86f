"""The camera stands a little elsewhere."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_dcat.typing import Tensor
from keras_dcat.windows.augmentation.base import Augmentation, uniform


@dataclasses.dataclass(frozen=True)
class Affine(Augmentation):
    """Turns, zooms and shifts videos: all frames of a window alike.

    What comes in from outside the picture is 0. Values are interpolated bilinearly.

    Args:
        max_angle: float from 0 to 180, in degrees. Angles up to it, to both sides, are
            equally likely.
        zoom: float from 0 to 1. Logarithm of the largest change of size; the height
            changes by half as much again on its own.
        shift: float from 0 to 1. Largest shift, as a share of the picture.

    Example:

    >>> affine = Affine(max_angle=8, zoom=0.15, shift=0.1)
    >>> affine(np.ones((4, 16, 24, 24, 1), "float32"), seed=(0, 1)).shape
    TensorShape([4, 16, 24, 24, 1])
    """

    max_angle: float = 8.0
    zoom: float = 0.15
    shift: float = 0.1
    ranges = {"max_angle": (0, 180), "zoom": (0, 1), "shift": (0, 1)}

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        if windows.shape.rank != 5:
            raise ValueError(
                "Windows must be videos (batch, steps, height, width, channels). "
                f"Received: shape {windows.shape}. Add an axis for a single channel."
            )
        _, steps, height, width, channels = windows.shape
        draws = 2 * uniform([5, tf.shape(windows)[0]], seed, 1.0) - 1
        angle = draws[0] * np.radians(self.max_angle)
        wide = tf.exp(draws[1] * self.zoom)
        high = wide * tf.exp(draws[2] * self.zoom / 2)
        transforms = []  # from a place in the new picture to one in the old
        for x, y, size, move in (
            (tf.cos(angle) * wide, -tf.sin(angle) * high, width, draws[3]),
            (tf.sin(angle) * wide, tf.cos(angle) * high, height, draws[4]),
        ):
            middle = (size - 1) / 2 - x * (width - 1) / 2 - y * (height - 1) / 2
            transforms += [x, y, middle + move * self.shift * size]
        transforms += [tf.zeros_like(angle)] * 2
        pictures = tf.transpose(windows, [0, 2, 3, 1, 4])
        pictures = tf.reshape(pictures, [-1, height, width, steps * channels])
        pictures = tf.raw_ops.ImageProjectiveTransformV3(
            images=pictures,
            transforms=tf.cast(tf.stack(transforms, axis=1), tf.float32),
            output_shape=[height, width],
            fill_value=0.0,
            interpolation="BILINEAR",
        )
        frames = tf.reshape(pictures, [-1, height, width, steps, channels])
        return tf.transpose(frames, [0, 3, 1, 2, 4])
