"""The method: what is aligned, who may teach, and the model that learns."""

from keras_dcat.transfer.agreement import AgreedLabels
from keras_dcat.transfer.calibration import Calibrated, calibration_temperature
from keras_dcat.transfer.contrast import ContrastiveAlignment, FeatureContrast
from keras_dcat.transfer.coverage import GateCoverage, gate_coverage, may_teach
from keras_dcat.transfer.cross_entropy import CrossEntropy
from keras_dcat.transfer.distillation import LogitsDistillation
from keras_dcat.transfer.gates import (
    Confident,
    CorrectOrSure,
    all_teach,
    source_confidence,
    source_correct,
)
from keras_dcat.transfer.guard import TransferGuard
from keras_dcat.transfer.initialization import start_from_source
from keras_dcat.transfer.losses import MaskedCrossAttentionLoss
from keras_dcat.transfer.model import DCATModel
from keras_dcat.transfer.out_of_fold import out_of_fold_predictions
from keras_dcat.transfer.outputs import PairOutputs, SourceOutputs
from keras_dcat.transfer.resuming import ResumeTraining
from keras_dcat.transfer.statistics import KeyValueStatistic, SourceStatistics
from keras_dcat.transfer.stopping import StopTransfer
from keras_dcat.transfer.transfer_loss import TransferLoss

__all__ = [
    "AgreedLabels",
    "Calibrated",
    "Confident",
    "ContrastiveAlignment",
    "CorrectOrSure",
    "CrossEntropy",
    "DCATModel",
    "FeatureContrast",
    "GateCoverage",
    "KeyValueStatistic",
    "LogitsDistillation",
    "MaskedCrossAttentionLoss",
    "PairOutputs",
    "ResumeTraining",
    "SourceOutputs",
    "SourceStatistics",
    "StopTransfer",
    "TransferGuard",
    "TransferLoss",
    "all_teach",
    "calibration_temperature",
    "gate_coverage",
    "may_teach",
    "out_of_fold_predictions",
    "source_confidence",
    "source_correct",
    "start_from_source",
]
