"""Which windows of a batch may teach: gates, as plain functions.

A gate takes the true classes `(batch,)` int32, −1 where there is no label, and the
source's probabilities `(batch, classes)` float32. It returns `(batch,)`: False or 0
where the source must not teach, True or 1 where it may, anything in between to let it
teach a little.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_dcat")
def source_correct(labels, source_probabilities):
    """The paper's mask: only where the source is right may it teach.

    It never teaches where there is no label to tell.

    Args:
        labels: int tensor `(batch,)`. True classes.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        bool tensor `(batch,)`.

    Example:

    >>> probabilities = ops.array([[0.7, 0.3], [0.7, 0.3]])
    >>> [bool(x) for x in source_correct(ops.array([0, 1]), probabilities)]
    [True, False]
    """
    return ops.equal(ops.argmax(source_probabilities, axis=-1), labels)


@keras.saving.register_keras_serializable(package="keras_dcat")
def source_confidence(labels, source_probabilities):
    """A soft mask: the surer the source is of the true class, the more it teaches.

    Without a label, the class that it believes in takes the place of the true one.

    Args:
        labels: int tensor `(batch,)`. True classes.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        float tensor `(batch,)`: the probability of that class.

    Example:

    >>> probabilities = ops.array([[0.75, 0.25], [0.75, 0.25]])
    >>> [float(x) for x in source_confidence(ops.array([0, 1]), probabilities)]
    [0.75, 0.25]
    """
    believed = ops.argmax(source_probabilities, axis=-1)
    classes = ops.where(labels < 0, believed, labels)
    chosen = ops.one_hot(classes, source_probabilities.shape[-1])
    return ops.sum(chosen * source_probabilities, axis=-1)


class _Threshold:
    """A gate with a threshold: checked, and saved with the model."""

    def __init__(self, threshold: float = 0.9):
        if not 0 <= threshold <= 1:
            raise ValueError(
                "`threshold` must be a probability from 0 to 1. "
                f"Received: threshold={threshold}. Start with 0.9."
            )
        self.threshold = threshold

    def get_config(self):
        return {"threshold": self.threshold}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="keras_dcat")
class CorrectOrConfident(_Threshold):
    """Where there is a label the source must be right; elsewhere it must be sure.

    Args:
        threshold: float from 0 to 1. How probable the class that it believes in must
            be where there is no label.

    Call args:
        labels: int tensor `(batch,)`. True classes, −1 without one.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        bool tensor `(batch,)`.

    Raises:
        ValueError: if the threshold is out of range.

    Example:

    >>> probabilities = ops.array([[0.7, 0.3], [0.7, 0.3], [0.95, 0.05]])
    >>> [bool(x) for x in CorrectOrConfident(0.9)(ops.array([1, -1, -1]), probabilities)]
    [False, False, True]
    """

    def __call__(self, labels, source_probabilities):
        sure = ops.max(source_probabilities, axis=-1) >= self.threshold
        right = source_correct(labels, source_probabilities)
        return ops.where(labels < 0, sure, right)


@keras.saving.register_keras_serializable(package="keras_dcat")
class Confident(_Threshold):
    """Only a source that is sure may teach, whether there is a label or not.

    It also teaches what it is sure of and wrong about: no label is looked at.

    Args:
        threshold: float from 0 to 1. How probable the class that it believes in must
            be.

    Call args:
        labels: int tensor `(batch,)`. Not used.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        bool tensor `(batch,)`.

    Raises:
        ValueError: if the threshold is out of range.

    Example:

    >>> probabilities = ops.array([[0.7, 0.3], [0.95, 0.05], [0.95, 0.05]])
    >>> [bool(x) for x in Confident(0.9)(ops.array([0, 1, -1]), probabilities)]
    [False, True, True]
    """

    def __call__(self, labels, source_probabilities):
        return ops.max(source_probabilities, axis=-1) >= self.threshold


@keras.saving.register_keras_serializable(package="keras_dcat")
def all_teach(labels, source_probabilities):
    """No mask: every window may teach, also those that the source gets wrong.

    Args:
        labels: int tensor `(batch,)`. Not used.
        source_probabilities: float tensor `(batch, classes)`.

    Returns:
        float tensor `(batch,)` of ones.

    Example:

    >>> ops.shape(all_teach(None, ops.zeros((3, 2))))
    (3,)
    """
    return ops.ones_like(source_probabilities[:, 0], dtype="float32")


def get(gate):
    """The gate function that `gate` stands for.

    Args:
        gate: `"correct"`, `"soft"` (the source's probability of the true class),
            `"correct_or_confident"` (`CorrectOrConfident()`), `"confident"` (`Confident()`), `None` (all
            teach), or a function as described above.

    Returns:
        function `(labels, source_probabilities) -> (batch,)`.

    Raises:
        ValueError: if `gate` is none of these.
    """
    if gate is None:
        return all_teach
    if gate == "correct":
        return source_correct
    if gate == "soft":
        return source_confidence
    if gate == "correct_or_confident":
        return CorrectOrConfident()
    if gate == "confident":
        return Confident()
    if callable(gate):
        return gate
    raise ValueError(
        "`gate` must be 'correct', 'soft', 'correct_or_confident', 'confident', None, or a function "
        "of (labels, source_probabilities). "
        f"Received: gate={gate!r}. "
        "Use 'correct' for the paper's mask, None to let every window teach."
    )
