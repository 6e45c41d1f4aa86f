"""Recordings become synchronized windows, and windows become batches."""

from keras_dcat.windows.cutting import index_windows
from keras_dcat.windows.index import WindowIndex
from keras_dcat.windows.normalization import normalization_layer
from keras_dcat.windows.report import WindowReport
from keras_dcat.windows.splits import split_by_subject

__all__ = [
    "WindowIndex",
    "WindowReport",
    "index_windows",
    "normalization_layer",
    "pair_dataset",
    "split_by_subject",
    "stream_dataset",
]


def __getattr__(name):
    """Imports the pipeline, and TensorFlow with it, on first use."""
    if name not in ("pair_dataset", "stream_dataset"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_dcat.windows import pipeline

    return getattr(pipeline, name)
