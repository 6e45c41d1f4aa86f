"""Decoded copies of files, in a folder that the user names."""

import collections
import hashlib
import json
import os
import pathlib
import re
import threading
from collections.abc import Callable, Iterable

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.opened_files import Source
from keras_dcat.recordings.readers.values_on_disk import LazyValues
from keras_dcat.storage import JSON_ERRORS, written_whole

_FORMAT = 1
_AT_ONCE = 2**24  # bytes that are decoded before they are written
# Threads of this process write a copy one after the other. Another process that writes
# it at the same time replaces it by an equal one.
_WRITERS: collections.defaultdict = collections.defaultdict(threading.Lock)


def decoded_copy(
    source: Source,
    folder: str | os.PathLike,
    settings: Iterable,
    make: Callable[[], LazyValues],
    told: Iterable[str] = (),
) -> "CopiedValues":
    """What a file decodes to, from its copy in a folder, which is made if need be.

    A copy is found by what is in the file, not by its name or time, by how it is
    decoded, and by the versions of the libraries that do it.

    Args:
        source: `Source`. The file.
        folder: str or path. Made if it is not there.
        settings: what else says which values these are. Compared as it is printed.
        make: function that gives the values as they are decoded from the file.
        told: names of those of their attributes, numbers, that the copy is to have.

    Returns:
        `CopiedValues`.

    Raises:
        OSError: if the folder cannot be written. There is no copy then.
    """
    libraries = [require(name, extra="io").__version__ for name in ("av", "soundfile")]
    with source.opened() as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(repr((_FORMAT, libraries, *settings)).encode())
    name = re.sub(r"[^\w.-]+", "_", pathlib.PurePath(source.name).stem)[:64]
    path = pathlib.Path(folder).absolute() / f"{name}-{digest.hexdigest()[:32]}.npy"
    with _WRITERS[path]:
        copy = _whole(path)
        if copy is None:
            _write(path, make(), told)
            copy = _whole(path)
    return copy


class CopiedValues(LazyValues):
    """Values in a file of NumPy, of which slices are read.

    Args:
        path: path of the `.npy` file.
        about: dict of the attributes that they have beside those of an array.
    """

    def __init__(self, path, about):
        self._path, self._values = path, np.load(path, mmap_mode="r")
        super().__init__(self._values.shape, self._values.dtype)
        self.__dict__.update(about)

    def __getstate__(self):
        return {**self.__dict__, "_values": None}

    def _read(self, first, last):
        if self._values is None:  # unpickled, perhaps in another process
            self._values = np.load(self._path, mmap_mode="r")
        return np.array(self._values[first:last])


def _whole(path):
    """The copy, or None if there is none, or what is there is not all of it."""
    try:
        about = json.loads(_beside(path).read_bytes())
        values = CopiedValues(path, about["attributes"])
        is_same = [list(values.shape), values.dtype.name] == about["values"]
    except (OSError, *JSON_ERRORS):
        return None
    return values if is_same else None


def _beside(path):
    return path.with_suffix(".json")


def _write(path, values, told):
    about = {
        "values": [list(values.shape), values.dtype.name],
        "attributes": {n: getattr(values, n) for n in ("may_hold_nan", *told)},
    }
    header = {"descr": values.dtype.str, "fortran_order": False, "shape": values.shape}
    rows = max(1, _AT_ONCE // max(1, values[:1].nbytes))
    with written_whole(path) as part, open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for at in range(0, len(values), rows):
            file.write(values[at : at + rows].tobytes())
    with written_whole(_beside(path)) as part:
        part.write_text(json.dumps(about))
