"""Other voices say the same, in other rooms."""

import dataclasses

import numpy as np
import tensorflow as tf

from keras_dcat.typing import Tensor
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

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
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


@dataclasses.dataclass(frozen=True)
class ColoredNoise(Augmentation):
    """Adds noise, from white to the rumble of a room, of another strength each time.

    Its power falls with frequency `f` as `f` to the power of −c, where c is drawn
    between 0 (white) and `max_color`: 1 is pink, 2 is brown.

    Args:
        low: float from −40 to 100, in dB. The smallest ratio of signal to noise.
        high: float from −40 to 100, in dB. The largest. Ratios between are equally
            likely; the signal is the mean power of the window, so that one padded
            with silence gets less.
        max_color: float from 0 to 4.

    Example:

    >>> noise = ColoredNoise(low=5, high=40)
    >>> noise(np.ones((4, 8000, 1), "float32"), seed=(0, 1)).shape
    TensorShape([4, 8000, 1])
    """

    low: float = 5.0
    high: float = 40.0
    max_color: float = 3.0
    ranges = {"low": (-40, 100), "high": (-40, 100), "max_color": (0, 4)}

    def __post_init__(self):
        super().__post_init__()
        if self.low > self.high:
            raise ValueError(
                "`low` must not be above `high`. "
                f"Received: low={self.low}, high={self.high}. Exchange them."
            )

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        steps = windows.shape[1]
        channels = tf.reshape(windows, [tf.shape(windows)[0], steps, -1])
        batch, _, count = tf.unstack(tf.shape(channels))
        seeds = tf.random.split(seed, 2)
        draws = uniform([2, batch, 1, 1], seeds[0], 1.0)
        # The last axis is the one of the transform.
        white = tf.random.stateless_normal([batch, count, steps], seeds[1])
        white -= tf.reduce_mean(white, axis=-1, keepdims=True)  # an offset is no noise
        frequency = tf.constant(np.maximum(np.fft.rfftfreq(steps), 1 / steps))
        color = tf.cast(frequency ** (-draws[1] * self.max_color / 2), tf.complex64)
        noise = tf.signal.irfft(tf.signal.rfft(white) * color, [steps])
        noise /= tf.math.reduce_std(noise, axis=-1, keepdims=True)
        noise = tf.cast(tf.transpose(noise, [0, 2, 1]), windows.dtype)
        ratio = self.low + (self.high - self.low) * draws[0]
        level = tf.cast(10 ** (-ratio / 10), windows.dtype)
        power = tf.reduce_mean(tf.square(channels), axis=[1, 2], keepdims=True)
        noisy = channels + tf.sqrt(power * level) * noise
        return tf.reshape(noisy, tf.shape(windows))
