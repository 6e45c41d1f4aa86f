"""What is at a path: a file, or what leads elsewhere, waits, or never ends."""

import contextlib
import errno
import os
import pathlib
import stat
from typing import Any

_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (lambda mode: stat.S_ISCHR(mode) or stat.S_ISBLK(mode), "a device"),
)
_NO_LINKS, _NO_WAIT = getattr(os, "O_NOFOLLOW", 0), getattr(os, "O_NONBLOCK", 0)


def followed(path: pathlib.Path) -> pathlib.Path:
    """Where a path leads to, if it is a symbolic link; else the path itself.

    Args:
        path: path, at which there need not be anything.

    Returns:
        path.
    """
    return pathlib.Path(os.path.realpath(path)) if path.is_symlink() else path


def opened_own(path: pathlib.Path, mode: str) -> Any:
    """Opens a file that is only this package's, beside a result of the user's.

    Args:
        path: path of the file; it may be a new one.
        mode: as for `open`.

    Returns:
        file.

    Raises:
        OSError: if it is a symbolic link, which would lead elsewhere, or no file; or as
            for `open`.
    """

    def opener(name, flags):
        # A pipe would wait for whoever writes to it.
        return os.open(name, flags | _NO_LINKS | _NO_WAIT, 0o666)

    file = None
    with contextlib.suppress(OSError):
        file = open(path, mode, opener=opener)
        if not kind_of(path):
            return file
    if file is not None:
        file.close()
    found = kind_of(path)
    if not found:
        return open(path, mode, opener=opener)  # raises what it raised
    raise OSError(
        errno.EINVAL,
        f"A file beside a result must be one of this package's. Received: {found}. "
        "Remove it, and call again",
        os.fspath(path),
    )


def kind_of(path: str | os.PathLike) -> str:
    """What is at a path, if it is no file: a link, a folder, a pipe, a device.

    Args:
        path: str or path.

    Returns:
        str, empty of a file and of nothing.

    Example:

    >>> kind_of("/dev/null"), kind_of("/")
    ('a device', 'a folder')
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return ""
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "")


def check_is_file(path: str | os.PathLike) -> None:
    """Refuses a path at which there is something else than a file.

    Args:
        path: str or path, at which there need not be anything. A symbolic link counts
            as what it leads to.

    Raises:
        ValueError: if it is a folder, a pipe or a device.
    """
    found = kind_of(os.path.realpath(path))
    if found:
        raise ValueError(
            "`path` must be a file, or free for one. "
            f"Received: {os.fspath(path)!r}, {found}. Take another path"
            f"{', inside of it' if found == 'a folder' else ''}."
        )
