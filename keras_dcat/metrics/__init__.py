"""Metrics of predictions: of arrays, or batch by batch for Keras."""

from keras_dcat.metrics.events import event_counts, event_f1, segment_f1
from keras_dcat.metrics.scores import (
    expected_calibration_error,
    f1_per_class,
    macro_f1,
)
from keras_dcat.metrics.streaming import (
    ExpectedCalibrationError,
    F1PerClass,
    MacroF1,
)

__all__ = [
    "ExpectedCalibrationError",
    "F1PerClass",
    "MacroF1",
    "event_counts",
    "event_f1",
    "expected_calibration_error",
    "f1_per_class",
    "macro_f1",
    "segment_f1",
]
