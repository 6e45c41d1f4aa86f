"""A small study: streams that show the class, of which all but one are noisy."""

import dataclasses

import keras
import numpy as np
from keras import layers

from keras_dcat import AttentionKV
from keras_dcat.evaluation import Modality, Study, Training
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, split_by_subject
from keras_dcat.windows.augmentation import Scaling, TimeWarp

CLASSES = ("wave", "clap", "sit")
RATES = {"camera": 8.0, "imu": 16.0}
PAIR = ("camera", "imu")
SOURCES, TARGET = ("camera",), "imu"  # the pair as a method is given it
THREE_RATES = {**RATES, "watch": 12.0}
SEVERAL = (("camera", "watch"), "imu")


def windows(subjects=6, repetitions=3, seed=0, rates=RATES):
    """One window of a second for each class, repetition and subject."""
    rng = np.random.default_rng(seed)
    recordings = []
    for who in range(subjects):
        for label in range(len(CLASSES)):
            for repetition in range(repetitions):
                streams = {}
                for name, rate in rates.items():
                    steps = int(rate)
                    angle = 2 * np.pi * (label + 1) * np.arange(steps) / steps
                    shown = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
                    noise = 0.2 if name == "camera" else 0.6
                    values = shown + noise * rng.normal(size=shown.shape)
                    streams[name] = Stream(values.astype("float32"), rate)
                session = f"{who}-{label}-{repetition}"
                recordings.append(Recording(streams, label, f"p{who}", session))
    return index_windows(recordings, length=1.0, stride=1.0)


def modality(stream, units=3, activation=None):
    """A convolution, attention and a classifier."""

    def build(train, filters=8, dropout=0.1):
        inputs = keras.Input(train.shape(stream))
        x = layers.Conv1D(filters, 3, padding="same", activation="relu")(inputs)
        x = layers.GlobalAveragePooling1D()(AttentionKV(key_dim=4)(x))
        x = layers.Dropout(dropout)(x)
        return keras.Model(inputs, layers.Dense(units, activation)(x))

    return Modality(build, Scaling(0.1))


def study(index=None, splits=None, epochs=2, modalities=None, batch_size=36, **options):
    """The last two people are tested, or `splits`; all streams, or `modalities`.

    The 36 windows of the other four are one batch.
    """
    index = windows() if index is None else index
    people = np.unique(index.subjects).tolist()
    splits = splits or {"official": split_by_subject(index, people[-2:])}
    training = Training(
        epochs, 1, batch_size, learning_rate=0.01, together=TimeWarp(0.3)
    )
    modalities = {stream: modality(stream) for stream in modalities or index.samples}
    return Study(splits, modalities, CLASSES, training, **options)


LABELS = {"moves": (1, 1, 0), "claps": (0, 1, 0)}


def of_sigmoids(labels=None, index=None, **options):
    """The study with models that end in a sigmoid for each label, or in one."""
    index = windows() if index is None else index
    if labels is None:  # waves or not
        index = dataclasses.replace(index, labels=np.minimum(index.labels, 1))
    names = CLASSES if labels else ("wave", "other")
    own = study(index)
    modalities = {
        stream: modality(stream, len(labels or "1"), "sigmoid") for stream in RATES
    }
    return Study(own.splits, modalities, names, own.training, labels=labels, **options)


def assert_trains_otherwise(method, repetition, pair, alone):
    """That a method predicts the test, and not as the target alone; its losses."""
    probabilities, losses, *_ = method.run(repetition, *pair)
    assert probabilities.shape == (len(repetition.test), len(CLASSES))
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)
    assert np.isfinite(losses).all()
    assert np.abs(probabilities - alone).max() > 1e-4
    return losses
