"""A target that starts with what its source has learned to ask and to decide."""

import keras

from keras_dcat.attention import find_attention
from keras_dcat.transfer.models.features import find_classifier


def start_from_source(
    source: keras.Model,
    target: keras.Model,
    source_attention: str | None = None,
    target_attention: str | None = None,
) -> list[str]:
    """Copies the source's query and classifier into the target, in place.

    Only the target's encoder, keys and values then start from random weights. Layers
    with other shapes stay as they are, and so do layers that are quantized in only one
    of the models, or in another way.

    Args:
        source: trained `keras.Model` with an `AttentionKV` and a classifier, which is
            found as `DCATModel` finds it: from the output back.
        target: likewise, before it is trained.
        source_attention: str. Name of the source's `AttentionKV`, if it has several.
        target_attention: str. Likewise.

    Returns:
        list of str. Which layers of the target were copied: `"query"` and
        `"classifier"`, one of them, or none.

    Raises:
        ValueError: if a model has no `AttentionKV`, or several and none is named.

    Example:

    >>> from keras_dcat import AttentionKV
    >>> def branch(features):
    ...     x = inputs = keras.Input((50, features))
    ...     x = keras.layers.Dense(16)(x)
    ...     x = AttentionKV(key_dim=8)(x)
    ...     x = keras.layers.GlobalAveragePooling1D()(x)
    ...     return keras.Model(inputs, keras.layers.Dense(5)(x))
    >>> start_from_source(branch(features=6), branch(features=3))
    ['query', 'classifier']
    """
    pairs = {
        "query": (
            find_attention(source, source_attention).query,
            find_attention(target, target_attention).query,
        ),
        "classifier": (find_classifier(source), find_classifier(target)),
    }
    copied = []
    for name, (own, other) in pairs.items():
        if own is None or other is None:
            continue
        if own.quantization_mode != other.quantization_mode:
            continue
        weights = own.get_weights()
        shapes = [w.shape for w in weights]
        if shapes == [w.shape for w in other.get_weights()]:
            other.set_weights(weights)
            copied.append(name)
    return copied
