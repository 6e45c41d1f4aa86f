"""Which layers inside a layer are quantized: what most configurations leave out."""

import keras


def quantized_inside(layer: keras.layers.Layer) -> dict[str, dict]:
    """How the layers inside a layer, or a model, are quantized.

    `keras.Model.quantize` reaches every layer, but only a graph saves the
    configuration of all of its layers. A layer made of others, or a subclassed model,
    is built again without, and its weights then do not fit.

    Args:
        layer: built `keras.layers.Layer`.

    Returns:
        dict that is empty where nothing is quantized: for each layer that is, by its
        place among those inside, its `"dtype"` and its `"config"`, as JSON takes them.
    """
    return {
        str(place): {
            "dtype": keras.dtype_policies.serialize(_policy(inner)),
            "config": keras.saving.serialize_keras_object(inner.quantization_config),
        }
        for place, inner in enumerate(_inside(layer))
        if inner.quantization_mode is not None
    }


def quantize_inside(layer: keras.layers.Layer, quantized: dict[str, dict]) -> None:
    """Quantizes the layers inside a layer as others were, in place.

    Those that are not built yet will be built so. Their weights are loaded afterwards.

    Args:
        layer: `keras.layers.Layer` of the same configuration as the one before.
        quantized: what `quantized_inside` gave of that.
    """
    layers = _inside(layer)
    for place, saved in quantized.items():
        inner = layers[int(place)]
        if inner.quantization_mode is not None:
            continue
        policy = keras.dtype_policies.deserialize(saved["dtype"])
        config = keras.saving.deserialize_keras_object(saved["config"])
        if inner.built:
            inner.quantize(policy.quantization_mode, config=config)
        else:
            inner.quantization_config = config
            inner.dtype_policy = policy


def _inside(layer):
    return list(layer._flatten_layers(include_self=False))


def _policy(layer):
    policy = layer.dtype_policy
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
        return policy[layer.path]
    return policy
