"""Recordings become synchronized windows, and windows become batches."""

from typing import TYPE_CHECKING

from keras_dcat.lazy import on_first_use
from keras_dcat.windows.audit import audit
from keras_dcat.windows.cutting import index_windows
from keras_dcat.windows.index import WindowIndex
from keras_dcat.windows.misalignment import misaligned, mispaired
from keras_dcat.windows.normalization import normalization_layer
from keras_dcat.windows.splits import (
    group_folds,
    leave_one_subject_out,
    split_at_random,
    split_by_session,
    split_by_subject,
    split_by_time,
)
from keras_dcat.windows.stretches import stretches
from keras_dcat.windows.window_report import WindowReport

if TYPE_CHECKING:
    from keras_dcat.windows import augmentation as augmentation
    from keras_dcat.windows.log_mel import log_mel_dataset
    from keras_dcat.windows.pipeline import pair_dataset, stream_dataset
    from keras_dcat.windows.shards import read_shards, write_shards

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
    "stretches",
    "write_shards",
]

# What works on tf.data brings TensorFlow along, and is imported on first use.
__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "augmentation": None,
        "log_mel_dataset": "log_mel",
        "pair_dataset": "pipeline",
        "read_shards": "shards",
        "stream_dataset": "pipeline",
        "write_shards": "shards",
    },
)
