"""A small target with windows of people, that the tests of exports write."""

import keras
import numpy as np
from keras import layers

from keras_dcat import AttentionKV, DCATModel
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, normalization_layer, split_by_subject

NAMES = ("sit", "walk", "run")
RATES = {"camera": 8.0, "imu": 16.0}


def people(count=6, repetitions=4):
    """Windows of 1 s, in which the class is how fast a sensor turns."""
    rng = np.random.default_rng(0)
    recordings = []
    for who in range(count):
        for label in range(len(NAMES)):
            angle = {
                n: 2 * np.pi * label * np.arange(int(r)) / r for n, r in RATES.items()
            }
            for trial in range(repetitions):
                streams = {
                    name: Stream(
                        (5 + 3 * np.stack([np.sin(a), np.cos(a)], axis=-1))
                        + rng.normal(size=(len(a), 2)),
                        RATES[name],
                    )
                    for name, a in angle.items()
                }
                session = f"{who}-{label}-{trial}"
                recordings.append(Recording(streams, label, f"p{who}", session))
    return split_by_subject(index_windows(recordings, 1.0, 1.0), ["p4", "p5"])


def branch(index, stream):
    """Raw windows to logits."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(index.shape(stream))
    x = normalization_layer(index, stream)(inputs)
    x = layers.Conv1D(8, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization(momentum=0.5)(x)
    x = layers.GlobalAveragePooling1D()(AttentionKV(key_dim=4)(x))
    return keras.Model(inputs, layers.Dense(len(NAMES))(x))


def ending_in(index, units, activation):
    """A small target with another head."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(index.shape("imu"))
    x = layers.Conv1D(4, 3, activation="relu")(
        normalization_layer(index, "imu")(inputs)
    )
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(units, activation=activation)(x))


def transfer(index, epochs=0):
    """A `DCATModel` from the camera to the IMU, whose target was trained a little."""
    model = DCATModel(branch(index, "camera"), branch(index, "imu"), gate=None)
    target = model.target
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    target.compile(keras.optimizers.Adam(0.02), loss, run_eagerly=True)
    target.fit(index.gather("imu"), index.labels, epochs=epochs, verbose=0)
    return model
