"""Joins the models of a transfer, whose heads must fit."""

import keras

from keras_dcat.transfer.models import inspection
from keras_dcat.transfer.models.heads import find_head
from keras_dcat.transfer.models.pair import ModelPair


def joined(
    sources: tuple[keras.Model, ...],
    target: keras.Model,
    *,
    task: str | None = None,
    source_output: str | list[str] = "predictions",
    source_attention: str | list | None = None,
    target_attention: str | list[str] | None = None,
    adapt_sizes: bool = False,
) -> ModelPair:
    """The models of a transfer, of which nothing is read yet.

    Args:
        sources: tuple of `keras.Model`.
        target: `keras.Model`.
        task: as for `DCATModel`.
        source_output: likewise.
        source_attention: likewise.
        target_attention: likewise.
        adapt_sizes: likewise.

    Returns:
        `ModelPair`.

    Raises:
        ValueError: if a model is not built, if they share weights, if the heads differ,
            or if the layers that are named do not make pairs.
    """
    inspection.check_separate(sources, target)
    head = find_head(target, task)
    encodes = inspection.gives_features(source_output, len(sources))
    heads = tuple(
        None if only_encodes else find_head(each, task)
        for each, only_encodes in zip(sources, encodes, strict=True)
    )
    inspection.check_same_heads([h for h in heads if h is not None], head)
    attentions = source_attention, target_attention
    return ModelPair(sources, heads, target, head, *attentions, adapt_sizes)
