"""The method: what is aligned, who may teach, and the model that learns."""

from keras_dcat.transfer.contrast import ContrastiveAlignment
from keras_dcat.transfer.cross_entropy import CrossEntropy
from keras_dcat.transfer.distillation import LogitsDistillation
from keras_dcat.transfer.gates import (
    CorrectOrSure,
    all_teach,
    source_confidence,
    source_correct,
)
from keras_dcat.transfer.initialization import start_from_source
from keras_dcat.transfer.losses import MaskedCrossAttentionLoss
from keras_dcat.transfer.model import DCATModel
from keras_dcat.transfer.outputs import PairOutputs, SourceOutputs

__all__ = [
    "ContrastiveAlignment",
    "CorrectOrSure",
    "CrossEntropy",
    "DCATModel",
    "LogitsDistillation",
    "MaskedCrossAttentionLoss",
    "PairOutputs",
    "SourceOutputs",
    "all_teach",
    "source_confidence",
    "source_correct",
    "start_from_source",
]
