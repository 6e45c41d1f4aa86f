"""MAT-files to version 7.2, taken apart without believing what they say.

SciPy ends the process where the values of an array are said to be of a type that
there is not, inflates whatever is there, and reads structures whole. The format is
MathWorks' "MAT-File Format".
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_dcat.recordings.readers.opened_files import (
    Source,
    check_names,
    check_numeric,
    check_unpacked,
    reading,
    unreadable,
)
from keras_dcat.storage import is_bomb

MATLAB = "a MAT-file of version 5 or later"

_MATRIX, _COMPRESSED = 14, 15  # types of elements at the top
_TYPES = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4"},
    **{9: "f8", 12: "i8", 13: "u8"},
}
_CLASSES = {
    **{1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse"},
    **{6: "double", 7: "single", 8: "int8", 9: "uint8", 10: "int16", 11: "uint16"},
    **{12: "int32", 13: "uint32", 14: "int64", 15: "uint64"},
    **{16: "function_handle", 17: "opaque"},
}
NUMBERS = {
    **{"double": "float64", "single": "float32", "logical": "bool"},
    **{name: name for name in _CLASSES.values() if "int" in name},
}
_COMPLEX, _LOGICAL = 1 << 11, 1 << 9  # flags beside the class
_HEAD = 2**16  # bytes within which a variable has said what it is


class Array:
    """An array of a file: of numbers, of structures, of cells, or of something else.

    Args:
        source: `Source`. The file, for errors.
        data: bytes that the array is in.
        begin: int. Where it begins in them, behind its tag.
        end: int. Where it ends.
        order: str. `"<"` or `">"`.

    Raises:
        ValueError: if it is damaged.
    """

    def __init__(self, source, data, begin, end, order):
        self.source, self.data, self.end, self.order = source, data, end, order
        self.is_complex, self.shape, self.name = False, (0, 0), ""
        self.kind, self._at = "double", end
        if begin == end:  # what MATLAB writes for an empty array inside of others
            return
        with reading(source, MATLAB):
            _, flags, at = self._element(begin)
            (flags,) = struct.unpack_from(f"{order}I", flags)
            self.kind = _CLASSES.get(flags & 0xFF, f"class {flags & 0xFF}")
            self.is_complex = bool(flags & _COMPLEX)
            if self.kind == "opaque":  # as tables, text in quotes, and dates are
                self.kind = self._of_object(at)
                return
            _, shape, at = self._element(at)
            self.shape = struct.unpack(f"{order}{len(shape) // 4}i", shape)
            if len(self.shape) < 2 or min(self.shape) < 0:
                raise ValueError(f"an array of shape {self.shape}")
            _, name, self._at = self._element(at)
            self.name = name.decode("utf-8", "replace")
        if flags & _LOGICAL and self.kind in NUMBERS:
            self.kind = "logical"

    @property
    def names(self) -> list[str]:
        """The fields of a structure."""
        return self._fields()[0] if self.kind == "struct" else []

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
        if self.kind == "struct":
            names, at = self._fields()
            number = number * len(names) + names.index(name)
        else:
            at = self._at
        for place, (begin, end) in enumerate(self._matrices(at)):
            if place == number:
                return Array(self.source, self.data, begin, end, self.order)
        raise unreadable(self.source, MATLAB, "it has fewer cells than it says")

    def values(self, key: str) -> np.ndarray:
        """The numbers, in the shape and the type that they have in MATLAB.

        Args:
            key: str. What it is called, for errors.

        Returns:
            array.

        Raises:
            ValueError: if they are complex, of a type that there is not, or not there.
        """
        if self.is_complex:
            check_numeric(self.source, key, np.dtype("complex128"))
        dtype = np.dtype(NUMBERS[self.kind])
        if self._at == self.end and 0 in self.shape:
            return np.zeros(self.shape, dtype)
        with reading(self.source, MATLAB):
            kind, content, _ = self._element(self._at)
        if kind not in _TYPES:
            found = f"{key!r} has values of type {kind}"
            raise unreadable(self.source, MATLAB, found)
        stored = np.dtype(f"{self.order}{_TYPES[kind]}")
        if len(content) != stored.itemsize * math.prod(self.shape):
            found = f"{key!r} has {len(content)} bytes for {self.shape}"
            raise unreadable(self.source, MATLAB, found)
        check_unpacked(self.source, math.prod(self.shape) * dtype.itemsize)
        values = np.frombuffer(content, stored).reshape(self.shape, order="F")
        return values.astype(dtype)

    def _element(self, at):
        """The type of an element, what is in it, and where the next one begins."""
        if not 0 <= at <= self.end - 8:
            raise ValueError("it ends inside of an array")
        kind, count = struct.unpack_from(f"{self.order}II", self.data, at)
        if kind >> 16:  # so small that it is in its own tag
            count, kind, first, after = kind >> 16, kind & 0xFFFF, at + 4, at + 8
        else:
            first, after = at + 8, at + 8 + count + -count % 8
        if first + count > min(self.end, len(self.data)):
            raise ValueError("it ends inside of an array")
        return kind, bytes(self.data[first : first + count]), after

    def _of_object(self, at):
        """The class of an object, which stands behind a name and a kind of system."""
        _, name, at = self._element(at)
        _, _, at = self._element(at)
        self.name = name.decode("utf-8", "replace")
        return self._element(at)[1].decode("latin-1")[:60]

    def _fields(self):
        """Names of fields, and where the values of the first structure begin."""
        with reading(self.source, MATLAB):
            _, length, at = self._element(self._at)
            (length,) = struct.unpack_from(f"{self.order}i", length)
            _, names, at = self._element(at)
            if not 0 < length <= max(len(names), 1):
                raise ValueError("a structure without names of its fields")
        names = [names[n : n + length] for n in range(0, len(names), length)]
        return [name.split(b"\0")[0].decode("utf-8", "replace") for name in names], at

    def _matrices(self, at):
        """Where each of the arrays inside of this one begins and ends."""
        while at < self.end:
            with reading(self.source, MATLAB):
                if at > self.end - 8:
                    raise ValueError("it ends inside of an array")
                kind, count = struct.unpack_from(f"{self.order}II", self.data, at)
                if kind != _MATRIX or at + 8 + count > self.end:
                    raise ValueError("what is in a cell is no array")
            yield at + 8, at + 8 + count
            at += 8 + count + -count % 8


def variables_of(source: Source, wanted: Sequence[str] | None) -> dict[str, Array]:
    """The variables of a file. Those that are not wanted are not unpacked.

    Args:
        source: `Source`.
        wanted: names, or None for all, of which each is there as far as is allowed.

    Returns:
        dict of `Array`, or of None for those that are not wanted.

    Raises:
        ValueError: if the file is cut short or damaged, if a name is there twice, or if
            it would become far larger than it is.
    """
    found: dict[str, Any] = {}
    twice: set[str] = set()
    size = 0
    with source.opened() as file:
        order = "<" if file.read(128)[126:] == b"IM" else ">"
        for kind, count in _tags(source, file, order):
            after = file.tell() + count
            with reading(source, MATLAB):
                data = _part(file, kind, count, _HEAD)
            head = Array(source, data, 0, max(len(data), 1), order)
            if head.name and (wanted is None or head.name in wanted):
                file.seek(after - count)
                whole = _whole(source, file, kind, count, size)
                size += len(whole)
                array = Array(source, whole, 0, len(whole), order)
                twice |= {head.name} & found.keys()
                found[head.name] = array
            elif head.name:
                twice |= {head.name} & found.keys()
                found[head.name] = None
            file.seek(after)
    for name in twice if wanted is None else twice & set(wanted):
        check_names(source, [name], [*found, name])
    return found


def _tags(source, file, order) -> Iterator[tuple[int, int]]:
    """The type and the size of each variable, where the file is left at its content."""
    while len(tag := file.read(8)) == 8:
        kind, count = struct.unpack(f"{order}II", tag)
        if kind not in (_MATRIX, _COMPRESSED):
            raise unreadable(source, MATLAB, f"an element of type {kind}")
        if file.tell() + count > source.size:
            raise unreadable(source, MATLAB, "it ends inside of a variable")
        yield kind, count
    if tag:
        raise unreadable(source, MATLAB, "it ends inside of a variable")


def _part(file, kind, count, most):
    """The first bytes of a variable, behind its tag."""
    if kind == _MATRIX:
        return file.read(min(count, most))
    return zlib.decompressobj().decompress(file.read(min(count, most)), most)[8:]


def _whole(source, file, kind, count, size):
    """All bytes of a variable, behind its tag; inflated as far as is allowed."""
    if kind == _MATRIX:
        return file.read(count)
    packed, parts = file.read(count), []
    with reading(source, MATLAB):
        inflate = zlib.decompressobj()
        while packed and not inflate.eof:
            parts.append(inflate.decompress(packed, 2**20))
            size += len(parts[-1])
            packed = inflate.unconsumed_tail
            if is_bomb(size, source.size):
                break
        if not is_bomb(size, source.size) and not inflate.eof:
            raise ValueError("it ends inside of a variable")
    check_unpacked(source, size)
    return b"".join(parts)[8:]
