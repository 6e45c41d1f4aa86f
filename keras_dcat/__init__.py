"""Decoupled cross-attention transfer between sensor modalities."""

from importlib.metadata import version

from keras_dcat.attention import AttentionKV
from keras_dcat.diagnosis import diagnose
from keras_dcat.transfer import DCATModel, MaskedCrossAttentionLoss

__all__ = ["AttentionKV", "DCATModel", "MaskedCrossAttentionLoss", "diagnose"]

__version__ = version("keras_dcat")
