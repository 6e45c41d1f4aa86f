"""Decoupled cross-attention transfer between sensor modalities."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from keras_dcat.attention import AttentionKV
from keras_dcat.diagnosis import diagnose
from keras_dcat.lazy import on_first_use
from keras_dcat.transfer import DCATModel, MaskedCrossAttentionLoss

if TYPE_CHECKING:
    from keras_dcat import datasets as datasets
    from keras_dcat import diagnosis as diagnosis
    from keras_dcat import encoders as encoders
    from keras_dcat import evaluation as evaluation
    from keras_dcat import export as export
    from keras_dcat import metrics as metrics
    from keras_dcat import plots as plots
    from keras_dcat import recordings as recordings
    from keras_dcat import streaming as streaming
    from keras_dcat import transfer as transfer
    from keras_dcat import tuning as tuning
    from keras_dcat import windows as windows

__all__ = ["AttentionKV", "DCATModel", "MaskedCrossAttentionLoss", "diagnose"]

__version__ = version("keras_dcat")

# `keras_dcat.windows` and the like work after `import keras_dcat` alone.
_NAMESPACES = (
    "datasets",
    "diagnosis",
    "encoders",
    "evaluation",
    "export",
    "metrics",
    "plots",
    "recordings",
    "streaming",
    "transfer",
    "tuning",
    "windows",
)
__getattr__, __dir__ = on_first_use(__name__, dict.fromkeys(_NAMESPACES))
