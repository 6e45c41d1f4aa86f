"""Several sources at once: which of them teaches a window, and by how much."""

from keras import ops

from keras_dcat.transfer.gates import source_confidence


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
    """The source that is surest of the true class teaches a window alone.

    Args:
        shares: float tensor `(sources, batch)`. By how much each may teach.
        labels: int tensor `(batch,)`. Without one, −1, the surest of any class is
            taken.
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
    sure = ops.stack(
        [source_confidence(labels, probabilities[i]) for i in range(count)]
    )
    sure = ops.where(shares > 0, sure, -1.0)
    best = ops.one_hot(ops.argmax(sure, axis=0), count, axis=0)
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


COMBINATIONS = {
    "mean": mean_of_sources,
    "best": best_source,
    "agree": agreeing_sources,
}


def get(combination):
    """The function that a combination's name stands for.

    Args:
        combination: `"mean"`, `"best"` or `"agree"`.

    Returns:
        function `(shares, labels, probabilities) -> shares`.

    Raises:
        ValueError: if there is no such combination.
    """
    if combination not in COMBINATIONS:
        raise ValueError(
            "`combination` must be the name of one. "
            f"Received: combination={combination!r}. "
            f"Choose from {tuple(COMBINATIONS)}."
        )
    return COMBINATIONS[combination]
