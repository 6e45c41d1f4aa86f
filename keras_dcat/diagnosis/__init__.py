"""Will it help? Asked before hours are spent."""

from keras_dcat.diagnosis.diagnosis import Diagnosis, diagnose
from keras_dcat.diagnosis.information import Information
from keras_dcat.diagnosis.predictability import Predictability

__all__ = ["Diagnosis", "Information", "Predictability", "diagnose"]
