"""What a source says of windows, as probabilities that can be relied on."""

import keras
import numpy as np
from keras import ops

from keras_dcat.class_labels import checked_labels
from keras_dcat.transfer.labels import class_indices
from keras_dcat.transfer.memory import fewer_windows, warn_of_smaller_batches
from keras_dcat.transfer.models.heads import gives_logits


def predicted_probabilities(model: keras.Model, inputs, batch_size: int = 256):
    """A classifier's probabilities, whether it ends in logits or in a softmax.

    Args:
        model: `keras.Model` that gives `(batch, classes)`.
        inputs: its inputs, arrays.
        batch_size: int. Smaller, if there is no memory for as many.

    Returns:
        float32 array `(windows, classes)`.

    Raises:
        MemoryError: if there is no memory for a single window.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    >>> predicted_probabilities(model, np.log([[3.0, 1.0]])).tolist()
    [[0.75, 0.25]]
    """
    outputs, size = None, batch_size
    while outputs is None:
        try:
            outputs = model.predict(inputs, batch_size=size, verbose=0)
        except Exception as error:
            size = fewer_windows(error, size)
    if size < batch_size:
        warn_of_smaller_batches(batch_size, size)
    outputs = np.asarray(outputs, "float64")
    if gives_logits(model):
        outputs = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        outputs /= outputs.sum(axis=-1, keepdims=True)
    return outputs.astype("float32")


def checked_predictions(labels, probabilities):
    """Labels and probabilities of the same windows, as arrays of one kind.

    Args:
        labels: classes `(windows,)`, −1 without one, or one-hot.
        probabilities: array or tensor `(windows, classes)`.

    Returns:
        `(labels, probabilities)`: int32 `(windows,)` and float32 `(windows, classes)`.

    Raises:
        ValueError: if they do not belong together, or are not labels and probabilities.
    """
    probabilities = ops.convert_to_numpy(probabilities)
    if probabilities.ndim != 2 or probabilities.shape[1] < 2 or not len(probabilities):
        raise ValueError(
            "`probabilities` must have shape (windows, classes), with a window and two "
            f"classes at least. Received: shape {probabilities.shape}. "
            "Give a row for each window."
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
    classes = probabilities.shape[1]
    labels = labels if isinstance(labels, np.ndarray) else ops.convert_to_numpy(labels)
    labels = checked_labels(labels, classes)
    labels = ops.convert_to_numpy(class_indices(labels, classes))
    if len(labels) != len(probabilities):
        raise ValueError(
            "There must be one row of probabilities for each label. Received: "
            f"{len(labels)} labels and {len(probabilities)} rows. "
            "Give both for the same windows, in the same order."
        )
    return labels, probabilities
