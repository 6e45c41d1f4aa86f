"""Files: results that are whole or not there, and reading with limits."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import platform
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

# What a full disk says, and a place where one may not write.
_REFUSALS = {
    getattr(errno, name, None)
    for name in "ENOSPC EDQUOT EFBIG EROFS EACCES EPERM EEXIST ENOTDIR".split()
}
# What zipfile raises over a zip that is cut, damaged, locked, or of an unknown kind.
ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError),
    *(OSError, OverflowError, RuntimeError, ValueError, KeyError),
)
# What JSON of other things, of no sense or nested without end, comes to.
JSON_ERRORS = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(OverflowError, RecursionError),
)
_ALWAYS = 256 * 2**20  # bytes that whatever is small on disk may take in memory
_BLOCK = 1024  # rows hashed at a time, so that a memory map is never read whole


@contextlib.contextmanager
def written_whole(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file or a folder that appears under its name only when everything is in it.

    What a process that was killed has left half-written is removed by the next one of
    the same machine that writes there.

    Args:
        path: path of the file or folder. The folder that it is in is made.

    Returns:
        context manager that gives a path with the same suffixes to write to.

    Raises:
        OSError: if the disk is full, or may not be written. What was there stays.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with written_whole(folder / "runs" / "a.txt") as part:
    ...     _ = part.write_text("all of it")
    >>> [path.name for path in (folder / "runs").iterdir()]
    ['a.txt']
    """
    before, after = f".{platform.node()}-", f".{path.name}"
    part = path.with_name(f"{before}{os.getpid()}{after}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_what_was_left(path.parent, before, after)
        yield part
        os.replace(part, path)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise type(error)(
            error.errno,
            f"A result must be written as a whole. Received: {error}. What was there "
            "before is as it was; make room, or allow writing, and call again",
            os.fspath(path),
        ) from error
    finally:
        with contextlib.suppress(OSError):  # nothing is there, or may be removed
            _remove(part)


def _remove_what_was_left(folder: pathlib.Path, before: str, after: str) -> None:
    """Parts of this path whose process is dead, or had the number of this one."""
    for part in folder.iterdir():
        name = part.name
        if not (name.startswith(before) and name.endswith(after)):
            continue
        number = name[len(before) : -len(after)]
        if number.isdecimal() and not _is_another(int(number)):
            with contextlib.suppress(OSError):  # of another user
                _remove(part)


def _is_another(number: int) -> bool:
    """Whether this is the number of another process that runs, as far as is known."""
    if number == os.getpid():
        return False
    if os.name != "posix":  # where to ask would be to interrupt
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(part: pathlib.Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def is_bomb(size: int, packed: int, times: int = 100) -> bool:
    """Whether so few bytes of a file that become so many are refused.

    Args:
        size: int. Bytes in memory.
        packed: int. Bytes on disk.
        times: int. How many times the file is too much.

    Returns:
        bool. True from 256 MiB on, if they are more than so many times the file.

    Example:

    >>> is_bomb(10**9, packed=10**6), is_bomb(10**9, packed=10**7)
    (True, False)
    """
    return size > max(_ALWAYS, times * packed)


def seal(content: Any) -> str:
    """The SHA-256 by which damage is found. Whoever knows it can write another.

    Args:
        content: what JSON can hold.

    Returns:
        str of hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def fingerprint(arrays: Mapping[str, np.ndarray], settings: Iterable) -> str:
    """A hash that changes with any value, dtype, shape or name.

    Args:
        arrays: dict from a name to an array of numbers.
        settings: what else counts. Hashed as it is printed.

    Returns:
        str of hexadecimal digits.

    Example:

    >>> zeros, ones = np.zeros(3), np.ones(3)
    >>> fingerprint({"x": zeros}, [4]) == fingerprint({"x": ones}, [4])
    False
    """
    digest = hashlib.sha256(repr(list(settings)).encode())
    for name, array in arrays.items():
        digest.update(repr((name, str(array.dtype), array.shape)).encode())
        for start in range(0, len(array), _BLOCK):
            digest.update(array[start : start + _BLOCK].tobytes())
    return digest.hexdigest()


def stored_arrays(path: str | os.PathLike) -> np.ndarray | dict[str, np.ndarray]:
    """All that a `.npy` or `.npz` file holds, without pickled objects.

    Args:
        path: str or path.

    Returns:
        array, or dict of arrays.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        ValueError: if it is another file, or damaged. It says what was found, and
            leaves it to the caller to say what to do.
    """
    # Opened here, for NumPy leaves a file open that is no archive.
    with open(path, "rb") as file:
        try:
            stored = np.load(file, allow_pickle=False)
            if isinstance(stored, np.ndarray):
                return stored
            size = sum(member.file_size for member in stored.zip.infolist())
            if is_bomb(size, os.path.getsize(path)):
                raise ValueError(f"{size} bytes in {os.path.getsize(path)}")
            arrays = dict(stored)
            others = [k for k, v in arrays.items() if not isinstance(v, np.ndarray)]
            if others:  # NumPy hands out the bytes of members that are no arrays
                raise ValueError(f"no array in {others}")
            return arrays
        except Exception as error:  # NumPy and zipfile raise a dozen kinds
            found = f"{type(error).__name__} {error}"
            raise ValueError(" ".join(found.split()).rstrip(".")) from error
