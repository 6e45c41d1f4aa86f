"""The chunks of an XDF file, walked through before a library believes them."""

import dataclasses
import gzip
import io
import struct
from typing import IO

from keras_dcat.recordings.readers.markup import local_name, parsed
from keras_dcat.recordings.readers.opened_files import Source, check_unpacked

_SIZES = dict(int8=1, int16=2, int32=4, int64=8, float32=4, double64=8, string=1)
_FILE_HEADER, _HEADER, _SAMPLES, _OFFSET, _FOOTER = 1, 2, 3, 4, 6


@dataclasses.dataclass(frozen=True)
class StreamHeader:
    """What an XDF file says of one of its streams.

    Args:
        number: int. Its number in the file.
        name: str.
        kind: str. Its type: `"EEG"`, `"Markers"`.
        channels: int. How many it has.
        value_type: str. `"float32"`, `"string"` and the like.
        labels: tuple of str. Names of the channels, if there is one for each.
    """

    number: int
    name: str
    kind: str
    channels: int
    value_type: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        values = f"{self.channels} × {self.value_type}"
        return f"{self.number}: {self.name!r} of type {self.kind!r} ({values})"


def opened(source: Source) -> IO[bytes]:
    """The file, unpacked if it is packed as `.xdfz` files are."""
    if source.head(2) != b"\x1f\x8b":
        return source.opened()
    content = io.BytesIO()
    with source.opened() as packed, gzip.open(packed) as file:
        while block := file.read(2**20):
            content.write(block)
            check_unpacked(source, content.tell())
    content.seek(0)
    return content


def stream_headers(file: IO[bytes]) -> list[StreamHeader]:
    """The streams of a file whose chunks are whole.

    Args:
        file: binary file, read from where it is.

    Returns:
        list of `StreamHeader`, in the order of the file.

    Raises:
        ValueError: if a chunk is cut short, or if the counts in it do not fit its size.
    """
    start = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(start)
    if file.read(4) != b"XDF:":
        raise ValueError("no mark of one at its start")
    streams: dict[int, StreamHeader] = {}
    while file.tell() < size:
        at = file.tell()
        length = _number(file)
        if length is None or length < 2 or file.tell() + length > size:
            raise ValueError(f"it is damaged, or cut short, at byte {at} of {size}")
        end = file.tell() + length
        (tag,) = struct.unpack("<H", file.read(2))
        _check(file, tag, length - 2, streams)
        file.seek(end)
    return list(streams.values())


def _check(file, tag, length, streams):
    """Reads what is small, and refuses what a library would take memory for."""
    if tag == _FILE_HEADER:
        parsed(file.read(length))
    if tag not in (_HEADER, _SAMPLES, _OFFSET, _FOOTER):
        return
    if length < 4:
        raise ValueError(f"a chunk of {length} bytes")
    (number,) = struct.unpack("<I", file.read(4))
    if tag == _HEADER:
        if number in streams:
            raise ValueError(f"two streams of number {number}")
        streams[number] = _header(number, file.read(length - 4))
    elif number not in streams:
        raise ValueError(f"samples of stream {number}, which has no header")
    elif tag == _FOOTER:
        parsed(file.read(length - 4))
    elif tag == _SAMPLES:
        stream, begin = streams[number], file.tell()
        count = _number(file)
        room = length - 4 - (file.tell() - begin)
        # A sample has a byte for its time, and a text at least one for its length.
        least = 1 + stream.channels * _SIZES[stream.value_type]
        if count is None or count * least > room:
            raise ValueError(f"{count} samples in {room} bytes of stream {number}")
    elif length < 20:
        raise ValueError(f"a clock offset of {length} bytes")


def _header(number, content):
    root = parsed(content)
    fields = {local_name(item.tag): (item.text or "").strip() for item in root}
    labels = [
        (item.text or "").strip()
        for item in root.findall("./desc/channels/channel/label")
    ]
    value_type, channels = fields.get("channel_format"), int(fields["channel_count"])
    if value_type not in _SIZES or not 0 < channels < 2**20:
        raise ValueError(f"{channels} channels of {value_type!r}")
    return StreamHeader(
        number,
        fields.get("name", ""),
        fields.get("type", ""),
        channels,
        value_type,
        tuple(labels) if len(labels) == channels else (),
    )


def _number(file):
    """A number behind the count of its bytes, or None if there is none."""
    width = file.read(1)
    if width not in (b"\x01", b"\x04", b"\x08"):
        return None
    content = file.read(width[0])
    return int.from_bytes(content, "little") if len(content) == width[0] else None
