"""What a source says of windows, as probabilities that can be relied on."""

import keras
import numpy as np
from keras import ops

from keras_dcat.class_labels import checked_answers, checked_labels
from keras_dcat.transfer.head import Head, described
from keras_dcat.transfer.labels import class_indices
from keras_dcat.transfer.memory import fewer_windows, warn_of_smaller_batches
from keras_dcat.transfer.models.heads import find_head


def predicted_probabilities(
    model: keras.Model, inputs, batch_size: int = 256, task: str | None = None
):
    """A classifier's probabilities, whether it ends in logits, a softmax or sigmoids.

    The last axis is that of the classes: one sigmoid unit has two, no and yes, and so
    has each label of several.

    Args:
        model: `keras.Model` that gives `(batch, units)`.
        inputs: its inputs, arrays.
        batch_size: int. Smaller, if there is no memory for as many.
        task: as for `DCATModel`, where only you can know.

    Returns:
        float32 array `(windows, classes)`; `(windows, labels, 2)` of several labels.

    Raises:
        ValueError: if the model predicts values, not classes, or if only `task` can
            tell.
        MemoryError: if there is no memory for a single window.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    >>> predicted_probabilities(model, np.log([[3.0, 1.0]])).tolist()
    [[0.75, 0.25]]
    """
    head = find_head(model, task)
    outputs, size = None, batch_size
    while outputs is None:
        try:
            outputs = model.predict(inputs, batch_size=size, verbose=0)
        except Exception as error:
            size = fewer_windows(error, size)
    if size < batch_size:
        warn_of_smaller_batches(batch_size, size)
    return class_probabilities(head, outputs)


def class_probabilities(head: Head, outputs) -> np.ndarray:
    """Outputs of a model as probabilities of classes.

    Args:
        head: `Head` of the model.
        outputs: array or tensor `(windows, …)`, what it predicts.

    Returns:
        float32 array `(windows, classes)`; `(windows, labels, 2)` of several labels.

    Raises:
        ValueError: if they are values, not classes.

    Example:

    >>> fall = Head("binary", 1, from_logits=False)
    >>> class_probabilities(fall, np.array([[0.25]])).tolist()
    [[0.75, 0.25]]
    """
    if not head.has_beliefs:
        raise ValueError(
            "Probabilities are of classes. "
            f"Received: a model of {described(head)}. "
            "Compare its values with the labels, as `gate=ErrorBelow(…)` does."
        )
    outputs = ops.convert_to_numpy(outputs).astype("float64")
    if head.task == "multiclass":
        if head.from_logits:
            outputs = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
            outputs /= outputs.sum(axis=-1, keepdims=True)
        return outputs.astype("float32")
    believed = head.log_probabilities(ops.convert_to_tensor(outputs, "float32"))
    return ops.convert_to_numpy(ops.exp(believed))


def checked_predictions(labels, probabilities):
    """Labels and probabilities of the same windows, as arrays of one kind.

    Args:
        labels: classes `(windows,)`, −1 without one, or one-hot; multi-label 0 or 1
            `(windows, labels)`, −1 or NaN without one.
        probabilities: array or tensor `(windows, classes)`; multi-label
            `(windows, labels, 2)`.

    Returns:
        `(labels, probabilities)`: int32 `(windows,)` and float32 `(windows, classes)`;
        multi-label `(windows, labels)` and `(windows, labels, 2)`.

    Raises:
        ValueError: if they do not belong together, or are not labels and probabilities.
    """
    probabilities = ops.convert_to_numpy(probabilities)
    shape = probabilities.shape
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] == 2)
    if not fits or shape[-1] < 2 or not probabilities.size:
        raise ValueError(
            "`probabilities` must have shape (windows, classes), with a window and two "
            "classes at least, or (windows, labels, 2) for no and yes of each label. "
            f"Received: shape {shape}. Give a row for each window, as "
            "`out_of_fold_predictions` does; of one sigmoid p, [1 - p, p]."
        )
    probabilities = probabilities.astype("float32")
    sums = probabilities.sum(axis=-1)
    # float16 rounds rows of many classes to 1 ± some thousandths. NaN is refused, too.
    if not (np.all(probabilities >= 0) and np.all(np.abs(sums - 1) < 1e-2)):
        raise ValueError(
            "`probabilities` must not be negative, and add up to 1 in each row. "
            f"Received: values from {probabilities.min()} to {probabilities.max()} and "
            f"sums from {sums.min()} to {sums.max()}. "
            "Put logits through keras.ops.softmax."
        )
    labels = labels if isinstance(labels, np.ndarray) else ops.convert_to_numpy(labels)
    labels = _classes(labels, shape).astype("int32")
    if labels.shape != shape[:-1]:
        raise ValueError(
            "There must be one row of probabilities for each label. Received: "
            f"{_size(labels)} and {_size(probabilities[..., 0], 'rows')}. "
            "Give both for the same windows, in the same order."
        )
    return labels, probabilities


def _classes(labels, shape):
    """The class of each window, or of each of its labels; −1 without one."""
    if len(shape) == 3:
        return checked_answers(labels)
    # NaN is no answer to yes or no, as in `DCATModel`.
    is_flat = labels.ndim == 1 or labels.shape[1:] == (1,)
    if shape[1] == 2 and is_flat and labels.dtype.kind == "f":
        labels = np.where(np.isnan(labels), -1, labels)
    labels = checked_labels(labels, shape[1])
    return ops.convert_to_numpy(class_indices(labels, shape[1]))


def _size(array, of="labels"):
    windows = len(array)
    return f"{windows} {of}" if array.ndim == 1 else f"{array.shape} {of}"
