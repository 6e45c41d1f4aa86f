"""Keys, values and features of a target, brought to the sizes of its source."""

import keras
from keras import layers

from keras_dcat.attention import AttentionKV
from keras_dcat.transfer.models.classifiers import num_features


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
        source: the classifier whose input the source's features are.
        target: likewise.
        **kwargs: as for any layer.

    Call args:
        features: the target's `(batch, features)`.

    Returns:
        `(batch, features)`, as many as the source has.
    """

    def __init__(self, source: layers.Layer, target: layers.Layer, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        # Its own seed: no other random number is another one because of it.
        start = keras.initializers.GlorotUniform(seed=0)
        units = num_features(source)
        self.map = layers.Dense(units, kernel_initializer=start, name="map")
        self.map.build((None, num_features(target)))
        self.built = True

    def call(self, features):
        return self.map(features)


def _map(name, heads, size):
    # No bias: what is zero at padding stays zero.
    return layers.EinsumDense("bthd,hdge->btge", (None, heads, size), name=name)
