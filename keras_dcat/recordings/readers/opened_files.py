"""A file at the door: opened, checked and put on a clock, or refused."""

import contextlib
import dataclasses
import difflib
import errno
import io
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

import numpy as np

from keras_dcat.file_kinds import kind_of
from keras_dcat.recordings.stream import Stream
from keras_dcat.storage import is_bomb

File = str | os.PathLike | IO[bytes]


@dataclasses.dataclass(frozen=True)
class Source:
    """A file on disk, or the bytes of one that was open.

    It can be opened again and again, and pickled, as an open file cannot.

    Args:
        name: str. Absolute path, or what to call the bytes in an error.
        content: bytes. None for a file on disk.
        was: what `content_state` was when it was opened; None where nobody asks.
    """

    name: str
    content: bytes | None = None
    was: tuple | None = dataclasses.field(default=None, compare=False)

    def target(self) -> str | io.BytesIO:
        """What a library opens: the path, or a file in memory."""
        return self.name if self.content is None else io.BytesIO(self.content)

    def opened(self) -> io.BufferedReader | io.BytesIO:
        """A binary file at its first byte."""
        if self.content is None:
            return open(self.name, "rb")
        return io.BytesIO(self.content)

    def head(self, count: int) -> bytes:
        """The first bytes, fewer if there are not so many."""
        with self.opened() as file:
            return file.read(count)

    @property
    def size(self) -> int:
        """Number of bytes."""
        if self.content is None:
            return os.path.getsize(self.name)
        return len(self.content)

    @property
    def content_state(self) -> tuple | None:
        """What is another one when its bytes are, wherever it was moved to."""
        state = self.state
        return None if state is None else state[1:3]

    @property
    def state(self) -> tuple | None:
        """What is another one when the file was changed or replaced; None for bytes."""
        if self.content is not None:
            return None
        found = os.stat(self.name)
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def source_of(file: File) -> Source:
    """What a reader was given, as a file that can be opened at any time.

    Args:
        file: path, or a file open in binary mode, which is read to its end.

    Returns:
        `Source`.

    Raises:
        FileNotFoundError: if there is no file at the path.
        ValueError: if the file is open in text mode.
    """
    if isinstance(file, str | os.PathLike):
        path = pathlib.Path(file).absolute()
        # Not by `Path`, which takes a name that is too long for an error of the disk.
        if not os.path.isfile(path):
            raise FileNotFoundError(
                "`path` must be a file on this machine. "
                f"Received: {str(path)!r}, where there is "
                f"{kind_of(os.path.realpath(path)) or 'nothing'}. "
                "Check the spelling, and that the download is unpacked."
            )
        return Source(str(path), was=Source(str(path)).content_state)
    content = file.read()
    if not isinstance(content, bytes):
        raise ValueError(
            "An open file must be open in binary mode. "
            f"Received: {file!r}, which gives {type(content).__name__}. "
            "Open it with mode 'rb'."
        )
    return Source(str(getattr(file, "name", None) or repr(file)), content)


def unreadable(source: Source, kind: str, found: str) -> ValueError:
    """The error for a file that is not what it should be."""
    return ValueError(
        f"The file must be {kind}. Received: {source.name!r}: {found}. "
        "Check that it has this format, and download it again if it is cut short."
    )


def changed(source: Source) -> ValueError:
    """The error for a file that is no more what was opened."""
    return ValueError(
        "A file must stay as it is for as long as it is read. Received: "
        f"{source.name!r}, which was changed since it was opened. Read it anew."
    )


@contextlib.contextmanager
def reading(source: Source, kind: str) -> Iterator[None]:
    """Whatever a library raises over a broken file, as one kind of error.

    Args:
        source: `Source`. The file being read.
        kind: str. What it must be, such as `"a Parquet file"`.

    Raises:
        ValueError: for every exception inside but two, or if the file was changed
            since it was opened.
        FileNotFoundError: if the file is gone since it was found.
        PermissionError: if it may not be read.
    """
    if source.was is not None and source.content_state != source.was:
        raise changed(source)
    try:
        yield
    except Exception as error:
        # Of a file that cannot be Matroska libav says "not permitted" (EPERM).
        if isinstance(error, FileNotFoundError | PermissionError):
            if error.errno != errno.EPERM:
                raise
        found = " ".join(f"{type(error).__name__} {error}".split())
        raise unreadable(source, kind, found.rstrip(".")) from error


def check_unpacked(source: Source, size: int, *, times: int = 100) -> None:
    """Refuses a file that becomes far larger in memory than it is on disk.

    Args:
        source: `Source`. The file, for its size and the error.
        size: int. Bytes that its values take in memory.
        times: int. How many times those of the file they may be.

    Raises:
        ValueError: if they are 256 MiB or more, and so many times those of the file.
    """
    if is_bomb(size, source.size, times):
        raise ValueError(
            f"Values must take less than 256 MiB, or {times} times the bytes of their "
            "file. "
            f"Received: {source.name!r} with {source.size} bytes for {size}. "
            "Check where it comes from; if it is right, save it without compression."
        )


def check_names(source: Source, wanted: Iterable[str], available: list[str]) -> None:
    """Refuses names that a file does not have, or has more than once.

    Args:
        source: `Source`. The file, for the error.
        wanted: names of the columns, arrays or variables to be read.
        available: list of str. What the file has.

    Raises:
        ValueError: naming those it has.
    """
    for name in wanted:
        if available.count(name) != 1:
            problem = "twice" if name in available else "not"
            listed = ", ".join(map(repr, available[:20])) or "nothing"
            more = ", …" if len(available) > 20 else ""
            near = [other for other in available if _bare(other) == _bare(name)]
            near += difflib.get_close_matches(str(name), available[:1000], n=1)
            meant = f"Did you mean {near[0]!r}? " if near and near[0] != name else ""
            raise ValueError(
                "What is read from a file must be in it under one name. "
                f"Received: {name!r}, {problem} in {source.name!r}. "
                f"{meant}Choose from: {listed}{more}."
            )


def _bare(name: Any) -> str:
    """A name without what people forget: blanks, signs, and what is a capital."""
    return "".join(filter(str.isalnum, str(name))).lower()


def check_numeric(source: Source, name: str | None, dtype: Any) -> None:
    """Refuses text, structures and Python objects, by their type alone.

    Args:
        source: `Source`. The file, for the error.
        name: str. Which array or column it is, where there are several.
        dtype: the type that the file declares, a NumPy type or a description.

    Raises:
        ValueError: unless it is a NumPy type of real numbers or booleans.
    """
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biuf":
        which = f"{name!r} of " if name is not None else ""
        raise ValueError(
            "Values must be real numbers; Python objects are never unpickled. "
            f"Received: {which}{source.name!r} with values of type {dtype}. "
            "Save them as an array of numbers."
        )


def as_stream(
    source: Source,
    values: Any,
    rate: float | None,
    start: float,
    time: Any = None,
    time_unit: float = 1.0,
) -> Stream:
    """Values on their clock.

    Args:
        source: `Source`. The file, for the error.
        values: array-like `(time, channels…)`, or `(time,)` for a single channel
            if it is a NumPy array.
        rate: float. In Hz, or None if there is a `time`.
        start: float. Seconds at which the file's own clock reads 0.
        time: numbers `(time,)` or `(time, 1)` or `(1, time)`, or None.
        time_unit: float. Seconds per unit of `time`.

    Returns:
        `Stream`.

    Raises:
        ValueError: if not exactly one of `rate` and `time` is given, or if the
            times do not fit the values.
    """
    if isinstance(values, np.ndarray) and values.ndim == 1:
        values = values[:, None]
    if not 0 < time_unit < np.inf:
        raise ValueError(
            "`time_unit` must be a positive number of seconds. "
            f"Received: time_unit={time_unit}. Give 0.001 for milliseconds."
        )
    try:
        if time is None:
            return Stream(values, rate=rate, start=start)
        times = np.ravel(np.asarray(time))
        if times.dtype.kind in "biuf":  # what is no number, a stream refuses
            times = times.astype("float64") * time_unit + start
        return Stream(values, rate=rate, timestamps=times)
    except ValueError as error:
        raise ValueError(f"{error} The file is {source.name!r}.") from error
