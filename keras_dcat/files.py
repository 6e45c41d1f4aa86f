"""Results on disk are whole or not there."""

import contextlib
import errno
import os
import pathlib
import platform
import shutil
from collections.abc import Iterator

# What a full disk says, and a place where one may not write.
_REFUSALS = {
    getattr(errno, name, None)
    for name in "ENOSPC EDQUOT EFBIG EROFS EACCES EPERM EEXIST ENOTDIR".split()
}


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


def _remove_what_was_left(folder, before, after):
    """Parts of this path whose process is dead, or had the number of this one."""
    for part in folder.iterdir():
        name = part.name
        if not (name.startswith(before) and name.endswith(after)):
            continue
        number = name[len(before) : -len(after)]
        if number.isdecimal() and not _is_another(int(number)):
            with contextlib.suppress(OSError):  # of another user
                _remove(part)


def _is_another(number):
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


def _remove(part):
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)
