"""Results on disk are whole or not there."""

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def written_whole(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file that appears under its name only when everything is in it.

    Args:
        path: path of the file. Its folder is made.

    Returns:
        context manager that gives a path with the same suffixes to write to.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with written_whole(folder / "runs" / "a.txt") as part:
    ...     _ = part.write_text("all of it")
    >>> [path.name for path in (folder / "runs").iterdir()]
    ['a.txt']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
