"""Windows are varied while they are read, and both sides of a pair in step."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_dcat.windows.augmentation.base import checked
from keras_dcat.windows.augmentation.retiming import Crop, Retiming, TimeWarp, retimed


def augment_windows(
    dataset: tf.data.Dataset, augmentation: Callable, seed: int | None = None
) -> tf.data.Dataset:
    """Augments windows of one modality anew in every epoch.

    Use it for a variation of your own, too: once a seed is set, as
    `keras.utils.set_random_seed` does, `Dataset.map` with `tf.random.normal` draws the
    same numbers in every pass.

    Args:
        dataset: batches `(windows, labels[, sample_weight])`, as `stream_dataset`
            makes them.
        augmentation: what varies the windows, such as `Compose((…))`; or a function
            `(windows, seed) -> windows`, for `tf.random.stateless_normal` and its kin.
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
    source: Callable | Sequence[Callable | None] | None = None,
    target: Callable | None = None,
    together: TimeWarp | Crop | None = None,
    fewest_steps: int | None = None,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Augments pairs anew in every epoch, and keeps them synchronous.

    One seed gives one sequence of variations: the first pass over a new dataset,
    the second, and so on are each the same in every run (with the same
    `tf.random.set_seed`, which counts here as it does in `Dataset.shuffle`).

    Args:
        dataset: batches `({"source": …, "target": …}, labels[, sample_weight])`.
        source: augmentation of the source, or `None`; for a tuple of sources, a
            sequence of these. Must be `None` where the `SourceStatistics` of a source
            stand in its place, which nothing varies.
        target: augmentation of the target, or `None`.
        together: `TimeWarp` or `Crop`. Both sides, and all sources, then show the
            same other moments, whatever their rates, before each is varied by itself.
        fewest_steps: int. Number of steps whose last one is the last moment that is
            shown. That of the slowest by default; the same for all pairs gives one
            stream the same windows in each of them.
        seed: int. Makes the variations repeatable.

    Returns:
        `tf.data.Dataset` of the same structure, shapes and dtypes.

    Raises:
        ValueError: if the dataset is not of pairs, if there is not an augmentation or
            `None` for each source, if one would change the time of a side alone, or
            `together` something else.

    Example:

    >>> import numpy as np
    >>> from keras_dcat.windows.augmentation import Jitter
    >>> pair = {"source": np.ones((8, 40, 60)), "target": np.ones((8, 100, 6))}
    >>> dataset = tf.data.Dataset.from_tensors((pair, np.zeros(8)))
    >>> dataset = augment_pairs(dataset, target=Jitter(0.1), together=TimeWarp(0.3))
    >>> [inputs["target"].shape for inputs, _ in dataset]
    [TensorShape([8, 100, 6])]
    """
    sources: Any = source if _are_several(source) else (source,)
    varying = [*sources, target]
    if not isinstance(together, Retiming | None) or any(map(_retimes, varying)):
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
    several, count = _are_several(inputs["source"]), len(_sides(inputs)) - 1
    if source is None:
        varying = [*[None] * count, target]
    elif several != _are_several(source) or len(varying) != count + 1:
        raise ValueError(
            "`source` must be one augmentation, or a sequence of one for each of "
            f"several sources. Received: {source=} for {count} source(s). "
            "Give as many; None where nothing is to be varied."
        )
    known = [_is_known(side) for side in _sides(inputs)]
    if any(k and own is not None for k, own in zip(known, varying, strict=True)):
        raise ValueError(
            "A source whose statistics are known cannot be varied. "
            f"Received: {source=} for pairs without windows of the source. "
            "Vary the target alone, or pairs with windows of both."
        )

    def vary(batch, seeds):
        inputs, *rest = batch
        of_source, of_target, of_time = tf.unstack(tf.reshape(seeds, (3, 2)))
        # However many sources there are, the target is varied alike.
        others = tf.unstack(tf.random.split(of_source, count - 1))
        seeds, sides = [of_source, *others, of_target], _sides(inputs)
        if together is not None:
            windows = {n: checked(sides[n]) for n in range(count + 1) if not known[n]}
            steps = fewest_steps or min(w.shape[1] for w in windows.values())
            last = (steps - 1) / steps  # the last moment that all have
            for number, values in windows.items():
                sides[number] = retimed(values, together, of_time, last)
        for number, augmentation in enumerate(varying):
            if augmentation is not None:
                values = augmentation(sides[number], seeds[number])
                sides[number] = tf.ensure_shape(values, sides[number].shape)
        *sources, varied = sides
        sources = tuple(sources) if several else sources[0]
        return ({**inputs, "source": sources, "target": varied}, *rest)

    return _with_seeds(dataset, vary, seed, count=6)


def _are_several(source):
    """Whether sources, or their augmentations, are a sequence of some."""
    return type(source) in (tuple, list)


def _sides(inputs):
    """The source, or each of several, and the target."""
    source = inputs["source"]
    return [*(source if _are_several(source) else (source,)), inputs["target"]]


def _is_known(inputs):
    """Whether there are statistics of a source instead of its windows."""
    return hasattr(inputs, "_fields")


def _with_seeds(dataset, vary, seed, count):
    """Every batch varied with numbers of its own, new in every pass."""
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True)
    batches = tf.data.Dataset.zip((dataset, seeds.batch(count, drop_remainder=True)))
    return batches.map(vary, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _retimes(augmentation):
    parts = getattr(augmentation, "augmentations", ())
    return isinstance(augmentation, Retiming) or any(map(_retimes, parts))
