"""The windows and models that the benchmarks of a step train on."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from keras_dcat import encoders, windows
from keras_dcat.recordings import Recording, Stream

CLASSES, BATCH, KEY_DIM = 12, 64, 32
SHAPES = {"imu": (200, 9), "skeleton": (50, 60)}  # 2 s at 100 Hz and at 25 Hz
ORDER = {"shuffle": True, "seed": 0}


def window_index(count, shapes=SHAPES):
    """At least `count` windows of noise around a mean of each class."""
    rng = np.random.default_rng(0)
    each = -(-count // CLASSES)
    recordings = []
    for label in range(CLASSES):
        streams = {}
        for name, (steps, channels) in shapes.items():
            mean = rng.normal(size=channels)
            values = rng.normal(mean, size=(steps * each, channels))
            streams[name] = Stream(values.astype("float32"), steps / 2)
        recordings.append(Recording(streams, label, label, str(label)))
    return windows.index_windows(recordings, length=2.0, stride=2.0)


def encoder(index, stream, key_dim=KEY_DIM):
    """The package's own encoder; the channels of a skeleton are to it as any others."""
    keras.utils.set_random_seed(0)
    return encoders.imu(index.shape(stream), CLASSES, key_dim=key_dim, name=stream)


def trained_source(index, stream="skeleton", key_dim=KEY_DIM):
    """A source that is right."""
    source = compiled(encoder(index, stream, key_dim))
    source.fit(windows.stream_dataset(index, stream, **ORDER), shuffle=False, verbose=0)
    return source


def compiled(model):
    """As a user compiles it."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=loss, metrics=["accuracy"])
    return model
