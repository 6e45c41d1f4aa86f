"""HDF5 files, opened without believing all that they say of themselves."""

from typing import Any

from keras_dcat.extras import require
from keras_dcat.recordings.readers.files import Source, reading

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
