"""A publisher's download, zipped or unpacked, opened the same way."""

import contextlib
import io
import pathlib
import zipfile

from keras_dcat.storage import ZIP_ERRORS, is_bomb


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
        ValueError: if it is a file but not a zip, or a damaged one, or one that would
            become more than 256 MiB and 100 times as large.
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
        is_folder = self.path.is_dir()
        if not is_folder and not (
            self.path.is_file() and zipfile.is_zipfile(self.path)
        ):
            raise ValueError(
                "The data must be a zip file or a folder. "
                f"Received: {str(path)!r}, which is neither. {remedy}"
            )
        if self.path.is_file():
            self._check_size()

    def names(self):
        """Names of all members, with `/` between folders, sorted."""
        if self.path.is_dir():
            files = (p for p in self.path.rglob("*") if p.is_file())
            return sorted(p.relative_to(self.path).as_posix() for p in files)
        with self._opened() as archive:
            return sorted(n for n in archive.namelist() if not n.endswith("/"))

    @contextlib.contextmanager
    def reader(self):
        """Yields a function from a member's name to a binary file object.

        Raises:
            ValueError: if one is raised over a member; it then names the data, too.
        """
        try:
            if self.path.is_dir():
                yield lambda name: _named(self._inside(name).read_bytes(), name)
                return
            with self._opened() as archive:
                yield lambda name: _named(self._inflated(archive, name), name)
        except ValueError as error:
            if str(self.path) in str(error):
                raise
            raise ValueError(f"{error} The data are {str(self.path)!r}.") from error

    def _check_size(self):
        with self._opened() as archive:
            size = sum(member.file_size for member in archive.infolist())
        if is_bomb(size, self.path.stat().st_size):
            raise ValueError(
                "A zip must become less than 256 MiB, or 100 times as large. "
                f"Received: {str(self.path)!r} with {size} bytes. {self.remedy}"
            )

    def _opened(self):
        try:
            return zipfile.ZipFile(self.path)
        except ZIP_ERRORS as error:
            raise self._damaged("", error) from error

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
        try:
            return archive.read(name)
        except ZIP_ERRORS as error:
            raise self._damaged(f"{name!r} of ", error) from error

    def _damaged(self, what, error):
        return ValueError(
            "A zip must be as it was packed. Received: "
            f"{what}{str(self.path)!r} ({type(error).__name__} {error}). "
            f"Fetch it again, it may have been cut. {self.remedy}"
        )


def _named(content, name):
    """A file in memory that can be called by its name in an error."""
    file = io.BytesIO(content)
    file.name = name
    return file
