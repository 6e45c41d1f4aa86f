"""A window index as `tf.data`: one gather per modality and batch."""

import numpy as np
import tensorflow as tf

from keras_dcat.constant_data import LARGEST, Constants, with_constants
from keras_dcat.typing import ArrayLike
from keras_dcat.windows.index import WindowIndex, check_windows

_AT_ONCE = 2**20  # values that are looked at together


def pair_dataset(
    index: WindowIndex,
    source: str | tuple | ArrayLike,
    target: str,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
    balance: bool = False,
    transfer_mask: np.ndarray | None = None,
    shard: tuple[int, int] | None = None,
    step_labels: int | None = None,
) -> tf.data.Dataset:
    """Batches of synchronized windows, as `DCATModel.fit` takes them.

    Args:
        index: `WindowIndex`.
        source: str. Stream of the source modality. Or arrays that take its place, with
            a row for each window: the `SourceStatistics` of this very index. Or a tuple
            with one of these for each of several sources.
        target: str. Stream of the target modality.
        batch_size: int.
        shuffle: bool. Whether windows come in a new order every epoch.
        seed: int. Makes the orders repeatable.
        balance: bool. Whether windows of rare classes are repeated until every
            class has as many as the largest. Windows without a label stay single.
            The class is the window's, whatever those of its steps.
        transfer_mask: float array `(windows,)`, or `(windows, sources)` for several.
            By how much the gate is multiplied: 0 where the source must not teach.
        shard: `(process, processes)` of a training on several machines: only that
            process's share of every batch is read. `batch_size` is that of all
            together, and windows that do not fill a last batch are left out.
        step_labels: int. How many steps the target's output has, if it says a class
            for each: labels are then those of `index.step_labels`.

    Returns:
        `tf.data.Dataset` of `({"source": (batch, steps, channels…), "target":
        …}, labels (batch,))`, where the dict also holds `"transfer_mask"` `(batch,)` if
        it was given. With `step_labels`, labels are `(batch, step_labels)`, int32.

    Raises:
        ValueError: if there is no window or no batch, if a stream is unknown, if
            arrays have not a row for each window, if processes cannot share the
            batches, or if `step_labels` is not a positive whole number.
    """
    inputs = {"source": source, "target": target}
    arrays = [a for a in tf.nest.flatten(source) if not isinstance(a, str)]
    if any(np.shape(array)[:1] != (len(index),) for array in arrays):
        raise ValueError(
            "`source` must have one row for each window, where it is arrays. "
            f"Received: shapes {[np.shape(a) for a in arrays]} for {len(index)} "
            "windows. Make it for the windows of this very index, in their order."
        )
    if transfer_mask is not None:
        transfer_mask = np.asarray(transfer_mask, "float32")
        each = (len(source),) if type(source) is tuple else ()
        if transfer_mask.shape != (len(index), *each):
            raise ValueError(
                "`transfer_mask` must be one number for each window, and source if "
                f"there are several. Received: shape {transfer_mask.shape} for "
                f"{len(index)} windows. Make it from the labels and predictions of "
                "this very index."
            )
        inputs["transfer_mask"] = transfer_mask
    return _dataset(
        index, inputs, batch_size, shuffle, seed, balance, shard, step_labels
    )


def stream_dataset(
    index: WindowIndex,
    stream: str,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
    balance: bool = False,
    shard: tuple[int, int] | None = None,
    step_labels: int | None = None,
) -> tf.data.Dataset:
    """Batches of one modality: to train a source, or to score a target.

    Args:
        index: `WindowIndex`.
        stream: str. Which modality.
        batch_size: int.
        shuffle: bool. Whether windows come in a new order every epoch.
        seed: int. Makes the orders repeatable: the same as those of
            `pair_dataset` with this seed.
        balance: bool. Whether windows of rare classes are repeated until every
            class has as many as the largest. Windows without a label stay single.
        shard: `(process, processes)`, as in `pair_dataset`.
        step_labels: int, as in `pair_dataset`.

    Returns:
        `tf.data.Dataset` of `((batch, steps, channels…), labels (batch,))`. With
        `step_labels`, labels are `(batch, step_labels)`, int32.

    Raises:
        ValueError: if there is no window or no batch, if the stream is unknown, if
            processes cannot share the batches, or if `step_labels` is not a positive
            whole number.
    """
    return _dataset(
        index, stream, batch_size, shuffle, seed, balance, shard, step_labels
    )


def _dataset(index, inputs, batch_size, shuffle, seed, balance, shard, step_labels):
    """Batches of `(inputs, labels)`, inputs being streams by name, or arrays."""
    check_windows(index)
    if batch_size < 1:
        raise ValueError(
            "`batch_size` must be at least 1. "
            f"Received: batch_size={batch_size}. Leave it at its default, 64."
        )
    names = {each for each in tf.nest.flatten(inputs) if isinstance(each, str)}
    unknown = sorted(names - set(index.samples))
    if unknown:
        raise ValueError(
            "A stream must be one of the recordings'. "
            f"Received: {unknown}. Choose from {sorted(index.samples)}."
        )
    streams = {name: _gather_of(index, name) for name in names}
    gathers = tf.nest.map_structure(
        lambda each: streams[each][0] if isinstance(each, str) else _rows_of(each),
        inputs,
    )
    arrays = [each for each in tf.nest.flatten(inputs) if not isinstance(each, str)]
    is_constant = all(is_fixed for _, is_fixed in streams.values())
    is_constant = is_constant and all(map(_stay_finite, arrays))
    all_labels = index.labels if step_labels is None else index.step_labels(step_labels)
    labels = _rows_of(all_labels)

    def gather(windows):
        windows = windows[windows >= 0]
        inputs = tf.nest.map_structure(lambda gathered: gathered(windows), gathers)
        return inputs, labels(windows)

    windows = _balanced(index.labels) if balance else np.arange(len(index))
    if shard is not None:
        _check_shard(shard, len(windows), batch_size, shuffle, seed)
    batches = _batches(windows, batch_size, shuffle, seed, shard)
    dataset = batches.map(gather, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    if not is_constant:
        return dataset
    mask = inputs.get("transfer_mask") if isinstance(inputs, dict) else None
    mask = None if mask is None else np.array(mask)
    return with_constants(dataset, Constants(np.array(all_labels), mask))


def _check_shard(shard, num_windows, batch_size, shuffle, seed):
    """That all processes make the same batches, and can share each of them."""
    process, processes = shard
    if not 0 <= process < processes or batch_size % processes:
        raise ValueError(
            "`shard` must be (process, processes), process from 0, and `batch_size` "
            f"a multiple of processes. Received: {shard=} and {batch_size=}. "
            "Give the number of this process, and the size of the whole batch."
        )
    if num_windows < batch_size or (shuffle and seed is None):
        raise ValueError(
            "Processes need a `seed` to shuffle alike, and windows for one whole "
            f"batch. Received: {seed=}, {num_windows} windows and {batch_size=}. "
            "Give all of them the same seed, or choose a smaller batch."
        )


def _batches(windows, batch_size, shuffle, seed, shard):
    """Rows of positions, in a new order every epoch; -1 fills the last row.

    One permutation an epoch costs less than a buffer that windows pass one by one.
    """
    count = -(-len(windows) // batch_size)
    if shard is not None:
        process, processes = shard
        count = len(windows) // batch_size

    def rows(order):
        if shard is not None:
            whole = tf.reshape(order[: count * batch_size], (count, batch_size))
            return tf.data.Dataset.from_tensor_slices(whole[:, process::processes])
        padding = [[0, count * batch_size - len(windows)]]
        padded = tf.pad(order, padding, constant_values=-1)
        return tf.data.Dataset.from_tensor_slices(tf.reshape(padded, (count, -1)))

    if not shuffle:
        return rows(windows)
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    shuffle_by = tf.random.experimental.stateless_shuffle
    batches = seeds.batch(2).take(1).flat_map(lambda s: rows(shuffle_by(windows, s)))
    return batches.apply(tf.data.experimental.assert_cardinality(count))


def _rows_of(array):
    """A function from positions of windows to their rows of an array."""
    if isinstance(array, np.memmap):
        return _reading(array.__getitem__, array.dtype, array.shape[1:])
    with tf.device("CPU"):
        rows = tf.constant(array)
    return lambda windows: tf.gather(rows, windows)


def _stay_finite(array):
    """Whether an array, of which a copy is made, is finite now and so for ever."""
    if isinstance(array, np.memmap) or np.asarray(array).dtype.kind not in "biuf":
        return False
    step = max(1, _AT_ONCE // max(1, np.asarray(array[:1]).size))
    parts = (array[at : at + step] for at in range(0, len(array), step))
    return all((np.abs(part) <= LARGEST).all() for part in parts)


def _gather_of(index, name):
    """A function from positions of windows to a batch of one stream.

    And whether these batches are finite, and cannot change.
    """
    samples, starts, shape = index.samples[name], index.starts[name], index.shape(name)
    if not samples.in_memory:

        def read(windows):
            return samples.gather(starts[windows])

        return _reading(read, samples.dtype, shape), False

    with tf.device("CPU"):  # the samples stay off the accelerator
        blocks, first_block, per_window = samples.packed(starts)
        is_finite = _stay_finite(blocks)
        blocks, first_block = tf.constant(blocks), tf.constant(first_block)

    def gather(windows):
        first = tf.gather(first_block, windows)
        within = tf.range(per_window, dtype=first.dtype)
        batch = tf.gather(blocks, first[:, None] + within)
        return tf.reshape(batch, (-1, *shape))

    return gather, is_finite


def _reading(read, dtype, shape):
    """A function from positions of windows to what NumPy reads for them."""

    def gather(windows):
        batch = tf.numpy_function(read, [windows], dtype, stateful=False)
        return tf.ensure_shape(batch, (None, *shape))

    return gather


def _balanced(labels):
    """Positions in which every class occurs as often as the largest.

    Windows without a label are of no class, and occur once.
    """
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    most = counts.max(initial=0)
    repeated = [np.resize(np.flatnonzero(labels == c), most) for c in classes]
    return np.sort(np.concatenate([np.flatnonzero(labels < 0), *repeated]))
