"""Windows are varied while they are read, and both sides of a pair in step."""

from collections.abc import Callable

import tensorflow as tf

from keras_dcat.windows.augmentation.base import checked
from keras_dcat.windows.augmentation.retiming import Crop, Retiming, TimeWarp, retimed


def augment_windows(
    dataset: tf.data.Dataset, augmentation: Callable, seed: int | None = None
) -> tf.data.Dataset:
    """Varies the windows of one modality anew in every epoch.

    Args:
        dataset: batches `(windows, labels[, sample_weight])`, as `stream_dataset`
            makes them.
        augmentation: what varies the windows, such as `Compose((…))`.
        seed: int. Makes the variations repeatable, as in `augment_pairs`.

    Returns:
        `tf.data.Dataset` of the same structure, shapes and dtypes.

    Raises:
        ValueError: if the dataset is not of windows and labels.

    Example:

    >>> import numpy as np
    >>> dataset = tf.data.Dataset.from_tensors((np.ones((8, 100, 6)), np.zeros(8)))
    >>> dataset = augment_windows(dataset, TimeWarp(0.3), seed=0)
    >>> [windows.shape for windows, _ in dataset]
    [TensorShape([8, 100, 6])]
    """
    spec = dataset.element_spec
    is_tuple = isinstance(spec, tuple) and len(spec) in (2, 3)
    if not is_tuple or not isinstance(spec[0], tf.TensorSpec):
        raise ValueError(
            "Batches must be (windows, labels) or that and a sample weight. "
            f"Received: {spec}. Make them with `stream_dataset`; of pairs, use "
            "`augment_pairs`."
        )

    def vary(batch, seeds):
        windows, *rest = batch
        varied = augmentation(windows, seeds)
        return (tf.ensure_shape(varied, windows.shape), *rest)

    return _with_seeds(dataset, vary, seed, count=2)


def augment_pairs(
    dataset: tf.data.Dataset,
    *,
    source: Callable | None = None,
    target: Callable | None = None,
    together: TimeWarp | Crop | None = None,
    fewest_steps: int | None = None,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Varies the windows of pairs anew in every epoch, and keeps them synchronous.

    One seed gives one sequence of variations: the first pass over a new dataset,
    the second, and so on are each the same in every run (with the same
    `tf.random.set_seed`, which counts here as it does in `Dataset.shuffle`).

    Args:
        dataset: batches `({"source": …, "target": …}, labels[, sample_weight])`.
        source: augmentation of the source, or `None`. Must be `None` where its
            `SourceStatistics` stand in its place, which nothing varies.
        target: augmentation of the target, or `None`.
        together: `TimeWarp` or `Crop`. Both sides then show the same other
            moments, whatever their rates, before each is varied by itself.
        fewest_steps: int. Number of steps whose last one is the last moment that is
            shown. That of the slower side by default; the same for all pairs gives one
            stream the same windows in each of them.
        seed: int. Makes the variations repeatable.

    Returns:
        `tf.data.Dataset` of the same structure, shapes and dtypes.

    Raises:
        ValueError: if the dataset is not of pairs, if `source` or `target` would
            change the time of one side alone, or `together` something else.

    Example:

    >>> import numpy as np
    >>> from keras_dcat.windows.augmentation import Jitter
    >>> pair = {"source": np.ones((8, 40, 60)), "target": np.ones((8, 100, 6))}
    >>> dataset = tf.data.Dataset.from_tensors((pair, np.zeros(8)))
    >>> dataset = augment_pairs(dataset, target=Jitter(0.1), together=TimeWarp(0.3))
    >>> [inputs["target"].shape for inputs, _ in dataset]
    [TensorShape([8, 100, 6])]
    """
    own = {"source": source, "target": target}
    if not isinstance(together, Retiming | None) or any(map(_retimes, own.values())):
        raise ValueError(
            "`together`, and only it, must be a `TimeWarp` or a `Crop`. "
            f"Received: {together=}, {source=}, {target=}. "
            "Pass what changes time as `together`; call twice for two of them."
        )
    spec = dataset.element_spec
    inputs = spec[0] if isinstance(spec, tuple) and len(spec) in (2, 3) else None
    if not isinstance(inputs, dict) or not {"source", "target"} <= inputs.keys():
        raise ValueError(
            "Batches must be ({'source': …, 'target': …}, labels) or that and a "
            f"sample weight. Received: {spec}. Make them with `pair_dataset`."
        )

    if _is_known(inputs["source"]) and source is not None:
        raise ValueError(
            "A source whose statistics are known cannot be varied. "
            f"Received: {source=} for pairs without windows of the source. "
            "Vary the target alone, or pairs with windows of both."
        )

    def vary(batch, seeds):
        inputs, *rest = batch
        seeds, varied = tf.reshape(seeds, (3, 2)), dict(inputs)
        if together is not None:
            windows = {
                side: checked(inputs[side])
                for side in own
                if not _is_known(inputs[side])
            }
            steps = fewest_steps or min(w.shape[1] for w in windows.values())
            last = (steps - 1) / steps  # the last moment that both have
            for side, values in windows.items():
                varied[side] = retimed(values, together, seeds[2], last)
        for number, (side, augmentation) in enumerate(own.items()):
            if augmentation is not None:
                values = augmentation(varied[side], seeds[number])
                varied[side] = tf.ensure_shape(values, inputs[side].shape)
        return (varied, *rest)

    return _with_seeds(dataset, vary, seed, count=6)


def _is_known(inputs):
    """Whether there are statistics instead of windows: of a source, or of several."""
    if type(inputs) is tuple:
        return all(map(_is_known, inputs))
    return hasattr(inputs, "_fields")


def _with_seeds(dataset, vary, seed, count):
    """Every batch varied with numbers of its own, new in every pass."""
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    batches = tf.data.Dataset.zip((dataset, seeds.batch(count, drop_remainder=True)))
    return batches.map(vary, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _retimes(augmentation):
    parts = getattr(augmentation, "augmentations", ())
    return isinstance(augmentation, Retiming) or any(map(_retimes, parts))
