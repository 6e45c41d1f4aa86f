"""Which windows of a batch may teach: gates, as plain functions.

A gate takes the true classes `(batch,)` int32 and the source's probabilities
`(batch, classes)` float32, and returns `(batch,)`: False or 0 where the source must not
teach, True or 1 where it may, anything in between to let it teach a little.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_dcat")
def source_correct(labels, source_prediction):
    """The paper's mask: only where the source is right may it teach.

    Args:
        labels: int tensor `(batch,)`. True classes.
        source_prediction: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        bool tensor `(batch,)`.

    Example:

    >>> probabilities = ops.array([[0.7, 0.3], [0.7, 0.3]])
    >>> [bool(x) for x in source_correct(ops.array([0, 1]), probabilities)]
    [True, False]
    """
    predicted = ops.cast(ops.argmax(source_prediction, axis=-1), "int32")
    return ops.equal(predicted, ops.cast(labels, "int32"))


@keras.saving.register_keras_serializable(package="keras_dcat")
def source_confidence(labels, source_prediction):
    """A soft mask: the surer the source is of the true class, the more it teaches.

    Args:
        labels: int tensor `(batch,)`. True classes.
        source_prediction: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        float tensor `(batch,)`: the probability of the true class.

    Example:

    >>> probabilities = ops.array([[0.75, 0.25], [0.75, 0.25]])
    >>> [float(x) for x in source_confidence(ops.array([0, 1]), probabilities)]
    [0.75, 0.25]
    """
    true_class = ops.one_hot(labels, source_prediction.shape[-1])
    return ops.sum(true_class * source_prediction, axis=-1)


@keras.saving.register_keras_serializable(package="keras_dcat")
def all_teach(labels, source_prediction):
    """No mask: every window may teach, also those that the source gets wrong.

    Args:
        labels: int tensor `(batch,)`. Not used.
        source_prediction: float tensor `(batch, classes)`.

    Returns:
        float tensor `(batch,)` of ones.

    Example:

    >>> ops.shape(all_teach(None, ops.zeros((3, 2))))
    (3,)
    """
    return ops.ones_like(source_prediction[:, 0], dtype="float32")


def get(gate):
    """The gate function that `gate` stands for.

    Args:
        gate: `"correct"`, `"soft"` (the source's probability of the true class),
            `None` (all teach), or a function as described above.

    Returns:
        function `(labels, source_prediction) -> (batch,)`.

    Raises:
        ValueError: if `gate` is none of these.
    """
    if gate is None:
        return all_teach
    if gate == "correct":
        return source_correct
    if gate == "soft":
        return source_confidence
    if callable(gate):
        return gate
    raise ValueError(
        "`gate` must be 'correct', 'soft', None, or a function of "
        "(labels, source_prediction). "
        f"Received: gate={gate!r}. "
        "Use 'correct' for the paper's mask, None to let every window teach."
    )
