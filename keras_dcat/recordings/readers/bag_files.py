"""Robot bags, opened without believing what they say of their sizes."""

import bz2
import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from keras_dcat.extras import require
from keras_dcat.recordings.readers.opened_files import Source, check_unpacked, reading
from keras_dcat.storage import is_bomb

BAG = "a ROS bag: a .bag, .mcap or .db3 file, or a folder with metadata.yaml"
_MOST_ELEMENTS = 10**6  # of a message, by the fixed lengths of its arrays


def bag_source(path: Any) -> Source:
    """What is at a path, with its size; folders are bags, too.

    Args:
        path: str or path.

    Returns:
        `Source`, which is not opened as such.

    Raises:
        FileNotFoundError: if there is nothing at the path.
        ValueError: if it is no bag by its name, or has parts that would not be read.
    """
    try:
        path = pathlib.Path(path).absolute()
    except TypeError as error:
        raise ValueError(
            "A bag must be given by its path, for it can be a folder. "
            f"Received: {path!r}. Write the bytes to a file first."
        ) from error
    if not path.exists():
        raise FileNotFoundError(
            "`path` must be a bag on this machine. "
            f"Received: {str(path)!r}, where there is nothing. Check the spelling."
        )
    source = Source(str(path))
    if path.is_file():
        source = dataclasses.replace(source, was=source.content_state)
    is_folder = path.is_dir() and (path / "metadata.yaml").exists()
    if not is_folder and path.suffix not in (".bag", ".mcap", ".db3"):
        raise ValueError(
            f"`path` must be {BAG}. Received: {str(path)!r}. "
            "Give the bag itself; if metadata.yaml is lost, give its .mcap or .db3."
        )
    waiting = [f"{each}-wal" for each in (path.glob("*.db3") if is_folder else [path])]
    for log in map(pathlib.Path, waiting):
        if log.exists() and log.stat().st_size:
            raise ValueError(
                "A bag must have been closed, so that all messages are in it. "
                f"Received: {str(log)!r}, where SQLite keeps some. Close it with: "
                f"sqlite3 {str(log)[:-4]!r} 'pragma wal_checkpoint(truncate)'."
            )
    return source


def total_size(source: Source) -> int:
    """Number of bytes of a bag and all its files."""
    path = pathlib.Path(source.name)
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


@contextlib.contextmanager
def opened(source: Source, *, is_new: bool) -> Iterator[Any]:
    """Opens a bag to be read.

    Args:
        source: `Source`, by `bag_source`.
        is_new: bool. Whether what is unpacked as a whole is measured first.

    Yields:
        `rosbags.highlevel.AnyReader`, with unpacking that is limited.

    Raises:
        ValueError: if it is no bag, or damaged.
        ImportError: if rosbags is not installed.
    """
    highlevel = require("rosbags.highlevel", extra="rosbags")
    typesys = require("rosbags.typesys", extra="rosbags")
    limit = Limit(total_size(source))
    path = pathlib.Path(source.name)
    with contextlib.ExitStack() as stack:
        with reading(source, BAG):
            _limit_mcap(limit)
            if is_new and path.is_dir():
                for packed in path.glob("*.zstd"):
                    _measure(source, packed)
            latest = typesys.get_typestore(typesys.Stores.LATEST)
            reader = highlevel.AnyReader([path], default_typestore=latest)
            stack.enter_context(reader)
            for each in reader.readers:
                _limit_chunks(each, limit)
        yield reader


class Limit:
    """Unpacks what does not swell beyond all measure.

    Args:
        size: int. Bytes of the bag.
    """

    def __init__(self, size: int):
        self.size = size

    def bz2(self, content: bytes) -> bytes:
        """Unpacks a chunk of bzip2."""
        return self._unpacked(bz2.BZ2Decompressor(), content)

    def lz4(self, content: bytes, _: int = 0) -> bytes:
        """Unpacks a chunk of LZ4."""
        frame = require("lz4.frame", extra="rosbags")
        return self._unpacked(frame.LZ4FrameDecompressor(), content)

    def zstd(self, content: bytes, _: int = 0) -> bytes:
        """Unpacks a chunk, or a message, of Zstandard."""
        zstd = require("backports.zstd", extra="rosbags")
        return self._unpacked(zstd.ZstdDecompressor(), content)

    def _unpacked(self, decompressor: Any, content: bytes) -> bytes:
        parts, total = [], 0
        while not decompressor.eof:
            part = decompressor.decompress(content, 2**24)
            total += len(part)
            if not part and decompressor.needs_input:
                raise ValueError("a packed part is cut short")
            if is_bomb(total, self.size):
                raise ValueError(f"a part that unpacks to more than {total} bytes")
            parts.append(part)
            content = b""
        return b"".join(parts)


def stored(
    source: Source, reader: Any, topic: str, begin: int | None, end: int | None
) -> Iterator[tuple[int, str, bytes]]:
    """Messages of a topic as the bag has them, in the order of the log.

    Args:
        source: `Source` of the bag.
        reader: `AnyReader` of rosbags, open.
        topic: str.
        begin: int. Nanoseconds of the first, or None.
        end: int. Nanoseconds that are after the last, or None.

    Yields:
        nanoseconds, the type of the message, and its bytes.
    """
    limit = Limit(total_size(source))
    for each in reader.readers:
        storage = getattr(each, "storage", each)
        is_packed = getattr(storage, "metadata", None) is not None
        is_packed = is_packed and storage.metadata.compression_mode == "message"
        # Each file is asked for itself: a folder gives none of the messages whose
        # quality of service its metadata.yaml writes in another way than its files.
        for part in getattr(storage, "storages", [storage]):
            connections = [c for c in part.connections if c.topic == topic]
            for kind in {c.msgtype for c in connections}:
                check_type(reader.typestore.fielddefs, kind)
            if not connections:
                continue
            for connection, time, content in part.messages(connections, begin, end):
                content = limit.zstd(content) if is_packed else content
                yield time, connection.msgtype, content


def _limit_chunks(reader: Any, limit: Limit) -> None:
    """Chunks of a ROS 1 bag are unpacked within the limit."""
    chunks = getattr(reader, "chunks", None) or {}
    packers = {"bz2": limit.bz2, "lz4.frame": limit.lz4}
    for place, chunk in chunks.items():
        packer = packers.get(chunk.decompressor.__module__)
        if packer is not None:
            chunks[place] = chunk._replace(decompressor=packer)


def _limit_mcap(limit: Limit) -> None:
    """Chunks of MCAP are unpacked within the limit: rosbags has one table of ways."""
    storage = require("rosbags.rosbag2.storage_mcap", extra="rosbags")
    storage.DECOMPRESSORS.update(lz4=limit.lz4, zstd=limit.zstd)


def _measure(source: Source, packed: pathlib.Path) -> None:
    """Refuses a file that unpacks to far more than the bag."""
    zstd = require("backports.zstd", extra="rosbags")
    with packed.open("rb") as file, zstd.open(file, "rb") as content:
        total = 0
        while block := content.read(2**20):
            total += len(block)
            check_unpacked(Source(str(packed)), total)


def check_type(definitions: Any, kind: str) -> None:
    """Refuses a type of messages whose arrays are too long, or that holds itself.

    Args:
        definitions: dict of rosbags, from a type to its constants and fields.
        kind: str. The type.

    Raises:
        ValueError: saying what is wrong with it.
    """
    _elements(definitions, kind, ())


def _elements(definitions, kind, above):
    """How many elements a message has at least, and how many bytes."""
    if kind in above or len(above) > 32:
        raise ValueError(f"messages of type {kind!r} hold themselves")
    if kind not in definitions:
        raise ValueError(
            f"the type {kind!r} is neither defined in it nor one that ROS comes with; "
            "record to MCAP, or with ROS 2 Iron or later, which store definitions"
        )
    count, size = 1, 0
    for _, (form, what) in definitions[kind][1]:
        inner, length = (form, what), 1
        if form >= 3:  # an array of fixed length, or a sequence
            inner, length = what
        if inner[0] == 2:
            elements, bytes_each = _elements(definitions, inner[1], (*above, kind))
        else:
            elements, bytes_each = 1, 1
        if form == 4:
            if not bytes_each:
                raise ValueError(f"a sequence of {inner[1]!r}, which takes no bytes")
            elements, bytes_each, length = 1, 4, 1
        count += elements * length
        size += bytes_each * length
        if count > _MOST_ELEMENTS:
            raise ValueError(f"messages of type {kind!r} of {count} elements")
    has_none = definitions[kind][1][0][0] == "structure_needs_at_least_one_member"
    return count, 0 if has_none else size
