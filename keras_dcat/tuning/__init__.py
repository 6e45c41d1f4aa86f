"""Search of settings with KerasTuner, which is imported on first use."""

from typing import TYPE_CHECKING

from keras_dcat.lazy import on_first_use

if TYPE_CHECKING:
    from keras_dcat.tuning.hypermodel import (
        MACRO_F1,
        DCATHyperModel,
        encoder_options,
    )

__all__ = ["MACRO_F1", "DCATHyperModel", "encoder_options"]

__getattr__, __dir__ = on_first_use(__name__, dict.fromkeys(__all__, "hypermodel"))
