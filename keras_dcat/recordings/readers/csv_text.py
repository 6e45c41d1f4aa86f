"""The text of a table, line by line and cell by cell, however it is encoded."""

import codecs
import collections
import csv
import dataclasses
import io
import itertools
from collections.abc import Iterator

from keras_dcat.recordings.readers.opened_files import Source

BLANK = None  # the delimiter that stands for any blank space

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16 does
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MOST_LINES = 50  # of one row, whose cells have line breaks


@dataclasses.dataclass(frozen=True)
class Text:
    """The lines of a file.

    Args:
        source: `Source`.
        encoding: str. As Python names it.
    """

    source: Source
    encoding: str

    def lines(self, after: int = 0) -> Iterator[tuple[int, str]]:
        """Lines that are not blank, numbered from 1, behind one of them."""
        # A header with a degree sign of another encoding must not stop the numbers.
        file = self.source.opened()
        with io.TextIOWrapper(file, self.encoding, errors="replace") as text:
            for number, line in enumerate(text, start=1):
                if number > after and line.strip(" \r\n"):
                    yield number, line

    def rows(self, after: int, delimiter: str | None) -> Iterator[tuple[int, str]]:
        """The same, where lines that a quoted cell goes over are one."""
        lines = self.lines(after)
        waiting: collections.deque[tuple[int, str]] = collections.deque()
        tries = 100
        while waiting or (waiting := collections.deque(itertools.islice(lines, 1))):
            number, line = waiting.popleft()
            if '"' in line and tries and _ending(line, delimiter) == "open":
                tries -= 1
                waiting.extend(
                    itertools.islice(lines, max(0, _MOST_LINES - len(waiting)))
                )
                whole = line
                for count, (_, more) in enumerate(waiting, start=1):
                    whole += more
                    if '"' in more and _ending(whole, delimiter) == "whole":
                        line, tries = whole, tries + 1
                        for _ in range(count):
                            waiting.popleft()
                        break
            yield number, line


def _ending(line, delimiter):
    """Whether a row is whole, has a quoted cell that is open, or is no good CSV."""
    lines = io.StringIO(line, newline="")
    try:
        next(csv.reader(lines, delimiter=delimiter or " ", strict=True))
    except csv.Error as error:
        return "open" if "end of data" in str(error) else "broken"
    return "whole"


def text_of(source: Source, encoding: str | None) -> Text:
    """The text of a file, in the encoding that its first bytes say.

    Args:
        source: `Source`.
        encoding: str. None for UTF-8, or UTF-16 with a mark.

    Returns:
        `Text`.

    Raises:
        ValueError: if there is no such encoding, or if it is UTF-16 without a mark.
    """
    head = source.head(4096)
    if encoding is None:
        encoding = next(
            (e for mark, e in _MARKS.items() if head.startswith(mark)), None
        )
    if encoding is None:
        odd, even = head[1:200:2], head[:200:2]
        for zeros, others, name in ((odd, even, "le"), (even, odd, "be")):
            if 2 * zeros.count(0) > len(zeros) > 3 and not others.count(0):
                raise ValueError(
                    "Text must be UTF-8, or UTF-16 with a mark at its beginning. "
                    f"Received: {source.name!r}, every other byte of which is 0. "
                    f"Pass encoding='utf-16-{name}'."
                )
    try:
        encoding = codecs.lookup(encoding or "utf-8-sig").name
        if encoding == "utf-8":
            encoding = "utf-8-sig"
        "".encode(encoding)
    except (LookupError, TypeError) as error:
        raise ValueError(
            "`encoding` must be the name of an encoding of text. "
            f"Received: encoding={encoding!r}. Pass one such as 'utf-8' or 'cp1252'."
        ) from error
    return Text(source, encoding)


def cells_of(line: str, delimiter: str | None) -> list[str]:
    """The cells of a row, without the blanks and quotes around them."""
    line = line.rstrip("\r\n")
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    if delimiter is BLANK:
        cells = csv.reader([" ".join(line.split())], delimiter=" ")
    else:
        cells = csv.reader(
            io.StringIO(line, newline=""), delimiter=delimiter, skipinitialspace=True
        )
    return [cell.strip() for cell in next(cells, [])]
