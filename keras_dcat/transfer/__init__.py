"""The method: losses, gates, and the model that joins source and target."""

from keras_dcat.transfer.callbacks.early_stopping import TransferEarlyStopping
from keras_dcat.transfer.callbacks.negative_transfer import NegativeTransferGuard
from keras_dcat.transfer.callbacks.restoring import RestoreBaseline
from keras_dcat.transfer.callbacks.resuming import ResumeTraining
from keras_dcat.transfer.gating.calibration import Calibrated, calibration_temperature
from keras_dcat.transfer.gating.coverage import (
    GateCoverage,
    gate_coverage,
    transfer_mask,
)
from keras_dcat.transfer.gating.gates import (
    Confident,
    CorrectOrConfident,
    ErrorBelow,
    all_teach,
    source_confidence,
    source_correct,
)
from keras_dcat.transfer.gating.out_of_fold import out_of_fold_predictions
from keras_dcat.transfer.head import TASKS
from keras_dcat.transfer.losses.agreement_pseudo_labels import AgreementPseudoLabels
from keras_dcat.transfer.losses.cross_attention import MaskedCrossAttentionLoss
from keras_dcat.transfer.losses.cross_entropy import CrossEntropy
from keras_dcat.transfer.losses.distillation import LogitsDistillation
from keras_dcat.transfer.losses.fused_pseudo_labels import FusedPseudoLabels
from keras_dcat.transfer.losses.info_nce import AttentionInfoNCE, FeatureInfoNCE
from keras_dcat.transfer.losses.statistics import KeyValueStatistic, SourceStatistics
from keras_dcat.transfer.losses.transfer_loss import TransferLoss
from keras_dcat.transfer.model import DCATModel
from keras_dcat.transfer.models.initialization import start_from_source
from keras_dcat.transfer.on_device import OnDevice
from keras_dcat.transfer.outputs import PairOutputs, SourceOutputs
from keras_dcat.transfer.recipes import RECIPES

__all__ = [
    "AgreementPseudoLabels",
    "Calibrated",
    "Confident",
    "AttentionInfoNCE",
    "CorrectOrConfident",
    "CrossEntropy",
    "DCATModel",
    "ErrorBelow",
    "RestoreBaseline",
    "FeatureInfoNCE",
    "GateCoverage",
    "FusedPseudoLabels",
    "KeyValueStatistic",
    "LogitsDistillation",
    "MaskedCrossAttentionLoss",
    "OnDevice",
    "PairOutputs",
    "RECIPES",
    "ResumeTraining",
    "SourceOutputs",
    "SourceStatistics",
    "TASKS",
    "TransferEarlyStopping",
    "NegativeTransferGuard",
    "TransferLoss",
    "all_teach",
    "calibration_temperature",
    "gate_coverage",
    "transfer_mask",
    "out_of_fold_predictions",
    "source_confidence",
    "source_correct",
    "start_from_source",
]
