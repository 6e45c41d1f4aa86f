"""Keys, values and features of a target, brought to the sizes of its source."""

import keras
from keras import layers

from keras_dcat.attention import AttentionKV
from keras_dcat.transfer.models import classifiers
from keras_dcat.transfer.models.inspection import input_spec


class ProjectionAdapter(keras.layers.Layer):
    """Two linear maps, trained along with the target and not part of it.

    All heads of the target are mapped to all heads of the source.

    Args:
        source: the source's `AttentionKV`.
        target: the target's.
        **kwargs: as for any layer.

    Call args:
        projections: the target's `(key, value)` or `(key, value, mask)`.

    Returns:
        the same, of the source's sizes `(batch, time, heads, dim)`.
    """

    def __init__(self, source: AttentionKV, target: AttentionKV, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.key = _map("key", source.num_heads, source.key_dim)
        self.value = _map("value", source.num_heads, source.value_dim)
        self.key.build((None, None, target.num_heads, target.key_dim))
        self.value.build((None, None, target.num_heads, target.value_dim))
        self.built = True

    def call(self, projections):
        key, value, *mask = projections
        return self.key(key), self.value(value), *mask


class FeatureAdapter(keras.layers.Layer):
    """A linear map, trained along with the target and not part of it.

    Args:
        source: int. Features of the source.
        target: int. Features of the target.
        **kwargs: as for any layer.

    Call args:
        features: the target's `(batch, features)`.

    Returns:
        `(batch, features)`, as many as the source has.
    """

    def __init__(self, source: int, target: int, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        # Its own seed: no other random number is another one because of it.
        start = keras.initializers.GlorotUniform(seed=0)
        self.map = layers.Dense(source, kernel_initializer=start, name="map")
        self.map.build((None, target))
        self.built = True

    def call(self, features):
        return self.map(features)


def num_features(branch) -> int:
    """How many features are read of a model.

    Args:
        branch: `Branch`.

    Returns:
        int.
    """
    spec = input_spec(branch.model)
    if branch.gives_features:
        return branch.model.compute_output_spec(spec, training=False).shape[-1]
    return classifiers.num_features(branch.classifier)


def _map(name, heads, size):
    # No bias: what is zero at padding stays zero.
    return layers.EinsumDense("bthd,hdge->btge", (None, heads, size), name=name)
