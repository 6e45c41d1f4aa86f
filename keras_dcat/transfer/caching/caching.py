"""The statistics of windows, from a source that runs over them once."""

import itertools
import operator
import os
import pathlib

import keras
import numpy as np

from keras_dcat.transfer.caching.fingerprints import (
    source_fingerprint,
    window_identities,
)
from keras_dcat.transfer.caching.records import RecordFile
from keras_dcat.transfer.losses.statistics import KeyValueStatistic, SourceStatistics
from keras_dcat.transfer.memory import SmallerBatches

DTYPES = ("float32", "float16")
_BATCHES_REMEMBERED = 64


class Batches:
    """How windows came in batches: memory does not grow with each of millions.

    Attributes:
        sizes: list of int, windows of every batch.
        identities: list for each of the first batches, of its windows' identities.
    """

    def __init__(self):
        self.sizes = []
        self.identities = []

    def add(self, identities):
        """Notes a batch."""
        self.sizes.append(len(identities))
        if len(self.identities) < _BATCHES_REMEMBERED:
            self.identities.append(identities)


def statistics_of(branch, spec, batches, count, path, dtype, verbose):
    """Runs a source over windows that come in batches, unless a file has it already.

    Args:
        branch: `Branch` of the source.
        spec: `SourceStatistics` of `KerasTensor`s, what it gives.
        batches: iterable of its windows, nested arrays `(batch, …)`.
        count: int or `None`. How many batches, if that is known.
        path: path of a file, or `None` to keep all in memory.
        dtype: `"float32"` or `"float16"`, of what is kept.
        verbose: as in Keras.

    Returns:
        `(statistics, seen)`: `SourceStatistics` of NumPy arrays, memory-mapped if
        there is a path; and the `Batches` in which windows came.

    Raises:
        ValueError: if the file is of another source or of other windows, or damaged, or
            if float16 cannot hold the statistics.
        OSError: if the file cannot be read or written. What is in it is kept, and the
            next call goes on from there.
        MemoryError: if there is no memory for a single window.
    """
    shown = _shown(batches, count, verbose)
    forward = _Forward(branch, dtype)
    if path is None:
        seen, parts = Batches(), []
        for windows in shown:
            seen.add(window_identities(windows))
            parts.append(forward.rounded(windows))
        columns = [np.concatenate(c) for c in zip(*map(_flat, parts), strict=True)]
        return keras.tree.pack_sequence_as(parts[0], columns), seen
    fields = _fields(spec, dtype)
    # Of what: a loss may ask for what another had no use for.
    contents = [name for name, *_ in fields]
    about = {**source_fingerprint(branch), "contents": contents, "dtype": dtype}
    records = RecordFile(pathlib.Path(path), about, fields)
    shown = itertools.chain([next(shown)], shown)  # if there is none, nor is a file
    try:
        with records.writing() as writer:
            found, seen = _complete(records, writer, shown, forward)
    except OSError as error:
        raise type(error)(
            error.errno,
            f"{error.strerror}. The statistics of the source could not be written; "
            "windows that are on disk already are not computed again. Free the disk, "
            "or take another `path`",
            os.fspath(path),
        ) from error
    columns = [found[name] for name, *_ in records.fields]
    return keras.tree.pack_sequence_as(spec, columns), seen


def _complete(records, writer, batches, forward):
    """Appends what is missing: all records, and the `Batches` that windows came in."""
    kept = records.read() if writer is None else writer.kept
    path = records.path if writer is None else records.part
    came, seen = Batches(), 0
    for windows in batches:
        own = window_identities(windows)
        known = kept["identity"][seen : seen + len(own)]
        for at, (found, expected) in enumerate(zip(known, own, strict=False)):
            if found.tobytes() != expected:
                reason = f"its window {seen + at} is another one"
                raise records.refused(reason, path)
        missing = slice(len(known), None)
        if own[missing]:
            if writer is None:
                reason = f"it holds {len(kept)} windows; these are more"
                raise records.refused(reason, path)
            rest = keras.tree.map_structure(operator.itemgetter(missing), windows)
            writer.append(own[missing], _flat(forward.rounded(rest)))
        came.add(own)
        seen += len(own)
    if seen < len(kept):
        reason = f"it holds {len(kept)} windows, and these are {seen}"
        raise records.refused(reason, path)
    if writer is None:
        return kept, came
    writer.complete(seen)
    return records.read(), came


class _Forward(keras.Model):
    """A source's statistics, as Keras compiles a prediction on every backend."""

    def __init__(self, branch, kept_dtype):
        super().__init__(name="source_statistics", autocast=False, dtype="float32")
        self.source = branch.model  # so that its weights are no constants
        self.branch = branch
        self.kept_dtype = kept_dtype
        self.largest = 0
        self.fitting = SmallerBatches(self.predict_on_batch)
        self.built = True

    def call(self, windows):
        return self.branch.statistics(windows)

    def rounded(self, windows):
        """`SourceStatistics` of a batch, as they are kept."""
        rows = len(keras.tree.flatten(windows)[0])
        self.largest = max(self.largest, rows)
        if rows < self.largest:
            # A last batch of another size would be compiled anew, which may take as
            # long as all windows together: its last window fills it up.
            row = np.minimum(np.arange(self.largest), rows - 1)
            windows = keras.tree.map_structure(lambda x: np.asarray(x)[row], windows)
        found = self.fitting(windows)
        kept = keras.tree.map_structure(lambda x: x[:rows], found)
        return _rounded(kept, self.kept_dtype)


def _shown(batches, count, verbose):
    """The batches, with a progress bar."""
    verbose = 1 if verbose == "auto" else verbose
    progress = keras.utils.Progbar(
        count, verbose=verbose, unit_name="batch", stateful_metrics=["source windows"]
    )
    number, windows = 0, 0
    for number, batch in enumerate(batches, start=1):
        yield batch
        windows += len(keras.tree.flatten(batch)[0])
        progress.update(number, [("source windows", windows)], finalize=False)
    if not number:
        raise ValueError(
            "There must be windows to run the source over. Received: none. "
            "Check how the data were cut and filtered."
        )
    progress.update(number, [("source windows", windows)], finalize=True)


def _rounded(statistics, dtype):
    """Statistics as they are kept: the length in float32, all else in `dtype`."""
    least = np.finfo(dtype).min  # a log-probability that says never
    with np.errstate(over="ignore"):  # what overflows is refused below
        rounded = SourceStatistics(
            keras.tree.map_structure(
                lambda x: np.maximum(x, least).astype(dtype),
                statistics.log_probabilities,
            ),
            tuple(
                KeyValueStatistic(mean.astype(dtype), length.astype("float32"))
                for mean, length in statistics.layers
            ),
            *(
                keras.tree.map_structure(lambda x: x.astype(dtype), each)
                for each in (statistics.features, statistics.values)
            ),
        )
    if not all(np.isfinite(x).all() for x in _flat(rounded)):
        raise ValueError(
            f"The statistics of the source must be finite in {dtype}. Received: values "
            "that are not. Keep them as float32, or look for NaN in the source's "
            "windows."
        )
    return rounded


def _flat(statistics):
    return keras.tree.flatten(statistics)


def _fields(spec, dtype):
    """The fields of a record, in the order of flat `SourceStatistics`."""
    kept = np.dtype(dtype).newbyteorder("<")
    fields = _field("log_probabilities", kept, spec.log_probabilities)
    for at, layer in enumerate(spec.layers):
        fields += [(f"mean_{at}", kept, layer.mean.shape[1:]), (f"length_{at}", "<f4")]
    fields += _field("features", kept, spec.features)
    return fields + _field("values", kept, spec.values)


def _field(name, dtype, spec):
    return [(name, dtype, each.shape[1:]) for each in keras.tree.flatten(spec)]
