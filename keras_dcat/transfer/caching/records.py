"""A file of records of one size, each with a checksum; no pickle.

    header    4,096 bytes: a mark, and JSON that is padded with spaces
    records   identity of the window | its values | CRC-32 of both

While it is written, the file has another name and its header says 0 windows; whoever
comes after a run that died goes on behind the last record that is whole. At the end the
header gets the number of windows, and the file its name.
"""

import contextlib
import json
import os
import pathlib
import zlib

import numpy as np

from keras_dcat.file_kinds import check_is_file, followed, opened_own
from keras_dcat.storage import JSON_ERRORS
from keras_dcat.transfer.caching.fingerprints import IDENTITY_BYTES

try:
    import fcntl
except ImportError:  # Windows: two writers must not share a path there
    fcntl = None  # type: ignore[assignment]

_MARK = b"keras_dcat source statistics 1\n"
_HEADER_BYTES = 4096


class RecordFile:
    """Records of windows on disk, in order.

    Args:
        path: path of the file.
        about: dict of what the records depend on, as JSON can hold it.
        fields: list of `(name, dtype)` or `(name, dtype, shape)`, as NumPy describes
            the fields of a record.

    Raises:
        ValueError: if the file is there, and of something else, or damaged; if what is
            there is no file.
        OSError: if it cannot be read or written, or if what is in the way of the part
            is a link.

    Attributes:
        part: path of the file while it is written.
    """

    def __init__(self, path: pathlib.Path, about: dict, fields: list):
        check_is_file(path)
        self.path = path = followed(path)
        self.fields = fields
        self.dtype = np.dtype(
            [("identity", f"V{IDENTITY_BYTES}"), *fields, ("checksum", "<u4")]
        )
        self._about = about
        self.part = path.with_name(f"{path.name}.part")

    @contextlib.contextmanager
    def writing(self):
        """Opens the file for the records that are missing; others wait.

        Returns:
            context manager that gives a `Writer`, or `None` if the file is complete.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            yield None
            return
        with opened_own(self.part, "a+b") as file:
            _lock(file)
            if self.path.exists():  # another process has ended in the meantime
                self.part.unlink(missing_ok=True)  # what `open` may have made
                yield None
                return
            yield Writer(self, file)

    def read(self) -> np.ndarray:
        """The complete file, memory-mapped, every record checked.

        Returns:
            `np.memmap` `(windows,)` with the fields of the records.
        """
        with open(self.path, "rb") as file:
            windows = self.checked_header(file)
        expected = _HEADER_BYTES + windows * self.dtype.itemsize
        size = self.path.stat().st_size
        if size != expected or not windows:
            raise self.refused(f"it has {size} bytes instead of {expected}: cut off")
        records = self.mapped(self.path, size - _HEADER_BYTES)
        whole = _count_whole(records)
        if whole < windows:
            raise self.refused(f"its window {whole} is damaged")
        return records

    def mapped(self, path: pathlib.Path, size: int) -> np.ndarray:
        """Records in the first `size` bytes behind a header, memory-mapped."""
        count = size // self.dtype.itemsize
        if not count:  # which cannot be mapped
            return np.empty(0, self.dtype)
        return np.memmap(path, self.dtype, "r", _HEADER_BYTES, (count,))

    def checked_header(self, file) -> int:
        """Number of windows of a file whose header is as expected."""
        path = pathlib.Path(file.name)
        header = file.read(_HEADER_BYTES)
        try:
            if not header.startswith(_MARK) or len(header) < _HEADER_BYTES:
                raise ValueError
            found = json.loads(header[len(_MARK) :])
            windows, about = int(found.pop("windows")), dict(found)
        except JSON_ERRORS:
            raise self.refused("it is no such file, or damaged", path) from None
        if about != self._about:
            other = [k for k, v in self._about.items() if about.get(k) != v]
            other = " and ".join(other) or "contents"
            raise self.refused(f"it was written with other {other}", path)
        return windows

    def header(self, windows: int) -> bytes:
        """The header of a file of so many windows."""
        text = json.dumps({**self._about, "windows": windows}).encode()
        return (_MARK + text).ljust(_HEADER_BYTES)

    def refused(self, reason: str, path: pathlib.Path | None = None) -> ValueError:
        """The error that a file is not what it is taken for."""
        path = self.path if path is None else path
        return ValueError(
            "`path` must be new, or a cache of this very source and these windows. "
            f"Received: {str(path)!r}; {reason}. Delete it, or take another path."
        )


class Writer:
    """Appends records to a file that is not complete yet.

    Args:
        records: `RecordFile`.
        file: opened for appending, and locked.

    Attributes:
        kept: records of a run that died before, all whole.
    """

    def __init__(self, records: RecordFile, file):
        self._records, self._file = records, file
        size = file.seek(0, os.SEEK_END)
        if size < _HEADER_BYTES:
            file.truncate(0)
            file.write(records.header(0))
            file.flush()
        file.seek(0)
        records.checked_header(file)
        found = records.mapped(records.part, max(size - _HEADER_BYTES, 0))
        self.kept = found[: _count_whole(found)]
        file.truncate(_HEADER_BYTES + self.kept.nbytes)

    def append(self, identities: list[bytes], columns: list[np.ndarray]):
        """Writes records.

        Args:
            identities: list of bytes.
            columns: for each field its array `(records, …)`.
        """
        records = np.zeros(len(identities), self._records.dtype)
        records["identity"] = np.frombuffer(b"".join(identities), f"V{IDENTITY_BYTES}")
        for (name, *_), column in zip(self._records.fields, columns, strict=True):
            records[name] = column
        records["checksum"] = [zlib.crc32(_content(r)) for r in records]
        self._file.write(records.tobytes())
        self._file.flush()

    def complete(self, windows: int):
        """Gives the file its name, now that all windows are in it."""
        self._file.flush()
        with opened_own(self._records.part, "r+b") as file:  # not for appending
            file.write(self._records.header(windows))
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._records.part, self._records.path)


def _lock(file):
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)


def _count_whole(records):
    """How many records there are before the first that is damaged."""
    for at, record in enumerate(records):
        if zlib.crc32(_content(record)) != int(record["checksum"]):
            return at
    return len(records)


def _content(record):
    return record.tobytes()[:-4]
