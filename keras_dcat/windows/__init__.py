"""Recordings become synchronized windows, and windows become batches."""

import importlib

from keras_dcat.windows.audit import audit
from keras_dcat.windows.cutting import index_windows
from keras_dcat.windows.index import WindowIndex
from keras_dcat.windows.misalignment import misaligned, mispaired
from keras_dcat.windows.normalization import normalization_layer
from keras_dcat.windows.report import WindowReport
from keras_dcat.windows.splits import (
    group_folds,
    leave_one_subject_out,
    split_at_random,
    split_by_session,
    split_by_subject,
    split_by_time,
)

# What works on tf.data brings TensorFlow along, and is imported on first use.
_ON_FIRST_USE = {
    "log_mel_dataset": "log_mel",
    "pair_dataset": "pipeline",
    "read_shards": "shards",
    "stream_dataset": "pipeline",
    "write_shards": "shards",
}

__all__ = [
    "WindowIndex",
    "WindowReport",
    "audit",
    "group_folds",
    "index_windows",
    "leave_one_subject_out",
    "log_mel_dataset",
    "misaligned",
    "mispaired",
    "normalization_layer",
    "pair_dataset",
    "read_shards",
    "split_at_random",
    "split_by_session",
    "split_by_subject",
    "split_by_time",
    "stream_dataset",
    "write_shards",
]


def __getattr__(name):
    """Imports a name that needs TensorFlow."""
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_ON_FIRST_USE[name]}")
    return getattr(module, name)
