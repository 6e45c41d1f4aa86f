"""Digests that tell whether a cache belongs to a source and to windows."""

import hashlib
import json

import keras
import numpy as np

from keras_dcat.storage import fingerprint

IDENTITY_BYTES = 16


def source_fingerprint(branch) -> dict[str, str]:
    """What the statistics of a source depend on, part by part.

    The names that Keras numbers its layers by do not count: the same model built later,
    or in another process, has the same fingerprint.

    Args:
        branch: `Branch`.

    Returns:
        dict from a part, in words, to its hexadecimal digest.
    """
    model = branch.model
    weights = {
        str(at): np.atleast_1d(keras.ops.convert_to_numpy(variable))
        for at, variable in enumerate(model.variables)
    }
    layers = list(model._flatten_layers())
    compared = [
        next(at for at, layer in enumerate(layers) if layer is attention)
        for attention in branch.attentions
    ]
    return {
        "weights": fingerprint(weights, ()),
        "architecture": fingerprint({}, [_architecture(model, layers)]),
        "attention layers": fingerprint({}, compared),
    }


def window_identities(windows) -> list[bytes]:
    """A digest of every window's values, as the source sees them.

    Args:
        windows: nested arrays, `(batch, …)` each.

    Returns:
        list of `IDENTITY_BYTES` bytes each.

    Example:

    >>> first, second, third = window_identities(np.array([[1.0], [1.0], [2.0]]))
    >>> first == second, first == third
    (True, False)
    """
    leaves = [
        np.ascontiguousarray(keras.ops.convert_to_numpy(leaf))
        for leaf in keras.tree.flatten(windows)
    ]
    about = repr([(leaf.dtype.str, leaf.shape[1:]) for leaf in leaves]).encode()
    identities = []
    for row in zip(*leaves, strict=True):
        digest = hashlib.blake2b(about, digest_size=IDENTITY_BYTES)
        for values in row:
            digest.update(np.ascontiguousarray(values).data)
        identities.append(digest.digest())
    return identities


def _architecture(model, layers):
    """The configuration of a model, its layers numbered instead of named."""
    try:
        config = keras.saving.serialize_keras_object(model)["config"]
    except (NotImplementedError, TypeError, ValueError):  # subclassed, and cannot say
        shapes = [tuple(v.shape) for v in model.variables]
        return repr((type(model).__qualname__, shapes, str(model.dtype_policy)))
    numbers = {layer.name: f"#{at}" for at, layer in enumerate(layers)}
    numbers[model.name] = "#"
    return json.dumps(_renamed(config, numbers), sort_keys=True, default=str)


def _renamed(config, names):
    """A configuration with other names of layers, where they occur as such."""
    if isinstance(config, dict):
        return {
            key: names.get(value, value)
            if key == "name" and isinstance(value, str)
            else _renamed(value, names)
            for key, value in config.items()
        }
    if not isinstance(config, (list, tuple)):
        return config
    if len(config) == 3 and isinstance(config[0], str):  # a layer, a node, a tensor
        return [names.get(config[0], config[0]), *config[1:]]
    return [_renamed(value, names) for value in config]
