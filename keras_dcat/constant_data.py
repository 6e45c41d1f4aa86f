"""Datasets whose batches cannot change, and were looked at when they were made."""

from typing import Any, NamedTuple

import numpy as np

_NAME = "_keras_dcat_constants"
# The largest size of a number in a window. Squares of products are what losses add up,
# and of more they are infinite in float32.
LARGEST = 2.0**32


class Constants(NamedTuple):
    """What is known of a dataset whose inputs are at most `LARGEST` in every batch.

    Args:
        labels: array, all the labels that it holds.
        transfer_mask: array, all that it holds, or None if there is none.
    """

    labels: np.ndarray
    transfer_mask: np.ndarray | None = None


def with_constants(dataset: Any, constants: Constants | None) -> Any:
    """The dataset, which from now on says what is known of it.

    Whatever is made of it, by `map` or otherwise, is another dataset and says nothing.

    Args:
        dataset: `tf.data.Dataset` that was made here, and that nobody else has yet.
        constants: `Constants`, or None where something may change.

    Returns:
        the same dataset.
    """
    setattr(dataset, _NAME, constants)
    return dataset


def constants_of(dataset: Any) -> Constants | None:
    """What is known of a dataset; None where each batch has to be looked at.

    Args:
        dataset: `tf.data.Dataset`.

    Returns:
        `Constants` or None.

    Example:

    >>> import tensorflow as tf
    >>> dataset = tf.data.Dataset.range(4)
    >>> dataset = with_constants(dataset, Constants(np.arange(4)))
    >>> constants_of(dataset).labels.tolist(), constants_of(dataset.map(abs))
    ([0, 1, 2, 3], None)
    """
    return getattr(dataset, _NAME, None)
