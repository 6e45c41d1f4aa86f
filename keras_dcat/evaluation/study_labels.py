"""What the models of a study predict: one of its classes, or several labels at once."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from keras_dcat.transfer.head import Head, described
from keras_dcat.transfer.models.heads import find_head


def check_labels(labels: Mapping[str, Sequence[int]] | None, classes: int):
    """Refuses labels that do not say of each class whether they hold.

    Args:
        labels: as in `Study`.
        classes: int.

    Raises:
        ValueError: if one is no 0 or 1 for each class, or if there is one only.

    Example:

    >>> check_labels({"moves": [0, 1, 1], "has load": [0, 0, 1]}, classes=3)
    """
    for name, each in (labels or {}).items():
        if len(each) != classes or not set(each) <= {0, 1}:
            raise ValueError(
                "`labels` must say of each class whether a label holds, by 0 or 1. "
                f"Received: {name!r}: {list(each)} for {classes} classes. "
                "Give a number for each of `class_names`, in their order."
            )
    if labels is not None and len(labels) < 2:
        raise ValueError(
            f"`labels` must be two or more. Received: {list(labels)}. "
            "Leave them out for one; its two values are then the classes."
        )


def answers(labels: Mapping[str, Sequence[int]]) -> np.ndarray:
    """Which labels hold of each class.

    Args:
        labels: as in `Study`.

    Returns:
        int array `(classes + 1, labels)`. The last row, that of class −1, is −1:
        nothing is known.

    Example:

    >>> answers({"moves": [0, 1, 1], "has load": [0, 0, 1]}).tolist()
    [[0, 0], [1, 0], [1, 1], [-1, -1]]
    """
    rows = np.array([list(each) for each in labels.values()]).T
    return np.concatenate([rows, np.full((1, rows.shape[1]), -1)])


def check_head(model: keras.Model, classes: int, labels: int):
    """Refuses a model of a modality that does not predict what the study asks.

    Args:
        model: `keras.Model`.
        classes: int.
        labels: int. How many labels there are; 0 if classes are predicted.

    Raises:
        ValueError: if it does not end in an output for each class, or in sigmoids.
    """
    units = model.output_shape[-1]
    head = find_head(
        model, "binary" if units == 1 else "multilabel" if labels else None
    )
    if labels:
        fitting = [Head("multilabel", labels, from_logits=False)]
        asked = f"{labels} sigmoids, one for each of `labels`"
    else:
        fitting = [Head("multiclass", classes, from_logits=head.from_logits)]
        asked = f"{classes} units, one for each class"
        if classes == 2:
            fitting.append(Head("binary", 1, from_logits=False))
            asked += ", or in one sigmoid"
    if head in fitting:
        return
    logits = " without an activation" if head.from_logits else ""
    raise ValueError(
        f"The models of this study must end in {asked}. "
        f"Received: {model.name!r}, which predicts {described(head)}{logits}. "
        "End it so, as keras.layers.Dense(1, activation='sigmoid') does for two "
        "classes; say `labels` of the study for several at once."
    )


def second_of_two(inputs, labels):
    """A batch of two classes, for one sigmoid.

    Args:
        inputs: what the model takes.
        labels: one-hot float tensor of TensorFlow `(batch, 2)`, zeros for no label.

    Returns:
        `(inputs, labels)`: whether the second class holds `(batch, 1)`, −1 for no
        label.
    """
    import tensorflow as tf

    known = tf.reduce_any(labels > 0, axis=-1, keepdims=True)
    return inputs, tf.where(known, labels[:, 1:], tf.constant(-1, labels.dtype))
