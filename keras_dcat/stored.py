"""What is read from disk is whole, and not much larger than it looks there."""

import hashlib
import json
import os
import struct
import zipfile
import zlib
from typing import Any

import numpy as np

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
