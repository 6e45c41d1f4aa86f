"""What a transfer must know of models that are quantized."""

import warnings

import keras


def kinds_of_weights(models) -> tuple:
    """What tells whether variables of models were replaced, or some were added.

    `quantize` and `enable_lora` do so, in a layer that a model around does not watch.

    Args:
        models: list of `keras.Model`.

    Returns:
        tuple with the mode of quantization and the number of weights of each layer.
    """
    layers = (layer for model in models for layer in model._flatten_layers())
    return tuple((layer.quantization_mode, len(layer.weights)) for layer in layers)


def check_trainable(target: keras.Model) -> None:
    """Says before training what of a target cannot be trained.

    Args:
        target: `keras.Model`.

    Raises:
        ValueError: if nothing of it can be.
    """
    frozen = [layer.name for layer in target._flatten_layers() if _is_frozen(layer)]
    if not target.trainable_variables:
        raise ValueError(
            "A target must have weights that can be trained. "
            f"Received: {target.name!r} with none, and {len(frozen)} quantized layers. "
            "Train it before `quantize`, set `target.trainable = True` if it was "
            "frozen, or give quantized layers others: `layer.enable_lora(rank)`."
        )
    if frozen:
        warnings.warn(
            "Quantized weights are not trained, only what is between them. "
            f"Received: a target with {len(frozen)} quantized layers, "
            f"such as {frozen[:3]}. "
            "Train it before `quantize` to train all of it.",
            stacklevel=3,
        )


def fresh_optimizer(optimizer, variables):
    """An optimizer with the same settings for other variables, as far in its steps.

    Args:
        optimizer: `keras.optimizers.Optimizer`.
        variables: list of what it is to train.

    Returns:
        `keras.optimizers.Optimizer`, built.
    """
    fresh = type(optimizer).from_config(optimizer.get_config())
    fresh.build(variables)
    fresh.iterations.assign(optimizer.iterations)
    return fresh


def _is_frozen(layer):
    """Whether Keras holds a layer's matrix in numbers that have no gradient."""
    is_integer = layer.quantization_mode not in (None, "float8")
    return is_integer and bool(layer.weights) and not getattr(layer, "lora_enabled", 0)
