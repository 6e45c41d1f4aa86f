"""Whether a sound or video file ends where its container says that it does."""

from typing import IO

from keras_dcat.recordings.readers.opened_files import Source

# Sizes of RIFF from here on are what writers put that did not know it.
_UNKNOWN_RIFF = 0x7FFF0000
_MP4_BOXES = (b"ftyp", b"moov", b"moof", b"mdat", b"styp", b"sidx", b"free", b"skip")
_MATROSKA, _SEGMENT = 0x1A45DFA3, 0x18538067
_PROPERTIES_OF_ASF = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def cut_short(source: Source) -> str | None:
    """What is missing at the end of a file, by the sizes that are written in it.

    Nothing is decoded. RIFF (WAV, AVI), MP4 and its kin, fragmented too, Matroska,
    ASF and MPEG transport streams are walked through from size to size; what they
    have no size for, as between two fragments, and other formats cannot be told.

    Args:
        source: `Source`. A sound or video file of any format, or none.

    Returns:
        str that says what was found, or None.
    """
    size = source.size
    with source.opened() as file:
        head = file.read(16)
        if head[:4] == b"RIFF":
            return _riff(file, size)
        if head[4:8] in _MP4_BOXES:
            return _mp4(file, size)
        if head[:4] == _MATROSKA.to_bytes(4):
            return _matroska(file, size)
        if head[:4] == bytes.fromhex("3026b275"):
            return _asf(file, size)
        return _transport_stream(file, size)


def ogg_streams(source: Source) -> tuple[int, bool, str | None]:
    """What an OGG file consists of.

    Args:
        source: `Source`. An OGG file.

    Returns:
        int, how many streams begin at its beginning; bool, whether others begin
        further in; and str that says what is missing at its end, or None.
    """
    side_by_side, is_chained, place, size = 0, False, 0, source.size
    has_data = False
    with source.opened() as file:
        while place < size:
            file.seek(place)
            page = file.read(27)
            lengths = file.read(page[26]) if len(page) == 27 else b""
            if page[:4] != b"OggS"[: len(page)]:
                break
            place += 27 + len(lengths) + sum(lengths)
            if len(page) < 27 or len(lengths) < page[26] or place > size:
                return side_by_side, is_chained, "its last page is not whole"
            is_first = bool(page[5] & 2)
            side_by_side += is_first and not has_data
            is_chained |= is_first and has_data
            has_data |= not is_first
    return side_by_side, is_chained, None


def _compared(found: int, declared: int) -> str | None:
    if found < declared:
        return f"{found} bytes of the {declared} in its header"
    return None


def _riff(file: IO[bytes], size: int) -> str | None:
    """Large AVI files are several such chunks."""
    place = 0
    while True:
        file.seek(place)
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        if head[:4] != b"RIFF" or not 0 < length < _UNKNOWN_RIFF:
            return None
        place += 8 + length
        # One byte: some writers count the padding of an odd size that they left out.
        if size + 1 < place:
            return _compared(size, place)
        place += length % 2


def _mp4(file: IO[bytes], size: int) -> str | None:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4]), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:])
        if length < 8:  # to the end of the file, or no box
            return None
        place += length
        # Whatever else may follow after the last box is no loss.
        if place > size and kind in _MP4_BOXES:
            return _compared(size, place)
    return None


def _matroska(file: IO[bytes], size: int) -> str | None:
    """Elements of the top, and inside of a segment that has no size."""
    place = 0
    while place < size:
        file.seek(place)
        kind, _ = _number(file, keeps_marker=True)
        length, is_known = _number(file, keeps_marker=False)
        if kind is None or length is None:
            return None
        place = file.tell()
        if is_known:
            place += length
        elif kind != _SEGMENT:
            return None
        if place > size:
            return _compared(size, place)
    return None


def _number(file: IO[bytes], keeps_marker: bool) -> tuple[int | None, bool]:
    """A number of EBML, and whether it is not the one that means unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None, False
    width = 9 - first[0].bit_length()
    number = int.from_bytes(first + file.read(width - 1))
    highest = (1 << 7 * width) - 1
    return (number if keeps_marker else number & highest), number & highest != highest


def _asf(file: IO[bytes], size: int) -> str | None:
    file.seek(0)
    head = file.read(2**14)
    place = head.find(_PROPERTIES_OF_ASF)
    if place < 0:
        return None
    return _compared(size, int.from_bytes(head[place + 40 : place + 48], "little"))


def _transport_stream(file: IO[bytes], size: int) -> str | None:
    file.seek(0)
    head = file.read(1024)
    for packet, first in ((188, 0), (192, 4)):  # with a time before each, of cameras
        marks = head[first::packet]
        if len(marks) >= 4 and set(marks) == {0x47} and size % packet:
            return f"{size % packet} bytes of the {packet} of its last packet"
    return None
