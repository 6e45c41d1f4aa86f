"""The method: what is aligned, who may teach, and the model that learns."""

from keras_dcat.transfer.cross_entropy import CrossEntropy
from keras_dcat.transfer.gates import all_teach, source_correct
from keras_dcat.transfer.losses import MaskedCrossAttentionLoss
from keras_dcat.transfer.model import DCATModel, PairOutputs

__all__ = [
    "CrossEntropy",
    "DCATModel",
    "MaskedCrossAttentionLoss",
    "PairOutputs",
    "all_teach",
    "source_correct",
]
