"""Pairs whose source is replaced by its statistics: arrays, or a `tf.data.Dataset`."""

import sys

import keras
import numpy as np

from keras_dcat.constant_data import constants_of, with_constants
from keras_dcat.transfer.caching.caching import DTYPES, statistics_of
from keras_dcat.transfer.caching.fingerprints import window_identities


def cache_source(pair, batch_format, data, path, dtype, batch_size, verbose):
    """`DCATModel.cache_source`, without the model.

    Args:
        pair: `ModelPair`.
        batch_format: `BatchFormat`.
        data: as in `DCATModel.cache_source`.
        path: likewise.
        dtype: likewise.
        batch_size: likewise.
        verbose: likewise.

    Returns:
        as `DCATModel.cache_source`.
    """
    if dtype not in DTYPES:
        raise ValueError(
            f"`dtype` must be one of {DTYPES}. Received: dtype={dtype!r}. "
            "Use 'float16' for half the size, 'float32' for live values to 1e-5."
        )
    several = batch_format.num_sources is not None
    specs = batch_format.statistics_spec
    specs = list(specs) if several else [specs]

    def each_source(batches_of):
        """Statistics by source, and for each the batches its windows came in."""
        found = []
        for at, (branch, spec) in enumerate(zip(pair.sources, specs, strict=True)):
            batches, count = batches_of(at if several else None)
            own = f"{path}.{at}" if several and path is not None else path
            found.append(
                statistics_of(branch, spec, batches, count, own, dtype, verbose)
            )
        statistics, seen = zip(*found, strict=True)
        return statistics if several else statistics[0], seen

    tf = sys.modules.get("tensorflow")
    if tf is not None and isinstance(data, tf.data.Dataset):
        return _of_dataset(tf, data, batch_format, each_source, path)
    return _of_arrays(data, batch_format, each_source, batch_size)


def _of_arrays(data, batch_format, each_source, batch_size):
    windows, is_pair = batch_format.source_of(data)
    rows = len(keras.tree.flatten(windows)[0])

    def batches_of(at):
        own = windows if at is None else windows[at]
        starts = range(0, rows, batch_size)
        batches = (
            keras.tree.map_structure(lambda x, s=s: x[s : s + batch_size], own)
            for s in starts
        )
        return batches, len(starts)

    statistics, _ = each_source(batches_of)
    return _replaced(data, statistics) if is_pair else statistics


def _of_dataset(tf, dataset, batch_format, each_source, path):
    spec = dataset.element_spec
    has_labels = isinstance(spec, tuple)
    _, is_pair = batch_format.source_of(spec[0] if has_labels else spec)
    count = int(dataset.cardinality())
    if count == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "A dataset must end, so that all of it can be cached. "
            "Received: one that goes on for ever. Cache before you repeat it."
        )

    def batches_of(at):
        def windows_of(*batch):
            windows, _ = batch_format.source_of(batch[0])
            return windows if at is None else windows[at]

        windows = dataset.map(windows_of)
        batches = (keras.tree.map_structure(_as_array, b) for b in windows)
        return batches, count if count >= 0 else None

    statistics, seen = each_source(batches_of)
    if not is_pair:
        return statistics
    for at, own in enumerate(seen):
        again, _ = batches_of(at if len(seen) > 1 else None)
        _check_same_order(again, own.identities)
    sizes = np.array(seen[0].sizes)
    rows = tf.data.Dataset.from_tensor_slices((np.cumsum(sizes) - sizes, sizes))
    known = rows.map(lambda start, size: _rows_of(tf, statistics, start, size))

    def join(batch, statistics):
        if not has_labels:
            return _replaced(batch, statistics)
        inputs, *rest = batch
        return (_replaced(inputs, statistics), *rest)

    joined = tf.data.Dataset.zip((dataset, known)).map(join, tf.data.AUTOTUNE)
    # What is kept in memory is finite, and nobody else has it.
    return with_constants(joined, constants_of(dataset) if path is None else None)


def _check_same_order(batches, identities):
    """That windows of the source come as they came when they were cached."""
    for expected, windows in zip(identities, batches, strict=False):
        if window_identities(windows) != expected:
            raise ValueError(
                "The windows of the source must be the same in every pass over a "
                "dataset, and in the same order. Received: other windows in the second "
                "pass than in the first. Cache before you shuffle the windows or vary "
                "them at random; the target's may be varied afterwards."
            )


def _rows_of(tf, statistics, start, size):
    """Rows of arrays that may be memory-mapped, as tensors."""
    columns = keras.tree.flatten(statistics)

    def read(start, size):
        return [np.array(column[start : start + size]) for column in columns]

    rows = tf.numpy_function(read, [start, size], [c.dtype for c in columns], False)
    for row, column in zip(rows, columns, strict=True):
        row.set_shape((None, *column.shape[1:]))
    return keras.tree.pack_sequence_as(statistics, rows)


def _replaced(pair, statistics):
    if isinstance(pair, dict):
        return {**pair, "source": statistics}
    return (statistics, pair[1])


def _as_array(tensor):
    return tensor.numpy()
