"""Other voices say the same."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_dcat.windows.augmentation.base import Augmentation, uniform


@dataclasses.dataclass(frozen=True)
class SpeedPerturbation(Augmentation):
    """Plays sound slower and deeper, or faster and higher, and earlier or later.

    What is not in the window is silence.

    Args:
        strength: float from 0 to 1. Logarithm of the largest change of speed.
        shift: float from 0 to 1. How far the sound moves, as a share of the window.

    Example:

    >>> perturbation = SpeedPerturbation(strength=0.15, shift=0.1)
    >>> perturbation(np.ones((4, 8000, 1), "float32"), seed=(0, 1)).shape
    TensorShape([4, 8000, 1])

    Reference:
        Ko et al., Interspeech 2015, *Audio augmentation for speech recognition*.
    """

    strength: float = 0.15
    shift: float = 0.1
    ranges = {"strength": (0, 1), "shift": (0, 1)}

    def vary(self, windows, seed):
        steps = windows.shape[1]
        draws = 2 * uniform([2, tf.shape(windows)[0], 1], seed, 1.0) - 1
        speed, late = tf.exp(draws[0] * self.strength), draws[1] * self.shift * steps
        heard = (np.arange(steps) - late) * speed
        # A zero before and two behind, so that the ends fade into silence.
        rank = windows.shape.rank
        padded = tf.pad(windows, [[0, 0], [1, 2], *[[0, 0]] * (rank - 2)])
        before = tf.floor(heard)
        share = tf.reshape(
            tf.cast(heard - before, windows.dtype), [-1, steps, *[1] * (rank - 2)]
        )
        at = tf.clip_by_value(tf.cast(before, tf.int32) + 1, 0, steps + 1)
        earlier = tf.gather(padded, at, batch_dims=1)
        return earlier + share * (tf.gather(padded, at + 1, batch_dims=1) - earlier)
