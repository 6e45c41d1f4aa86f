"""What all augmentations have in common.

Every augmentation is called with floats `(batch, steps, channels…)` and a seed, two
integers, and gives each window of the batch a variation of its own: a tensor of the
same shape and dtype. The same seed gives the same variations. Options out of range
are a `ValueError` when it is made, windows that do not fit are one when it is called.
"""

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import tensorflow as tf

from keras_dcat.typing import ArrayLike, Tensor


class Augmentation:
    """A change of windows whose options lie within `ranges`; `vary` makes it."""

    ranges: ClassVar[dict[str, tuple[float, float]]] = {}

    def __post_init__(self):
        for name, (low, high) in self.ranges.items():
            value = getattr(self, name)
            number = np.asarray(value)
            if not np.all((number >= low) & (number <= high) & np.isfinite(number)):
                raise ValueError(
                    f"`{name}` must lie between {low} and {high}. "
                    f"Received: {name}={value}. Choose a number within."
                )

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        """Windows of which each is changed in its own way, by options and seed."""
        raise NotImplementedError

    def __call__(self, windows: ArrayLike, seed: ArrayLike) -> Tensor:
        return self.vary(checked(windows), seed)


@dataclasses.dataclass(frozen=True)
class Compose(Augmentation):
    """Several augmentations, one after the other.

    Args:
        augmentations: tuple of them, or of functions of windows and a seed.

    Example:

    >>> from keras_dcat.windows.augmentation import Scaling, TimeMask
    >>> varied = Compose((Scaling(sd=0.1), TimeMask(share=0.2)))
    >>> varied(np.ones((4, 50, 6)), seed=(0, 1)).shape
    TensorShape([4, 50, 6])
    """

    augmentations: tuple[Callable, ...]

    def vary(self, windows: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.split(seed, len(self.augmentations))
        for number, augmentation in enumerate(self.augmentations):
            windows = augmentation(windows, seeds[number])
        return windows


def checked(windows: ArrayLike) -> Tensor:
    """Windows as a tensor, if they are of a known size and floats."""
    windows = tf.convert_to_tensor(windows)
    shape = windows.shape
    if not windows.dtype.is_floating or (shape.rank or 0) < 3 or None in shape[1:]:
        raise ValueError(
            "Windows must be floats (batch, steps, channels…), of one known size. "
            f"Received: shape {shape}, {windows.dtype.name}. "
            "Cast integers to float32, and add an axis for a single channel."
        )
    return windows


def uniform(shape: ArrayLike, seed: Tensor, high: ArrayLike) -> Tensor:
    """Numbers from 0 to `high`, float64, equally likely."""
    return tf.random.stateless_uniform(shape, seed, dtype=tf.float64) * high
