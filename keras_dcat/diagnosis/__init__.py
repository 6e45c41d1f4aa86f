"""Will a transfer help? Before training, and during it."""

from keras_dcat.diagnosis.diagnosis import Diagnosis, diagnose
from keras_dcat.diagnosis.information import Information
from keras_dcat.diagnosis.monitor import TransferMonitor
from keras_dcat.diagnosis.predictability import Predictability

__all__ = [
    "Diagnosis",
    "Information",
    "Predictability",
    "TransferMonitor",
    "diagnose",
]
