"""A window index as `tf.data`: one gather per modality and batch."""

import numpy as np
import tensorflow as tf

from keras_dcat.windows.index import WindowIndex


def pair_dataset(
    index: WindowIndex,
    source: str,
    target: str,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of synchronized windows, as `DCATModel.fit` takes them.

    Args:
        index: `WindowIndex`.
        source: str. Stream of the source modality.
        target: str. Stream of the target modality.
        batch_size: int.
        shuffle: bool. Whether windows come in a new order every epoch.
        seed: int. Makes the orders repeatable.

    Returns:
        `tf.data.Dataset` of `({"source": (batch, steps, channels…), "target":
        …}, labels (batch,))`.

    Raises:
        ValueError: if a stream is unknown.
    """
    streams = {"source": source, "target": target}
    return _dataset(index, streams, batch_size, shuffle, seed)


def stream_dataset(
    index: WindowIndex,
    stream: str,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of one modality: to train a source, or to score a target.

    Args:
        index: `WindowIndex`.
        stream: str. Which modality.
        batch_size: int.
        shuffle: bool. Whether windows come in a new order every epoch.
        seed: int. Makes the orders repeatable: the same as those of
            `pair_dataset` with this seed.

    Returns:
        `tf.data.Dataset` of `((batch, steps, channels…), labels (batch,))`.

    Raises:
        ValueError: if the stream is unknown.
    """
    return _dataset(index, stream, batch_size, shuffle, seed)


def _dataset(index, streams, batch_size, shuffle, seed):
    names = set(tf.nest.flatten(streams))
    unknown = sorted(names - set(index.samples))
    if unknown:
        raise ValueError(
            "A stream must be one of the recordings'. "
            f"Received: {unknown}. Choose from {sorted(index.samples)}."
        )
    with tf.device("CPU"):  # the samples stay off the accelerator
        samples = {name: tf.constant(index.samples[name]) for name in names}
        starts = {name: tf.constant(index.starts[name]) for name in names}
        labels = tf.constant(index.labels)

    def gather(windows):
        def of_stream(name):
            first = tf.gather(starts[name], windows)
            steps = tf.range(index.steps[name], dtype=first.dtype)
            return tf.gather(samples[name], first[:, None] + steps)

        return tf.nest.map_structure(of_stream, streams), tf.gather(labels, windows)

    dataset = tf.data.Dataset.from_tensor_slices(np.arange(len(index)))
    if shuffle:
        dataset = dataset.shuffle(len(index), seed=seed)
    dataset = dataset.batch(batch_size)
    return dataset.map(gather, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
