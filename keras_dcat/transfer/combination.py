"""Several sources at once: what they believe, which teaches a window, how much."""

from collections.abc import Callable
from typing import NamedTuple

from keras import ops

from keras_dcat.transfer.gating.gates import source_confidence


def mean_of_sources(shares, labels, probabilities):
    """All sources that may teach a window teach it alike.

    Args:
        shares: float tensor `(sources, batch)`. By how much each may teach.
        labels: int tensor `(batch,)`, −1 where there is none. Not used.
        probabilities: float tensor `(sources, batch, classes)`. Not used.

    Returns:
        float tensor `(sources, batch)`. A source given twice counts as once.

    Example:

    >>> shares = ops.array([[1.0, 1.0], [1.0, 0.0]])
    >>> ops.convert_to_numpy(mean_of_sources(shares, None, None)).tolist()
    [[0.5, 1.0], [0.5, 0.0]]
    """
    teaching = ops.sum(ops.cast(shares > 0, shares.dtype), axis=0)
    return shares / ops.maximum(teaching, 1)


def best_source(shares, labels, probabilities):
    """The source that is most confident of the true class teaches a window alone.

    Args:
        shares: float tensor `(sources, batch)`. By how much each may teach.
        labels: int tensor `(batch,)`. Without one, −1, the source most confident of any
            class is taken.
        probabilities: float tensor `(sources, batch, classes)`.

    Returns:
        float tensor `(sources, batch)`.

    Example:

    >>> shares, labels = ops.ones((2, 1)), ops.array([0])
    >>> probabilities = ops.array([[[0.6, 0.4]], [[0.9, 0.1]]])
    >>> ops.convert_to_numpy(best_source(shares, labels, probabilities)).tolist()
    [[0.0], [1.0]]
    """
    count = probabilities.shape[0]
    confidence = ops.stack(
        [source_confidence(labels, probabilities[i]) for i in range(count)]
    )
    confidence = ops.where(shares > 0, confidence, -1.0)
    best = ops.one_hot(ops.argmax(confidence, axis=0), count, axis=0)
    return shares * ops.cast(best, shares.dtype)


def agreeing_sources(shares, labels, probabilities):
    """Windows are taught where all sources that may teach believe the same.

    Args:
        shares: float tensor `(sources, batch)`. By how much each may teach.
        labels: int tensor `(batch,)`. Not used.
        probabilities: float tensor `(sources, batch, classes)`.

    Returns:
        float tensor `(sources, batch)`.

    Example:

    >>> probabilities = ops.array([[[0.6, 0.4]], [[0.1, 0.9]]])
    >>> shares = agreeing_sources(ops.ones((2, 1)), None, probabilities)
    >>> ops.convert_to_numpy(shares).tolist()
    [[0.0], [0.0]]
    """
    classes = probabilities.shape[-1]
    believed = ops.one_hot(ops.argmax(probabilities, axis=-1), classes)
    teaching = ops.cast(shares > 0, believed.dtype)
    votes = ops.sum(believed * teaching[..., None], axis=0)
    agreed = ops.max(votes, axis=-1) >= ops.sum(teaching, axis=0)
    shares = mean_of_sources(shares, labels, probabilities)
    return shares * ops.cast(agreed, shares.dtype)


def product_of_experts(log_probabilities, transfer_mask):
    """What the sources believe together: the product of their probabilities.

    Right if their errors are independent, given the class, and classes are as frequent
    as in their training.

    Args:
        log_probabilities: float tensor `(sources, batch, classes)`.
        transfer_mask: float tensor `(sources, batch)`. A source that is not there, 0,
            has no say.

    Returns:
        float tensor `(sources, batch, classes)`, the same for each source.

    Example:

    >>> beliefs = ops.log(ops.array([[[0.6, 0.4]], [[0.9, 0.1]]]))
    >>> product = ops.exp(product_of_experts(beliefs, ops.ones((2, 1))))
    >>> [round(float(p), 3) for p in product[0, 0]]  # 0.54 to 0.04
    [0.931, 0.069]

    Reference:
        Hinton, 2002, [Training products of
        experts](https://doi.org/10.1162/089976602760128018).
    """
    has_say = (transfer_mask > 0)[..., None]
    said = ops.where(has_say, log_probabilities, ops.zeros_like(log_probabilities))
    product = ops.log_softmax(ops.sum(said, axis=0), axis=-1)
    return ops.broadcast_to(product, ops.shape(log_probabilities))


def own_belief(log_probabilities, transfer_mask):
    """Every source believes what it believes."""
    return log_probabilities


class Combination(NamedTuple):
    """How several sources teach one target.

    Attributes:
        belief: function `(log_probabilities, transfer_mask) -> log_probabilities`, what
            each source is taken to believe, before the gate sees it.
        shares: function `(shares, labels, probabilities) -> shares`, by how much each
            teaches, of what the gate lets through.
    """

    belief: Callable
    shares: Callable


COMBINATIONS = {
    "mean": Combination(own_belief, mean_of_sources),
    "best": Combination(own_belief, best_source),
    "agree": Combination(own_belief, agreeing_sources),
    "product": Combination(product_of_experts, mean_of_sources),
}


def get(combination, all_predict=True):
    """The combination that a name stands for.

    Args:
        combination: `"mean"`, `"best"`, `"agree"` or `"product"`.
        all_predict: bool. Whether all sources say how probable classes are.

    Returns:
        `Combination`.

    Raises:
        ValueError: if there is no such combination, or none of these sources.
    """
    if combination not in COMBINATIONS:
        raise ValueError(
            "`combination` must be the name of one. "
            f"Received: combination={combination!r}. "
            f"Choose from {tuple(COMBINATIONS)}."
        )
    if combination != "mean" and not all_predict:
        raise ValueError(
            "Sources are compared by the probabilities of classes that they give. "
            f"Received: combination={combination!r}, and a source that gives features "
            "or values. Choose 'mean'."
        )
    return COMBINATIONS[combination]
