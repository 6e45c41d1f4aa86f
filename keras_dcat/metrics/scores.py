"""How good predictions are that are all there: class by class, and on average."""

import keras
import numpy as np

from keras_dcat.class_labels import are_classes, checked_classes, few
from keras_dcat.typing import ArrayLike


def f1_per_class(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int
) -> np.ndarray:
    """F1 of every class: `2·TP / (2·TP + FP + FN)`.

    A class that is neither present nor predicted has no F1: it is NaN.

    Args:
        labels: int array `(windows,)`. True classes, −1 without one.
        predictions: int array or tensor `(windows,)`, or scores `(windows,
            classes)`.
        num_classes: int.

    Returns:
        float array `(classes,)`.

    Raises:
        ValueError: if there are not as many predictions as labels, or if some of these
            are no classes.

    Example:

    >>> f1_per_class([0, 0, 1], [0, 1, 1], num_classes=2).round(3).tolist()
    [0.667, 0.667]
    """
    labels = checked_classes(labels, num_classes)
    predictions = predicted_classes(predictions, num_classes)
    if labels.shape != predictions.shape:
        raise ValueError(
            "There must be one prediction for each label. "
            f"Received: labels {labels.shape}, predictions {predictions.shape}. "
            "Predict the windows that the labels belong to."
        )
    known = labels >= 0
    labels, predictions = labels[known], predictions[known]
    confusion = np.zeros((num_classes, num_classes))
    np.add.at(confusion, (labels, predictions), 1)
    hits = np.diag(confusion)
    seen = confusion.sum(axis=0) + confusion.sum(axis=1)
    return np.divide(2 * hits, seen, out=np.full(num_classes, np.nan), where=seen > 0)


def macro_f1(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> float:
    """Mean F1 over the classes that are present or predicted.

    Args:
        labels: int array `(windows,)`. True classes, −1 without one.
        predictions: int array or tensor `(windows,)`, or scores `(windows,
            classes)`.
        num_classes: int.

    Returns:
        float.

    Raises:
        ValueError: if there are not as many predictions as labels, or if some of these
            are no classes.

    Example:

    >>> round(macro_f1([0, 0, 1], [0, 1, 1], num_classes=2), 3)
    0.667
    """
    return float(np.nanmean(f1_per_class(labels, predictions, num_classes)))


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 15
) -> float:
    """How far a model's confidence is from how often it is right.

    Windows are put into bins by the probability of the predicted class; the gaps
    between mean probability and accuracy are averaged, weighted by windows.

    Args:
        labels: int array `(windows,)`. True classes, −1 without one.
        probabilities: float array or tensor `(windows, classes)`.
        bins: int. Number of bins from 0 to 1.

    Returns:
        float from 0 to 1; 0 is perfect.

    Raises:
        ValueError: if there are not probabilities for each label, or if a label is no
            class.

    Example:

    >>> error = expected_calibration_error([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    >>> round(error, 3)  # it is right on half of the windows
    0.25

    Reference:
        Guo et al., 2017, [On calibration of modern neural
        networks](https://arxiv.org/abs/1706.04599).
    """
    labels = checked_classes(labels)
    probabilities = keras.ops.convert_to_numpy(probabilities)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            "There must be probabilities (windows, classes) for each label. "
            f"Received: labels {labels.shape}, probabilities {probabilities.shape}. "
            "Predict the windows that the labels belong to."
        )
    known = labels >= 0
    labels, probabilities = labels[known], probabilities[known]
    confidence = probabilities.max(axis=-1)
    right = probabilities.argmax(axis=-1) == labels
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def predicted_classes(predictions, num_classes: int | None = None) -> np.ndarray:
    """The class that is predicted of each window.

    Args:
        predictions: int array or tensor `(windows,)`, or scores `(windows, classes)`.
        num_classes: int, or `None` where that is not known.

    Returns:
        int64 array `(windows,)`.

    Raises:
        ValueError: if a prediction is no class.

    Example:

    >>> predicted_classes([[0.1, 0.9], [0.8, 0.2]]).tolist()
    [1, 0]
    """
    predictions = keras.ops.convert_to_numpy(predictions)
    if predictions.ndim == 2 and predictions.shape[1] > 1:
        predictions = predictions.argmax(axis=-1)
    predictions = predictions.reshape(len(predictions), -1)
    is_class = np.zeros(len(predictions), bool)
    if predictions.shape[1] == 1 and predictions.dtype.kind in "biuf":
        numbers = predictions[:, 0].astype("float64")
        is_class = (numbers >= 0) & are_classes(numbers, num_classes, np.rint(numbers))
    if not is_class.all():
        last = "" if num_classes is None else f" to {num_classes - 1}"
        raise ValueError(
            f"Predictions must be classes, whole numbers from 0{last}, or scores "
            f"(windows, classes). Received: {few(predictions[~is_class].ravel())}. "
            "Leave out windows that have none, and their labels."
        )
    return predictions[:, 0].astype("int64")
