"""What a source says of training windows whose subject it has not seen."""

import os
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_dcat.class_labels import checked_answers, checked_labels
from keras_dcat.folds import dealt
from keras_dcat.storage import fingerprint
from keras_dcat.transfer.gating.fold_cache import FoldCache
from keras_dcat.transfer.gating.predictions import predicted_probabilities
from keras_dcat.transfer.models.heads import find_head
from keras_dcat.typing import ArrayLike


def out_of_fold_predictions(
    train: Callable,
    inputs: Any,
    labels: ArrayLike,
    groups: ArrayLike,
    *,
    folds: int = 4,
    seed: int = 0,
    path: str | os.PathLike | None = None,
    batch_size: int = 256,
    task: str | None = None,
    verbose: int = 1,
) -> np.ndarray:
    """Probabilities of training windows, each from a model without its subject.

    A source is nearly always right on its own training windows, so a gate of these
    predictions filters nothing. Here a source is trained without each fold of subjects,
    and predicts that fold. Pass the result to `transfer_mask`, `gate_coverage` or
    `calibration_temperature`. The source that teaches is trained on all subjects.

    Args:
        train: function `(inputs, labels) -> model` that builds a source anew, trains it
            on these windows, and returns it.
        inputs: the source's windows: an array, or arrays nested as its model takes
            them.
        labels: classes `(windows,)`, −1 without one, or one-hot with zeros for none.
            Windows without a label are predicted, but never trained on. With
            `task="multilabel"` 0 or 1 `(windows, labels)`, −1 or NaN where one is not
            known: some of what `train` is given may still be.
        groups: array `(windows,)`. The subject of each window: no subject is on both
            sides of a fold.
        folds: int from 2 to the number of subjects. How many sources are trained.
        seed: int. Which subjects are together, and the random numbers of each training.
        path: str or path of an `.npz` file where every fold is kept as soon as it is
            done: a run that dies goes on from there, and one that was done is read.
            What `train` does is not looked at: change the path when that changes.
        batch_size: int. Windows in a pass of the prediction.
        task: as for `DCATModel`; `"multilabel"` must be said.
        verbose: 0 for silence, 1 for a progress bar over folds.

    Returns:
        float32 array `(windows, classes)`, in the order of `inputs`; of one sigmoid the
        probabilities of no and yes, of several `(windows, labels, 2)`.

    Raises:
        ValueError: before anything is trained, if arrays differ in length, if labels
            say no class, if there are too few subjects, or if the file at `path` is
            damaged or of other data;
            after a training, if it gave no model that predicts.

    Example:

    >>> def train(inputs, labels):
    ...     layers = [keras.Input((6,)), keras.layers.Dense(2)]
    ...     model = keras.Sequential(layers)
    ...     loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ...     model.compile("adam", loss)
    ...     model.fit(inputs, labels, verbose=0)
    ...     return model
    >>> windows = np.random.default_rng(0).normal(size=(8, 6))
    >>> subjects = ["Ann", "Ann", "Ben", "Ben", "Cem", "Cem", "Dee", "Dee"]
    >>> out_of_fold_predictions(
    ...     train, windows, np.arange(8) % 2, subjects, folds=2, verbose=0
    ... ).shape
    (8, 2)
    """
    inputs = keras.tree.map_structure(_array, inputs)
    labels, groups = _array(labels), np.asarray(groups)
    _check_lengths(inputs, labels, groups)
    is_labelled = _is_labelled(labels, task)
    subjects = np.unique(groups, return_inverse=True)[1].reshape(-1)
    tested_in = dealt(subjects, folds, np.random.default_rng(seed), kind="subject")
    _check_labelled(is_labelled, tested_in, folds)
    left_out = [np.flatnonzero(tested_in == fold) for fold in range(folds)]
    cache = None
    if path is not None:
        leaves = {str(i): x for i, x in enumerate(keras.tree.flatten(inputs))}
        about = {**leaves, "labels": labels, "groups": subjects}
        sizes = [len(rows) for rows in left_out]
        settings = (folds, seed) if task is None else (folds, seed, task)
        cache = FoldCache(path, fingerprint(about, settings), sizes)
    done = {} if cache is None else dict(cache.done)
    progress = keras.utils.Progbar(folds, verbose=verbose, unit_name="fold")
    model = None
    for fold, rows in enumerate(left_out):
        if fold not in done:
            keras.utils.set_random_seed(seed + fold)
            seen = np.flatnonzero((tested_in != fold) & is_labelled)
            before, model = model, train(_rows(inputs, seen), labels[seen])
            _check_model(model, before, task)
            unseen = _rows(inputs, rows)
            found = predicted_probabilities(model, unseen, batch_size, task)
            _check_predictions(found, list(done.values()))
            done[fold] = found
            if cache is not None:
                cache.add(fold, done[fold])
        progress.update(fold + 1)
    probabilities = np.zeros((len(labels), *done[0].shape[1:]), "float32")
    for fold, rows in enumerate(left_out):
        probabilities[rows] = done[fold]
    return probabilities


def _array(values):
    # A memory map stays one.
    if isinstance(values, (np.ndarray, list, tuple)):
        return np.asanyarray(values)
    return keras.ops.convert_to_numpy(values)


def _rows(inputs, rows):
    return keras.tree.map_structure(lambda x: x[rows], inputs)


def _is_labelled(labels, task):
    """Which windows have a label, or one of several; refuses what are no labels."""
    if task == "multilabel":
        return (checked_answers(labels) >= 0).reshape(len(labels), -1).any(axis=-1)
    if labels.ndim == 2 and labels.shape[1] > 1:
        checked_labels(labels)
        return labels.any(axis=-1)
    flat = labels.reshape(len(labels))
    if flat.dtype.kind == "f":  # NaN is no answer to yes or no, as in `DCATModel`
        flat = np.where(np.isnan(flat), -1, flat)
    return checked_labels(flat) >= 0


def _check_lengths(inputs, labels, groups):
    leaves = keras.tree.flatten(inputs)
    lengths = {x.shape[:1] for x in (*leaves, labels)}
    if lengths != {groups.shape}:
        shapes = sorted({x.shape for x in leaves})
        raise ValueError(
            "There must be one label and one group for each window of every input. "
            f"Received: inputs {shapes}, labels {labels.shape}, groups "
            f"{groups.shape}. Check how the arrays were cut."
        )
    for array in leaves:
        if array.dtype.kind in "OUS":
            raise ValueError(
                "`inputs` must be arrays of numbers. "
                f"Received: dtype {array.dtype}. Pad windows to one length."
            )


def _check_labelled(is_labelled, tested_in, folds):
    counts = [int(is_labelled[tested_in != fold].sum()) for fold in range(folds)]
    if not all(counts):
        raise ValueError(
            "Every fold must leave labelled windows to train on. "
            f"Received: {counts} of them. Label windows of more subjects."
        )


def _check_model(model, before, task):
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`train` must return the trained keras.Model. "
            f"Received: {type(model).__name__}. End it with `return model`."
        )
    if model is before:
        raise ValueError(
            "`train` must build a model anew for each fold. "
            f"Received: {model.name!r} again, which has seen the windows that it is "
            "to be asked about. Build it inside of `train`."
        )
    if task is None and find_head(model).task == "multilabel":
        raise ValueError(
            "It must be said that several labels may hold at once, or labels are "
            f"taken for one-hot rows. Received: {model.name!r}, which ends in several "
            "sigmoids. Say it: out_of_fold_predictions(…, task='multilabel')."
        )


def _check_predictions(probabilities, before):
    is_by_window = probabilities.ndim == 2 or probabilities.shape[2:] == (2,)
    if not is_by_window or not np.isfinite(probabilities).all():
        raise ValueError(
            "`train` must return a classifier that gives finite (windows, classes). "
            f"Received: shape {probabilities.shape} with "
            f"{int((~np.isfinite(probabilities)).sum())} values that are not finite. "
            "Look at its loss, and lower the learning rate."
        )
    if before and probabilities.shape[1:] != before[0].shape[1:]:
        raise ValueError(
            "Every fold must predict the same classes. "
            f"Received: {probabilities.shape[1]} after {before[0].shape[1]}. "
            "Build the model with all classes, not with those of `labels`."
        )
