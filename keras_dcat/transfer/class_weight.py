"""Weights of classes, as Keras's `class_weight` says, made weights of windows."""

import math
import sys
from typing import Any

import keras
import numpy as np

from keras_dcat.transfer.head import Head, described
from keras_dcat.transfer.labels import is_one_hot


class ClassWeights:
    """By how much a window counts that is of a class.

    A class that is not named weighs 1, as in Keras with arrays, and so does a window
    without a label.

    Args:
        class_weight: dict from classes to weights.
        head: `Head` of the model, one class for each window.

    Raises:
        ValueError: if a window has several classes or none, if it is no dict, if a key
            is no class, or if a weight is negative or not finite.

    Example:

    >>> weights = ClassWeights({0: 1.0, 1: 2.0}, Head("multiclass", 3))
    >>> weights.of_arrays(np.array([0, 1, 2, -1])).tolist()
    [1.0, 2.0, 1.0, 1.0]
    """

    def __init__(self, class_weight, head: Head):
        if head.decisions != 1 or not head.has_beliefs:
            raise ValueError(
                "`class_weight` weighs windows of which each has one class. "
                f"Received: a model of {described(head)}. "
                "Pass `sample_weight`, a number for each window."
            )
        num_classes: Any = head.num_classes  # a number, as it has beliefs
        _check(class_weight, num_classes)
        self.num_classes = num_classes
        # One more than there are classes: of windows without a label.
        self.weights = np.ones(num_classes + 1, keras.config.floatx())
        for number, weight in class_weight.items():
            self.weights[int(number)] = float(weight)

    def of_arrays(self, labels):
        """The weight of each window.

        Args:
            labels: `(windows,)`, `(windows, 1)` or one-hot, arrays of any framework.

        Returns:
            array `(windows,)`.
        """
        labels = keras.ops.convert_to_numpy(labels)
        if is_one_hot(labels, self.num_classes):
            is_labelled = np.any(labels != 0, axis=-1)
            classes = np.argmax(labels, axis=-1)
        else:
            classes = np.nan_to_num(np.reshape(labels, (-1,)), nan=-1).astype("int64")
            is_labelled = classes >= 0
        return self.weights[np.where(is_labelled, classes, self.num_classes)]

    def of_tensors(self, labels):
        """The weight of each window of a batch of a `tf.data.Dataset`.

        Args:
            labels: `(windows,)`, `(windows, 1)` or one-hot, tensor of TensorFlow.

        Returns:
            tensor of TensorFlow `(windows,)`.
        """
        tf = sys.modules["tensorflow"]
        if is_one_hot(labels, self.num_classes):
            is_labelled = tf.reduce_any(tf.cast(labels, tf.float64) != 0, axis=-1)
            classes = tf.argmax(tf.cast(labels, tf.float64), axis=-1)
        else:
            numbers = tf.cast(tf.reshape(labels, (-1,)), tf.float64)
            is_labelled = numbers >= 0  # not so of NaN
            classes = tf.cast(tf.maximum(numbers, 0), tf.int64)
        classes = tf.where(is_labelled, classes, self.num_classes)
        return tf.gather(tf.constant(self.weights), classes)


def check_not_both(sample_weight):
    """Refuses weights of windows beside those of classes, as Keras does.

    Args:
        sample_weight: what came beside `class_weight`; `None` if nothing did.

    Raises:
        ValueError: with how to join the two.
    """
    if sample_weight is not None:
        raise ValueError(
            "Windows must be weighed by `class_weight` or by `sample_weight`. "
            "Received: both. Multiply them yourself: sample_weight * "
            "np.array([class_weight.get(label, 1.0) for label in labels])."
        )


def _check(class_weight, num_classes):
    rule = (
        f"`class_weight` must be a dict from classes, 0 to {num_classes - 1}, to "
        "finite weights that are not negative."
    )
    if not isinstance(class_weight, dict):
        kind = type(class_weight).__name__
        raise ValueError(
            f"{rule} Received: a {kind}. Make a dict of it: dict(enumerate(weights))."
        )
    unknown = [key for key in class_weight if key not in range(num_classes)]
    if unknown:
        raise ValueError(
            f"{rule} Received: the keys {unknown}. Name classes by their numbers, and "
            "leave out those that the models do not have."
        )
    wrong = {key: w for key, w in class_weight.items() if not _is_weight(w)}
    if wrong:
        raise ValueError(
            f"{rule} Received: {wrong}. Give a class 0 that is not to count."
        )


def _is_weight(weight):
    try:
        number = float(weight)
    except (TypeError, ValueError):
        return False
    return not isinstance(weight, str) and math.isfinite(number) and number >= 0
