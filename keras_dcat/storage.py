"""Files: results that are whole or not there, and reading with limits."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from keras_dcat.file_kinds import followed, kind_of

try:
    import fcntl
except ImportError:  # Windows, where what was left stays
    fcntl = None  # type: ignore[assignment]

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
_AFTER, _LOCK, _RANDOM = ".part", ".lock", 8  # letters of `tempfile`
_ALWAYS = 256 * 2**20  # bytes that whatever is small on disk may take in memory
_BLOCK = 1024  # rows hashed at a time, so that a memory map is never read whole


@contextlib.contextmanager
def written_whole(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file or a folder that appears under its name only when everything is in it.

    It is written in a folder beside, which a lock of the system's says to be in use:
    whoever writes there next removes those that a killed process has left, and none in
    which another still writes, in whatever container that runs.

    Args:
        path: path of the file or folder. The folder that it is in is made. A symbolic
            link stays one, and what it leads to is written.

    Returns:
        context manager that gives a path of the same name to write to.

    Raises:
        FileExistsError: if it is a folder, and another process has written it
            meanwhile. That one is whole.
        OSError: if the disk is full, or may not be written. What was there stays.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with written_whole(folder / "runs" / "a.txt") as part:
    ...     _ = part.write_text("all of it")
    >>> [path.name for path in (folder / "runs").iterdir()]
    ['a.txt']
    """
    path = followed(path)
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_what_was_left(path)
            part = stack.enter_context(_place_for(path))
            yield part
            _give_name(part, path)
        except OSError as error:
            if error.errno not in _REFUSALS or isinstance(error, _Taken):
                raise
            raise type(error)(
                error.errno,
                f"A result must be written as a whole. Received: {error}. What was "
                "there before is as it was; make room, or allow writing, and call "
                "again",
                os.fspath(path),
            ) from error


class _Taken(FileExistsError):
    """Another process was sooner."""


@contextlib.contextmanager
def _place_for(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A path of the same name, in a folder of its own that is locked."""
    while True:
        folder = pathlib.Path(tempfile.mkdtemp(_AFTER, _before(path), path.parent))
        try:
            lock = _locked(folder / _LOCK)
            if lock is not None:
                break
        except OSError:  # a full disk
            shutil.rmtree(folder, ignore_errors=True)
            raise
    try:
        yield folder / path.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _locked(path: pathlib.Path, makes: bool = True) -> Any:
    """The lock of a folder, or None if somebody else has it or has removed it."""
    try:
        lock = open(path, "a" if makes else "r+")
    except FileNotFoundError:
        return None
    if fcntl is None:  # Windows: nobody can tell
        if makes:
            return lock
        lock.close()
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock.fileno()), os.stat(path)):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    lock.close()
    return None


def _remove_what_was_left(path: pathlib.Path) -> None:
    """Folders for this path in which nobody writes any more."""
    for folder in path.parent.iterdir():
        name = folder.name
        if not (name.startswith(_before(path)) and name.endswith(_AFTER)):
            continue
        if len(name) - len(_before(path)) - len(_AFTER) != _RANDOM:
            continue
        with contextlib.suppress(OSError):  # of another user
            if kind_of(folder) == "a folder":
                _remove_unless_in_use(folder)


def _remove_unless_in_use(folder: pathlib.Path) -> None:
    lock = _locked(folder / _LOCK, makes=False)
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()
    elif not (folder / _LOCK).exists():
        try:
            folder.rmdir()  # whoever has just made it makes another one
        except OSError:
            # A lock comes before all else, and goes before it where one is removed.
            if not (folder / _LOCK).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _before(path: pathlib.Path) -> str:
    return f".{path.name}."


def _give_name(part: pathlib.Path, path: pathlib.Path) -> None:
    try:
        os.replace(part, path)
    except OSError as error:
        if not path.is_dir():
            raise
        if not part.is_dir():
            raise IsADirectoryError(
                errno.EISDIR,
                "A file cannot have the name of a folder. Received: a path at which "
                "there is one. Take another path, inside of it",
                os.fspath(path),
            ) from error
        raise _Taken(
            errno.EEXIST,
            "One process at a time can write a folder. Received: one that another has "
            "written meanwhile, as a whole. Take it, or choose another folder",
            os.fspath(path),
        ) from error


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
    found = kind_of(os.path.realpath(path))
    if found:  # a device may never end
        raise ValueError(f"it is {found}")
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
