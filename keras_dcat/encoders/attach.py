"""Attention that others can read, on any Keras model."""

import keras
from keras import layers

from keras_dcat.encoders.blocks import classify


def attach_attention(
    model: keras.Model,
    num_classes: int,
    layer: str | None = None,
    *,
    key_dim: int = 32,
    attention: str = "softmax",
    dropout: float = 0.4,
    name: str | None = None,
) -> keras.Model:
    """Puts `AttentionKV` and a classifier behind a layer of a model.

    The new model shares layers and weights with the one that came, which stays as it
    is; training one trains both.

    Args:
        model: `keras.Model`, Sequential or Functional, with one input.
        num_classes: int.
        layer: str. Name of the layer whose output the attention reads, of rank 3
            `(batch, time, features)` or more: `(batch, time, height, width,
            features)` become a token for each place. By default the last such one.
        key_dim: int. Size of keys and values. Source and target need the same.
        attention: `"softmax"` or `"linear"`, as in `AttentionKV`.
        dropout: float. Share of features dropped before the classifier.
        name: str. Name of the new model; the old one's and `_attention` by default.

    Returns:
        `keras.Model` from the inputs of `model` to logits `(batch, num_classes)`.

    Raises:
        ValueError: if the model has no such layer, none whose output has steps, or
            several inputs.

    Example:

    >>> body = keras.Sequential([keras.Input((50, 6)), layers.Conv1D(16, 5)])
    >>> attach_attention(body, num_classes=4, key_dim=8).output_shape
    (None, 4)
    """
    if len(model.inputs) != 1:
        raise ValueError(
            "`model` must have one input. "
            f"Received: {model.name!r} with {len(model.inputs)}. "
            "Attach attention to the branch of one modality."
        )
    outputs = {
        each.name: each.output
        for each in model.layers
        if not isinstance(each, layers.InputLayer) and _is_readable(each.output)
    }
    readable = list(outputs)
    layer = readable[-1] if layer is None and readable else layer
    if layer not in readable:
        raise ValueError(
            "`layer` must name a layer whose output is (batch, time, …, features). "
            f"Received: layer={layer!r}. Choose from {readable} of {model.name!r}."
        )
    tokens = outputs[layer]
    if len(tokens.shape) > 3:
        tokens = layers.Reshape((-1, tokens.shape[-1]))(tokens)
    logits = classify(
        tokens, None, num_classes, key_dim, attention=attention, dropout=dropout
    )
    (inputs,) = model.inputs
    return keras.Model(inputs, logits, name=name or f"{model.name}_attention")


def _is_readable(output):
    """Whether it is one tensor `(batch, time, …, features)`, its features known."""
    if not isinstance(output, keras.KerasTensor):
        return False
    return len(output.shape) >= 3 and output.shape[-1] is not None
