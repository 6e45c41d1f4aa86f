"""The method: what is aligned, who may teach, and the model that learns."""

from keras_dcat.transfer.branches.initialization import start_from_source
from keras_dcat.transfer.callbacks.falling_back import FallBack
from keras_dcat.transfer.callbacks.guard import TransferGuard
from keras_dcat.transfer.callbacks.resuming import ResumeTraining
from keras_dcat.transfer.callbacks.stopping import StopTransfer
from keras_dcat.transfer.gating.calibration import Calibrated, calibration_temperature
from keras_dcat.transfer.gating.coverage import GateCoverage, gate_coverage, may_teach
from keras_dcat.transfer.gating.gates import (
    Confident,
    CorrectOrSure,
    all_teach,
    source_confidence,
    source_correct,
)
from keras_dcat.transfer.gating.out_of_fold import out_of_fold_predictions
from keras_dcat.transfer.losses.agreement import AgreedLabels
from keras_dcat.transfer.losses.base import TransferLoss
from keras_dcat.transfer.losses.contrast import ContrastiveAlignment, FeatureContrast
from keras_dcat.transfer.losses.cross_attention import MaskedCrossAttentionLoss
from keras_dcat.transfer.losses.cross_entropy import CrossEntropy
from keras_dcat.transfer.losses.distillation import LogitsDistillation
from keras_dcat.transfer.losses.joint_labels import JointLabels
from keras_dcat.transfer.losses.statistics import KeyValueStatistic, SourceStatistics
from keras_dcat.transfer.model import DCATModel
from keras_dcat.transfer.outputs import PairOutputs, SourceOutputs

__all__ = [
    "AgreedLabels",
    "Calibrated",
    "Confident",
    "ContrastiveAlignment",
    "CorrectOrSure",
    "CrossEntropy",
    "DCATModel",
    "FallBack",
    "FeatureContrast",
    "GateCoverage",
    "JointLabels",
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
