"""Labels of one class per window: by number or one-hot, some without one."""

from keras import config, ops


def is_one_hot(labels, num_classes):
    """Whether labels are `(batch, classes)` rather than `(batch,)`, `(batch, 1)`.

    Args:
        labels: tensor, array or `KerasTensor`.
        num_classes: int, at least 2.

    Returns:
        bool.
    """
    return len(labels.shape) == 2 and labels.shape[-1] == num_classes


def class_indices(labels, num_classes):
    """Labels of either form as int32 `(batch,)`, −1 for windows without one.

    Args:
        labels: `(batch,)` or `(batch, 1)` with −1 for no label, or one-hot
            `(batch, classes)` with zeros for no label.
        num_classes: int, at least 2.

    Returns:
        int32 tensor `(batch,)`.

    Example:

    >>> labels = ops.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    >>> [int(x) for x in class_indices(labels, 2)]
    [1, 0, -1]
    """
    if is_one_hot(labels, num_classes):
        classes = ops.cast(ops.argmax(labels, axis=-1), "int32")
        return ops.where(ops.any(ops.not_equal(labels, 0), axis=-1), classes, -1)
    return ops.cast(ops.reshape(labels, (-1,)), "int32")


def for_classification(labels, sample_weight, num_classes):
    """Labels and weights with which windows without a label count nothing.

    Args:
        labels: as in `class_indices`.
        sample_weight: `(batch,)` or `(batch, 1)`, or `None`.
        num_classes: int, at least 2.

    Returns:
        `(labels, sample_weight)`: no label is negative any more; `(batch,)`.

    Example:

    >>> labels, weights = for_classification(ops.array([2, -1]), None, num_classes=3)
    >>> [int(x) for x in labels], [float(x) for x in weights]
    ([2, 0], [1.0, 0.0])
    """
    weights = ops.cast(class_indices(labels, num_classes) >= 0, "float32")
    if sample_weight is not None:
        own = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        weights = ops.multiply(weights, own)
    if not is_one_hot(labels, num_classes):
        labels = ops.maximum(labels, 0)
    return labels, weights


def over_labelled(weights, classes):
    """Weights with which a mean over a batch is one over its labelled windows.

    For a loss, of one batch. A metric of many batches divides by its own sum of
    weights, and would count a batch of few labels as much as one of many.

    Args:
        weights: float tensor `(batch,)`, 0 for windows without a label.
        classes: int tensor `(batch,)`, negative for windows without a label.

    Returns:
        float tensor `(batch,)`.

    Example:

    >>> weights = over_labelled(ops.array([1.0, 0.0]), ops.array([2, -1]))
    >>> [float(x) for x in weights]
    [2.0, 0.0]
    """
    share = ops.mean(ops.cast(classes >= 0, "float32"))
    return weights / ops.maximum(share, config.epsilon())
