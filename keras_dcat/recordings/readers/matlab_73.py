"""MAT-files of version 7.3, which are HDF5 files whose axes are reversed."""

from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.hdf5_files import check_size, elsewhere, is_own
from keras_dcat.recordings.readers.matlab_5 import MATLAB
from keras_dcat.recordings.readers.opened_files import (
    Source,
    check_numeric,
    reading,
)


class Array:
    """An array of a file: of numbers, of structures, of cells, or of something else.

    Structures and cells hold references to what is in them.

    Args:
        source: `Source`. The file, for errors.
        file: `h5py.File`.
        found: data set or group of it.

    Raises:
        ValueError: if it is damaged.
    """

    def __init__(self, source: Source, file: Any, found: Any):
        self.source, self.file, self.found = source, file, found
        self.is_group = hasattr(found, "keys")
        with reading(source, MATLAB):
            self.kind = self._kind()
            self.shape = self._shape()

    @property
    def names(self) -> list[str]:
        """The fields of a structure."""
        with reading(self.source, MATLAB):
            return _held(self.found) if self.kind == "struct" else []

    def item(self, number: int, name: str | None = None) -> "Array":
        """A cell, or a field of a structure, by its place in the order of MATLAB.

        Args:
            number: int. Which cell or structure, from 0.
            name: str. The field, for structures.

        Returns:
            `Array`.

        Raises:
            ValueError: if it is damaged.
        """
        with reading(self.source, MATLAB):
            found = self.found if name is None else self.found[name]
            if name is None or self._holds_references(found, "struct"):
                place = np.unravel_index(number, found.shape)
                found = self.file[found[place]]
        return Array(self.source, self.file, found)

    def values(self, key: str) -> np.ndarray:
        """The numbers, in the shape and the type that they have in MATLAB.

        Args:
            key: str. What it is called, for errors.

        Returns:
            array.

        Raises:
            ValueError: if they are complex, too many, or in another file.
        """
        check_numeric(self.source, key, self.found.dtype)
        is_own(self.source, self.file, self.found, key)
        check_size(self.source, self.found, is_read=True)
        with reading(self.source, MATLAB):
            values = np.transpose(self.found[()])
            return values.astype(bool) if self.kind == "logical" else values

    def _kind(self):
        """MATLAB's word for what this holds."""
        attributes = self.found.attrs
        kind = attributes.get("MATLAB_class", b"")
        kind = kind.decode() if isinstance(kind, bytes) else str(kind)
        if "MATLAB_sparse" in attributes:
            return "sparse"
        if self.is_group:
            return kind or "struct"
        if "MATLAB_empty" in attributes:  # then it holds its shape, and no values
            return f"empty {kind}" if kind in ("struct", "cell") else "empty array"
        return kind or "class unknown"

    def _shape(self):
        if not self.is_group:
            return tuple(reversed(self.found.shape or ()))
        for name in _held(self.found):
            first = self.found[name]
            if self._holds_references(first, "struct"):
                return tuple(reversed(first.shape))
            break
        return (1, 1)

    def _holds_references(self, found, kind):
        """Whether a field holds one reference for each structure of an array."""
        if hasattr(found, "keys") or "MATLAB_class" in found.attrs:
            return False
        h5py = require("h5py", extra="io")
        return h5py.check_ref_dtype(found.dtype) is h5py.Reference


def variables_of(source: Source, file: Any, wanted: set[str]) -> dict[str, Array]:
    """The variables of a file.

    Args:
        source: `Source`.
        file: `h5py.File`.
        wanted: set of str. Names that must not be links to another file.

    Returns:
        dict of `Array`.

    Raises:
        ValueError: if the file is damaged, or if what is wanted is a link.
    """
    with reading(source, MATLAB):
        foreign = sorted({*file} & wanted - {*_held(file)})
    if foreign:
        raise elsewhere(source, foreign[0])
    with reading(source, MATLAB):
        names = [name for name in _held(file) if not name.startswith("#")]
        return {name: Array(source, file, file[name]) for name in names}


def _held(group):
    """Names of what a group holds itself: a link may lead to any other file."""
    h5py = require("h5py", extra="io")
    kinds = {name: group.get(name, getlink=True) for name in group}
    return [name for name, link in kinds.items() if isinstance(link, h5py.HardLink)]
