"""A publisher's download, zipped or unpacked, opened the same way."""

import contextlib
import io
import pathlib
import zipfile


class Archive:
    """Reads members of a zip file or of a folder by name; writes nothing.

    A zip is never unpacked, so no member can land outside of it. Names that
    are not inside the folder are refused.

    Args:
        path: str or path of a `.zip` file or of a folder.
        remedy: str. What to download and how it must look, for the error.
        max_member_bytes: int. Larger members are refused before they are
            inflated.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it is a file but not a zip.
    """

    def __init__(self, path, remedy, max_member_bytes=256 * 2**20):
        self.path = pathlib.Path(path)
        self.remedy = remedy
        self.max_member_bytes = max_member_bytes
        if not self.path.exists():
            raise FileNotFoundError(
                "The data must be a zip file or a folder on this machine. "
                f"Received: {str(path)!r}, where there is nothing. {remedy}"
            )
        if self.path.is_file() and not zipfile.is_zipfile(self.path):
            raise ValueError(
                "The data must be a zip file or a folder. "
                f"Received: {str(path)!r}, which is neither. {remedy}"
            )

    def names(self):
        """Names of all members, with `/` between folders, sorted."""
        if self.path.is_dir():
            files = (p for p in self.path.rglob("*") if p.is_file())
            return sorted(p.relative_to(self.path).as_posix() for p in files)
        with zipfile.ZipFile(self.path) as archive:
            return sorted(n for n in archive.namelist() if not n.endswith("/"))

    @contextlib.contextmanager
    def reader(self):
        """Yields a function from a member's name to a binary file object."""
        if self.path.is_dir():
            yield lambda name: io.BytesIO(self._inside(name).read_bytes())
            return
        with zipfile.ZipFile(self.path) as archive:
            yield lambda name: io.BytesIO(self._inflated(archive, name))

    def _inside(self, name):
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise ValueError(
                "A member must lie inside the folder. "
                f"Received: {name!r} of {str(self.path)!r}. "
                "Remove the link, or the name with '..'."
            )
        return path

    def _inflated(self, archive, name):
        size = archive.getinfo(name).file_size
        if size > self.max_member_bytes:
            raise ValueError(
                f"A member must have at most {self.max_member_bytes} bytes. "
                f"Received: {name!r} of {str(self.path)!r} with {size}. {self.remedy}"
            )
        return archive.read(name)
