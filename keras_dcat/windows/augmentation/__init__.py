"""Augmentation of windows."""

from keras_dcat.windows.augmentation.base import Compose
from keras_dcat.windows.augmentation.images import Affine
from keras_dcat.windows.augmentation.reading import augment_pairs, augment_windows
from keras_dcat.windows.augmentation.retiming import Crop, TimeWarp
from keras_dcat.windows.augmentation.rotation import Rotation3D, RotationAboutVertical
from keras_dcat.windows.augmentation.values import (
    FrequencyMask,
    Jitter,
    Scaling,
    TimeMask,
)
from keras_dcat.windows.augmentation.voices import ColoredNoise, SpeedPerturbation

__all__ = [
    "Affine",
    "ColoredNoise",
    "Compose",
    "Crop",
    "FrequencyMask",
    "Jitter",
    "Rotation3D",
    "RotationAboutVertical",
    "Scaling",
    "SpeedPerturbation",
    "TimeMask",
    "TimeWarp",
    "augment_pairs",
    "augment_windows",
]
