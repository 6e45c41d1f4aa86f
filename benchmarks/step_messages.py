"""How many messages does a step of two processes wait for? Counted, on JAX.

Sums over processes in the compiled step of a `DCATModel` that two devices share. Each
batch normalization of the target agrees on its statistics, forward and backward.
"""

import json
import os
import re

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import jax
import keras
import numpy as np

import keras_dcat
from keras_dcat import encoders

CLASSES, BATCH = 12, 64
SHAPES = {"skeleton": (50, 60), "imu": (200, 9)}


def small(stream):
    """The encoder of the package, with batch normalizations."""
    return encoders.imu(SHAPES[stream], CLASSES, key_dim=32, name=stream)


def without(stream):
    """One that normalizes each window by itself."""
    inputs = keras.Input(SHAPES[stream])
    x = keras.layers.Conv1D(16, 5, activation="relu")(inputs)
    x = keras.layers.LayerNormalization()(x)
    x = keras_dcat.AttentionKV(key_dim=8)(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x), name=stream)


def messages(build):
    """Sums over devices in one step, and batch normalizations of the target."""
    model = keras_dcat.DCATModel(*map(build, SHAPES))
    pair = tuple(np.ones((BATCH, *shape), "float32") for shape in SHAPES.values())
    batch = pair, np.zeros(BATCH, "int32")
    model._symbolic_build(data_batch=batch)
    model.optimizer.build(model.trainable_variables)
    state = model._get_jax_state(
        trainable_variables=True,
        non_trainable_variables=True,
        optimizer_variables=True,
        metrics_variables=True,
    )
    distribution = keras.distribution.distribution()
    shared = keras.tree.map_structure(
        lambda x: keras.distribution.distribute_tensor(
            x, distribution.get_data_layout(x.shape)
        ),
        batch,
    )
    program = jax.jit(model.train_step).lower(state, shared).compile().as_text()
    layers = model.target._flatten_layers()
    return {
        "messages": len(re.findall(r" all-reduce(?:-start)?\(", program)),
        "batch_normalizations": sum(
            isinstance(each, keras.layers.BatchNormalization) for each in layers
        ),
    }


def main():
    """Prints one JSON object."""
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=jax.devices())
    )
    print(json.dumps({build.__name__: messages(build) for build in (small, without)}))


if __name__ == "__main__":
    main()
