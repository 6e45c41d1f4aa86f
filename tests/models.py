"""Small sources and targets that the tests train."""

import keras
import numpy as np
from keras import layers

import keras_dcat
from keras_dcat.transfer import LogitsDistillation, MaskedCrossAttentionLoss

CLASSES = 4


def branch(features, steps=20, *, softmax=False, dropout=0.0, key_dim=6, **options):
    """Convolution, batch normalization, attention, classifier."""
    inputs = keras.Input((steps, features))
    x = layers.Conv1D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = keras_dcat.AttentionKV(key_dim, **options)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(dropout, seed=1)(x)
    x = layers.Dense(CLASSES, activation="softmax" if softmax else None)(x)
    return keras.Model(inputs, x)


def windows(rng, count=32, source=(12, 5), target=(20, 3)):
    """Synchronized noise of the sizes of two branches, and labels."""
    pair = tuple(
        rng.normal(size=(count, *s)).astype("float32") for s in (source, target)
    )
    return pair, np.arange(count) % CLASSES


def pair_of_branches(**target_options):
    """A source for `(12, 5)` windows and a target for `(20, 3)` windows."""
    return branch(5, steps=12), branch(3, steps=20, **target_options)


def beliefs(**options):
    """Options of a transfer by `KᵀV` and by predictions, under a soft gate."""
    losses = [MaskedCrossAttentionLoss(), LogitsDistillation()]
    return {"gate": "soft", "loss": losses, "loss_weights": [1.0, 5.0], **options}


def snapshot(model):
    """All variables of a model, copied: weights, statistics, random seeds."""
    return [keras.ops.convert_to_numpy(v.value).copy() for v in model.variables]
