"""How good predictions are that are all there: class by class, and on average."""

import keras
import numpy as np

from keras_dcat.class_labels import are_classes, checked_answers, checked_classes, few
from keras_dcat.typing import ArrayLike


def f1_per_class(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int,
    *,
    multi_label: bool = False,
) -> np.ndarray:
    """F1 of every class, or of every label: `2·TP / (2·TP + FP + FN)`.

    A class that is neither present nor predicted has no F1: it is NaN. The F1 of a
    label of a multi-label model is that of "yes".

    Args:
        labels: int array `(windows,)`. True classes, −1 without one. Multi-label: 0 or
            1 `(windows, labels)`, −1 or NaN where one is not known.
        predictions: int array or tensor `(windows,)`, or scores `(windows, classes)`;
            of two classes also `(windows, 1)`, how probable the second is. Multi-label:
            how probable "yes" is, or 0 or 1, `(windows, labels)`; or the probabilities
            of no and yes `(windows, labels, 2)`.
        num_classes: int. Classes, or labels.
        multi_label: bool. Whether any number of labels may hold at once.

    Returns:
        float array `(num_classes,)`.

    Raises:
        ValueError: if there are not as many predictions as labels, or if some of these
            are no classes.

    Example:

    >>> f1_per_class([0, 0, 1], [0, 1, 1], num_classes=2).round(3).tolist()
    [0.667, 0.667]
    >>> probable = [[0.9, 0.2], [0.8, 0.6]]
    >>> found = f1_per_class([[1, 0], [0, 1]], probable, 2, multi_label=True)
    >>> found.round(3).tolist()
    [0.667, 1.0]
    """
    if multi_label:
        labels = checked_answers(labels)
        predictions = predicted_answers(predictions)
        shape = (len(labels), num_classes)
    else:
        labels = checked_classes(labels, num_classes)
        predictions = predicted_classes(predictions, num_classes)
        shape = labels.shape
    if labels.shape != shape or predictions.shape != shape:
        raise ValueError(
            "There must be one prediction for each label. "
            f"Received: labels {labels.shape}, predictions {predictions.shape}. "
            "Predict the windows that the labels belong to."
        )
    known = labels >= 0
    if multi_label:
        hits = np.sum((labels == 1) & (predictions == 1), axis=0, dtype="float64")
        seen = np.sum(known * (labels + predictions), axis=0, dtype="float64")
    else:
        labels, predictions = labels[known], predictions[known]
        confusion = np.zeros((num_classes, num_classes))
        np.add.at(confusion, (labels, predictions), 1)
        hits = np.diag(confusion)
        seen = confusion.sum(axis=0) + confusion.sum(axis=1)
    return np.divide(2 * hits, seen, out=np.full(num_classes, np.nan), where=seen > 0)


def macro_f1(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int,
    *,
    multi_label: bool = False,
) -> float:
    """Mean F1 over the classes, or labels, that are present or predicted.

    Args:
        labels: as in `f1_per_class`.
        predictions: likewise.
        num_classes: int. Classes, or labels.
        multi_label: bool. Whether any number of labels may hold at once.

    Returns:
        float.

    Raises:
        ValueError: if there are not as many predictions as labels, or if some of these
            are no classes.

    Example:

    >>> round(macro_f1([0, 0, 1], [0, 1, 1], num_classes=2), 3)
    0.667
    """
    f1 = f1_per_class(labels, predictions, num_classes, multi_label=multi_label)
    return float(np.nanmean(f1)) if np.isfinite(f1).any() else float("nan")


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 15
) -> float:
    """Difference between a model's confidence and its accuracy, in bins.

    Windows are put into bins by the probability of the predicted class; the gaps
    between mean probability and accuracy are averaged, weighted by windows. Of several
    labels each entry counts as a window of its own.

    Args:
        labels: int array `(windows,)`. True classes, −1 without one. Multi-label: 0 or
            1 `(windows, labels)`, −1 or NaN where one is not known.
        probabilities: float array or tensor `(windows, classes)`. Multi-label: those of
            no and yes `(windows, labels, 2)`.
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
    probabilities = keras.ops.convert_to_numpy(probabilities)
    if probabilities.ndim == 3 and probabilities.shape[-1] == 2:
        labels = checked_answers(labels)
    else:
        labels = checked_classes(labels)
    if probabilities.ndim not in (2, 3) or labels.shape != probabilities.shape[:-1]:
        raise ValueError(
            "There must be probabilities (windows, classes), or (windows, labels, 2), "
            f"for each label. Received: labels {labels.shape}, probabilities "
            f"{probabilities.shape}. Predict the windows that the labels belong to."
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
        predictions: int array or tensor `(windows,)`, or scores `(windows, classes)`;
            of two classes also how probable the second is, `(windows, 1)`.
        num_classes: int, or `None` where that is not known.

    Returns:
        int64 array `(windows,)`.

    Raises:
        ValueError: if a prediction is no class.

    Example:

    >>> predicted_classes([[0.1, 0.9], [0.8, 0.2]]).tolist()
    [1, 0]
    >>> predicted_classes([[0.9], [0.2]], num_classes=2).tolist()
    [1, 0]
    """
    predictions = keras.ops.convert_to_numpy(predictions)
    if predictions.ndim == 2 and predictions.shape[1] > 1:
        predictions = predictions.argmax(axis=-1)
    if num_classes == 2 and _are_probabilities(predictions):
        predictions = predictions > 0.5
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


def predicted_answers(predictions) -> np.ndarray:
    """Which labels are predicted to hold.

    Args:
        predictions: how probable "yes" is, or 0 or 1, `(windows, labels)`; or the
            probabilities of no and yes `(windows, labels, 2)`.

    Returns:
        int64 array `(windows, labels)` of 0 and 1.

    Raises:
        ValueError: if they are no probabilities.

    Example:

    >>> predicted_answers([[0.9, 0.2]]).tolist()
    [[1, 0]]
    """
    predictions = keras.ops.convert_to_numpy(predictions)
    if predictions.ndim == 3 and predictions.shape[-1] == 2:
        return predictions.argmax(axis=-1).astype("int64")
    if predictions.ndim != 2 or not _are_probabilities(predictions):
        raise ValueError(
            "Predictions of several labels must be probabilities (windows, labels), or "
            "(windows, labels, 2) for no and yes. "
            f"Received: shape {predictions.shape}, {few(predictions.ravel())}. "
            "Put logits through keras.ops.sigmoid."
        )
    return (predictions > 0.5).astype("int64")


def _are_probabilities(values):
    if values.dtype.kind not in "biuf":
        return False
    return bool(np.all((values >= 0) & (values <= 1)))
