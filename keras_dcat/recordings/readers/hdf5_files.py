"""HDF5 files, opened without believing all that they say of themselves."""

import math
from typing import Any

from keras_dcat.extras import require
from keras_dcat.recordings.readers.opened_files import (
    Source,
    changed,
    check_names,
    check_unpacked,
    reading,
)

HDF5 = "an HDF5 file"

_MARK = b"\x89HDF\r\n\x1a\n"
_ADDRESSES = {0: 24, 1: 28}  # where they begin, by version; later ones name no driver


def opened(source: Source, kind: str) -> Any:
    """Opens a file to be read.

    Args:
        source: `Source`. The file.
        kind: str. What it must be, such as `"a MATLAB file"`.

    Returns:
        `h5py.File`.

    Raises:
        ValueError: if it is no such file, or if it has a block for a driver, as one of
            several parts has: four bytes in it say how much memory HDF5 takes.
        ImportError: if h5py is not installed.
    """
    h5py = require("h5py", extra="io")
    with reading(source, kind):
        if _names_driver(source):
            raise ValueError("it is one of several parts, or damaged")
        return h5py.File(source.target(), "r")


def _names_driver(source):
    """Whether the last of four addresses at the start is that of a driver's block."""
    with source.opened() as file:
        start, head = 0, file.read(160)
        while head and not head.startswith(_MARK):  # it may begin behind other bytes
            start = max(512, 2 * start)
            file.seek(start)
            head = file.read(160)
    if len(head) < 160 or head[8] not in _ADDRESSES:
        return False
    width = head[13]
    last = _ADDRESSES[head[8]] + 3 * width
    return head[last : last + width] != b"\xff" * width


def found_in(source: Source, file: Any, key: str) -> Any:
    """A data set or group of a file, or an error that lists its data sets.

    Args:
        source: `Source`. The file, for the error.
        file: `h5py.File`.
        key: str. The path inside of the file.

    Returns:
        `h5py.Dataset` or `h5py.Group`.

    Raises:
        ValueError: if it is not there, or takes its values from another file.
    """
    h5py = require("h5py", extra="io")
    with reading(source, HDF5):
        found = file.get(key)
    if found is None:
        check_names(source, [key], names_of(source, file))
    if isinstance(found, h5py.Dataset):
        is_own(source, file, found, key)
    return found


def names_of(source: Source, file: Any) -> list[str]:
    """The paths of all data sets; of a table of pandas, that of its group.

    Args:
        source: `Source`. The file, for errors.
        file: `h5py.File` or a group of it.

    Returns:
        list of str.

    Raises:
        ValueError: if the file is damaged.
    """
    h5py = require("h5py", extra="io")
    names: list[str] = []
    frames: list[str] = []

    def add(name, item):
        if any(name.startswith(frame) for frame in frames):
            return
        if isinstance(item, h5py.Dataset):
            names.append(name)
        elif "pandas_type" in item.attrs:
            names.append(name)
            frames.append(f"{name}/")

    with reading(source, HDF5):
        file.visititems(add)
    return names


def is_own(source: Source, file: Any, dataset: Any, key: str) -> None:
    """Refuses values of another file: by a link, a stranger's could read any.

    Args:
        source: `Source`. The file, for the error.
        file: `h5py.File`.
        dataset: `h5py.Dataset`.
        key: str. What it is called, for the error.

    Raises:
        ValueError: if they are not in this file.
    """
    with reading(source, HDF5):
        is_linked = dataset.file.filename != file.filename
        is_elsewhere = is_linked or dataset.external or dataset.is_virtual
    if is_elsewhere:
        raise elsewhere(source, key)


def unchanged(source: Source, file: Any, key: str, shape: tuple) -> Any:
    """A data set that is what it was when its file was opened first.

    Args:
        source: `Source`. The file, for the error.
        file: `h5py.File`.
        key: str. The path inside of the file.
        shape: tuple of int. What it was, or the first axes of that.

    Returns:
        `h5py.Dataset`.

    Raises:
        ValueError: if it is another one, too large, or in another file.
    """
    h5py = require("h5py", extra="io")
    with reading(source, HDF5):
        found = file.get(key)
        is_same = isinstance(found, h5py.Dataset)
        is_same = is_same and found.shape[: len(shape)] == shape
    if not is_same:
        raise changed(source)
    is_own(source, file, found, key)
    check_size(source, found, is_read=False)
    return found


def elsewhere(source: Source, key: str) -> ValueError:
    """The error for values that are not in the file that is read."""
    return ValueError(
        "Values must be in the very file that is read. Received: "
        f"{key!r} of {source.name!r}, which takes them from another file. "
        "Copy them into it, or read that file."
    )


def check_size(source: Source, dataset: Any, is_read: bool) -> None:
    """Refuses what is too large: a chunk, and the data set if it is read whole.

    Args:
        source: `Source`. The file, for its size.
        dataset: `h5py.Dataset`.
        is_read: bool. Whether all of it is read.

    Raises:
        ValueError: if it takes 256 MiB or more, and 100 times the file.
    """
    with reading(source, HDF5):
        shapes = [dataset.chunks or (0,)] + [dataset.shape or (0,)] * is_read
        size = max(map(math.prod, shapes)) * dataset.dtype.itemsize
    check_unpacked(source, size)
