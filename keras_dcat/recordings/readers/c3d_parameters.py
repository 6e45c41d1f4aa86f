"""The header and the parameters of a C3D file, each count held against its size.

Read here and not by a library: the ones there are written in C, and a changed byte ends
their process.
"""

import struct
from typing import Any

import numpy as np

BLOCK = 512
_BYTE_ORDERS = {84: "<", 85: "<", 86: ">"}  # Intel, DEC, MIPS
_DEC = 85
_CHARACTERS, _BYTE, _INTEGER, _REAL = -1, 1, 2, 4


class Layout:
    """Numbers of a C3D file by processor, and its parameters by name.

    Args:
        content: bytes of the file.

    Raises:
        ValueError: if a count does not fit the file.
    """

    def __init__(self, content: bytes):
        if len(content) < 2 * BLOCK or content[1] != 0x50 or not content[0]:
            raise ValueError("no mark of one at its start")
        self.content = content
        begin = (content[0] - 1) * BLOCK
        if len(content) < begin + BLOCK:
            raise ValueError(f"{len(content)} bytes, with parameters at {begin}")
        self.processor = content[begin + 3]
        if self.processor not in _BYTE_ORDERS:
            raise ValueError(f"an unknown processor, {self.processor}")
        self.order = _BYTE_ORDERS[self.processor]
        (self.points, self.per_frame, first, last) = self._header("HHHH", 2)
        (self.data_block,) = self._header("H", 16)
        (self.subframes,) = self._header("H", 18)
        self.scale, self.rate = (float(self.reals(n, 1)[0]) for n in (12, 20))
        self.parameters = self._parameters(begin, max(1, content[begin + 2]))
        self.first, self.frames = self._frames(first, last)

    def reals(self, place: int, count: int) -> np.ndarray:
        """Numbers of four bytes as float32, from a place in the file."""
        raw = np.frombuffer(self.content, f"{self.order}u4", count, place)
        with np.errstate(invalid="ignore"):  # a damaged file may hold signalling NaN
            if self.processor != _DEC:
                return raw.view(f"{self.order}f4").astype("float32")
            # DEC stores the upper half first, and counts the exponent from two more.
            swapped = ((raw >> 16) | (raw << 16)).astype("uint32")
            return swapped.view("float32") / np.float32(4)

    def integers(self, place: int, count: int, sign: str = "i") -> np.ndarray:
        """Numbers of two bytes, from a place in the file."""
        return np.frombuffer(self.content, f"{self.order}{sign}2", count, place)

    def texts(self, group: str, name: str) -> list[str]:
        """A parameter of texts and those that go on from it, such as `LABELS2`."""
        found: list[str] = []
        number = 1
        while True:
            part = f"{name}{number if number > 1 else ''}"
            value = self.parameters.get((group, part))
            if not isinstance(value, list):
                return found
            found, number = found + value, number + 1

    def numbers(self, group: str, name: str) -> np.ndarray:
        """A parameter of numbers, none if there is no such."""
        value = self.parameters.get((group, name))
        return np.zeros(0) if value is None or isinstance(value, list) else value

    def _header(self, kinds: str, place: int) -> tuple[int, ...]:
        return struct.unpack_from(self.order + kinds, self.content, place)

    def _frames(self, first: int, last: int) -> tuple[int, int]:
        """The number of the first frame, and how many there are.

        The header has two bytes for each, too few for a long trial.
        """
        begin, end = (
            self._long("TRIAL", f"ACTUAL_{name}_FIELD") for name in ("START", "END")
        )
        is_same = (end - begin - last + first) % 65536 == 0
        if 0 < begin <= end and (is_same or last == 65535):
            return begin, end - begin + 1
        count = self.numbers("POINT", "FRAMES")
        if last == 65535 and len(count) == 1 and np.isfinite(count[0]):
            return first, int(count[0])
        return first, max(0, last - first + 1)

    def _long(self, group: str, name: str) -> int:
        """A number of four bytes, stored as two of two, or 0."""
        words = self.numbers(group, name)
        if len(words) != 2 or not np.isfinite(words).all():
            return 0
        return int(words[0]) % 65536 + 65536 * int(words[1])

    def _parameters(self, begin: int, blocks: int) -> dict[tuple[str, str], Any]:
        """Values by group and name; arrays of numbers, or lists of texts."""
        # The count of blocks is a byte, too small for large files, and often wrong.
        end = len(self.content) if blocks == 255 else begin + blocks * BLOCK
        if 1 < self.data_block:
            end = max(end, (self.data_block - 1) * BLOCK)
        end = min(end, len(self.content))
        groups, found, place = {}, [], begin + 4
        while place + 4 <= end:
            length, number = struct.unpack_from("bb", self.content, place)
            length = abs(length)
            if not length or not number:
                break
            name = self.content[place + 2 : place + 2 + length]
            name = name.decode("latin-1").strip().upper()
            place += 2 + length
            (step,) = self._header("H", place)
            if number < 0:
                groups[-number] = name
            else:
                found.append((number, name, self._value(place + 2, end)))
            if not step:
                break
            place += step
        return {(groups.get(n, ""), name): value for n, name, value in found}

    def _value(self, place: int, end: int) -> Any:
        kind, rank = struct.unpack_from("bB", self.content, place)
        shape = list(self.content[place + 2 : place + 2 + rank])
        place += 2 + rank
        count = int(np.prod(shape, dtype="object"))
        if kind not in (_CHARACTERS, _BYTE, _INTEGER, _REAL) or len(shape) < rank:
            raise ValueError(f"a parameter of type {kind}")
        if place + count * abs(kind) > end:
            raise ValueError(f"a parameter of {count} values at byte {place}")
        if kind == _CHARACTERS:
            text = self.content[place : place + count].decode("latin-1")
            width = shape[0] if len(shape) > 1 else count
            if not width:
                return []
            return [text[n : n + width].strip(" \0") for n in range(0, count, width)]
        if kind == _BYTE:
            return np.frombuffer(self.content, "u1", count, place)
        if kind == _INTEGER:
            return self.integers(place, count, "u")
        return self.reals(place, count)
