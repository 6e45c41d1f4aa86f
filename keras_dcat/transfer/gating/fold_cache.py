"""Predictions of folds on disk, so that a run that dies goes on where it stopped."""

import os
import pathlib

import numpy as np

from keras_dcat.file_kinds import check_is_file
from keras_dcat.storage import stored_arrays, written_whole


class FoldCache:
    """One `.npz` file that holds the predictions of every fold that is done.

    Args:
        path: str or path of the file.
        fingerprint: str. Of what the predictions depend on.
        sizes: sequence of int. Windows in each fold.

    Attributes:
        done: dict from a fold to its float32 array `(windows, classes)`, or `(windows,
            labels, 2)`.

    Raises:
        ValueError: if there is a file that is not whole, or of something else.
    """

    def __init__(self, path: str | os.PathLike, fingerprint: str, sizes):
        check_is_file(path)
        self._path = pathlib.Path(path)
        self._fingerprint = fingerprint
        self.done = self._read(sizes) if self._path.exists() else {}
        # At once: a folder that cannot be written to is found out before training.
        self._write()

    def add(self, fold: int, probabilities: np.ndarray):
        """Keeps a fold, in a file that is whole or the one from before.

        Args:
            fold: int.
            probabilities: float32 array `(windows, classes)`, or `(windows, labels,
                2)`.
        """
        self.done[fold] = probabilities
        self._write()

    def _write(self):
        arrays = {_key(fold): rows for fold, rows in self.done.items()}
        with written_whole(self._path) as part, part.open("wb") as file:
            np.savez(file, fingerprint=self._fingerprint, **arrays)

    def _read(self, sizes):
        try:
            arrays = dict(stored_arrays(self._path))
            fingerprint = str(arrays.pop("fingerprint"))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise self._refused(f"it cannot be read ({error})") from error
        if fingerprint != self._fingerprint:
            raise self._refused("it was written for others")
        folds = {_key(fold): fold for fold in range(len(sizes))}
        shapes = {key: rows.shape for key, rows in arrays.items()}
        if any(
            key not in folds
            or len(shape) not in (2, 3)
            or shape[0] != sizes[folds[key]]
            for key, shape in shapes.items()
        ) or any(rows.dtype.kind != "f" for rows in arrays.values()):
            raise self._refused(f"it holds other predictions: {shapes}")
        return {folds[key]: rows for key, rows in arrays.items()}

    def _refused(self, reason):
        return ValueError(
            "`path` must be new, or hold predictions for the same inputs, labels, "
            f"groups, folds and seed. Received: {str(self._path)!r}; {reason}. "
            "Delete it, or take another path."
        )


def _key(fold):
    return f"fold_{fold}"
