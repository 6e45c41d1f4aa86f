"""Which windows of a batch may teach: gates, as plain functions.

A gate takes the true classes `(batch,)` int32 and the source's output
`(batch, classes)`, and returns `(batch,)`: False or 0 where the source must not
teach, True or 1 where it may, anything in between to let it teach a little.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_dcat")
def source_correct(labels, source_prediction):
    """The paper's mask: only where the source is right may it teach.

    Args:
        labels: int tensor `(batch,)`. True classes.
        source_prediction: float tensor `(batch, classes)`. Logits or
            probabilities.

    Returns:
        bool tensor `(batch,)`.

    Example:

    >>> scores = ops.array([[2.0, 1.0], [2.0, 1.0]])
    >>> [bool(x) for x in source_correct(ops.array([0, 1]), scores)]
    [True, False]
    """
    predicted = ops.cast(ops.argmax(source_prediction, axis=-1), "int32")
    return ops.equal(predicted, ops.cast(labels, "int32"))


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
        gate: `"correct"`, `None` (all teach), or a function as described above.

    Returns:
        function `(labels, source_prediction) -> (batch,)`.

    Raises:
        ValueError: if `gate` is none of these.
    """
    if gate is None:
        return all_teach
    if gate == "correct":
        return source_correct
    if callable(gate):
        return gate
    raise ValueError(
        "`gate` must be 'correct', None, or a function of (labels, source_prediction). "
        f"Received: gate={gate!r}. "
        "Use 'correct' for the paper's mask, None to let every window teach."
    )
