"""A MAT-file to version 7.2, looked through before SciPy reads it.

SciPy ends the process where the values of an array are said to be of a type that
there is not, and inflates whatever is there.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from keras_dcat.recordings.readers.files import Source, check_numeric, unreadable
from keras_dcat.stored import is_bomb

MATLAB = "a MAT-file of version 5 or later"
_COMPRESSED = 15  # the type of a variable that is packed by zlib
_ARRAYS = range(6, 16)  # classes of arrays of numbers
_NUMBERS = {*range(1, 8), 9, 12, 13}  # types of elements that hold numbers
_COMPLEX = 1 << 11  # a flag beside the class
_HEAD = 2**16  # bytes within which a variable has said what it is


def unpacked_size(source: Source, keys: Sequence[str]) -> int:
    """Bytes of all variables of a file that says nothing impossible of some of them.

    Args:
        source: `Source`.
        keys: names of the arrays of numbers that are to be read.

    Returns:
        int. None of them is kept; counting stops where they are too many.

    Raises:
        ValueError: if it is cut short or damaged, or if one has complex numbers.
    """
    size = 0
    with source.opened() as file:
        order = "<" if file.read(128)[126:] == b"IM" else ">"
        while len(tag := file.read(8)) == 8 and not is_bomb(size, source.size):
            kind, count = struct.unpack(f"{order}II", tag)
            try:
                if kind == _COMPRESSED:
                    head, count = _inflated(file.read(count), source.size)
                else:
                    begin = file.read(min(count, _HEAD))
                    head = tag + begin
                    file.seek(count - len(begin), 1)
                name, is_complex, kind = _described(head, order)
            except (struct.error, zlib.error) as error:
                raise unreadable(source, MATLAB, f"{error}") from error
            if name in keys and is_complex:
                check_numeric(source, name, np.dtype("complex128"))
            if name in keys and kind not in _NUMBERS:
                found = f"{name!r} has values of type {kind}"
                raise unreadable(source, MATLAB, found)
            size += count
    return size


def _inflated(packed, file_size):
    """The first bytes of a packed variable, and how many there are."""
    inflate, head, size = zlib.decompressobj(), b"", 0
    while packed and not inflate.eof and not is_bomb(size, file_size):
        part = inflate.decompress(packed, 2**20)
        head = head or part[:_HEAD]
        size += len(part)
        packed = inflate.unconsumed_tail
    return head, size


def _described(head, order):
    """What a variable says: its name, whether it is complex, the type of its values."""
    (flags,) = struct.unpack_from(f"{order}I", head, 16)
    if flags & 0xFF not in _ARRAYS:
        return None, False, None
    # Behind the tags of the variable and of its flags, and these, comes the shape.
    _, _, at = _element(head, 24, order)
    _, name, at = _element(head, at, order)
    kind, _, _ = _element(head, at, order)
    return name.decode("latin-1"), bool(flags & _COMPLEX), kind


def _element(head, at, order):
    """The type of an element, what is in it, and where the next one begins."""
    kind, count = struct.unpack_from(f"{order}II", head, at)
    if kind >> 16:  # so small that it is in its own tag
        return kind & 0xFFFF, head[at + 4 : at + 4 + (kind >> 16)], at + 8
    return kind, head[at + 8 : at + 8 + count], at + 8 + count + -count % 8
