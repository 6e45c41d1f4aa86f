"""Where the header of a table is, and what stands between its cells."""

import dataclasses
import difflib
import itertools
import re
from collections.abc import Sequence

from keras_dcat.recordings.readers.csv_numbers import is_number, is_word
from keras_dcat.recordings.readers.csv_text import BLANK, Text, cells_of
from keras_dcat.recordings.readers.dates import is_date
from keras_dcat.recordings.readers.files import check_names, reading, unreadable

CSV = "a table of text with one row per sample"

_DELIMITERS = (",", ";", "\t", "|")
_MOST_LINES = 1000  # among which the header must be
_SEPARATOR = re.compile(r'"?sep=(\\t|.)"?\s*', re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Layout:
    """What is known of a table before its rows are read.

    Args:
        names: list of str. Of all columns, or their numbers where there is no header.
        used: list of int. Columns that are read, in order.
        delimiter: str. What stands between cells, None for blank space.
        begin: int. The number of the line behind which the rows begin.
        header: list of str. The cells of the header, or None.
    """

    names: list[str]
    used: list[int]
    delimiter: str | None
    begin: int
    header: list[str] | None = None


def layout_of(
    text: Text,
    wanted: Sequence[str | int],
    *,
    names: Sequence[str] | None,
    skip: int,
    delimiter: str | None,
    comment: tuple[str, ...] | None,
) -> Layout:
    """The layout in which a table has the columns that are wanted.

    Args:
        text: `Text`.
        wanted: names of columns, or their numbers from 0.
        names: list of str. Of all columns, if there is no header.
        skip: int. Number of lines that are not looked at.
        delimiter: str. None to find it.
        comment: tuple of str. What lines that are no rows begin with. None for `#`.

    Returns:
        `Layout`.

    Raises:
        ValueError: if it is not there, or not in one way only.
    """
    if delimiter is not None and (
        not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"'
    ):
        raise ValueError(
            "`delimiter` must be one character. "
            f"Received: delimiter={delimiter!r}. "
            "Pass ' ' for any blank space, or leave it out to have it found."
        )
    with reading(text.source, CSV):
        lines = list(itertools.islice(text.rows(skip), _MOST_LINES))
    begin = skip
    said = _SEPARATOR.fullmatch(lines[0][1].strip("\r\n")) if lines else None
    if said and (sep := said[1].replace("\\t", "\t")):
        begin, lines = lines[0][0], lines[1:]
        delimiter = delimiter or sep
    tried = _DELIMITERS + (BLANK,)
    if delimiter is not None:
        tried = (BLANK if delimiter == " " else delimiter,)
    is_named = any(isinstance(name, str) for name in wanted)
    with reading(text.source, CSV):
        lines = [(n, line, {d: cells_of(line, d) for d in tried}) for n, line in lines]
    if names is None and is_named:
        return _by_header(text, wanted, lines, delimiter)
    marks = ("#",) if comment is None else comment
    rows = [line for line in lines if not line[1].lstrip().startswith(marks)]
    if not rows:
        raise unreadable(text.source, CSV, "it has no row")
    return _by_rows(text, wanted, names, begin, rows)


def _by_header(text, wanted, lines, delimiter):
    """The first line that has all names is the header."""
    named = [name for name in wanted if isinstance(name, str)]
    for number, line, split in lines:
        ways = {}
        for between, cells in split.items():
            for header in (cells, _uncommented(line, between)):
                if header and all(header.count(name) == 1 for name in named):
                    ways.setdefault(between, header)
        if ways:
            between = _only(text, number, ways)
            used = _places(text, wanted, ways[between])
            return Layout(ways[between], used, between, number, ways[between])
    if not lines:
        raise unreadable(text.source, CSV, "it has no header")
    raise _no_header(text, named, lines, delimiter)


def _uncommented(line, delimiter):
    """A header that stands behind a `#`, as NumPy writes it."""
    bare = line.lstrip()
    return cells_of(bare.lstrip("# "), delimiter) if bare.startswith("#") else None


def _only(text, number, ways):
    """The delimiter, if there is but one by which a line has what is wanted."""
    several = {d: cells for d, cells in ways.items() if len(cells) > 1}
    if not several:  # one column; what comes then is no part of a number
        return next((d for d in (";", "\t", "|", ",") if d in ways), next(iter(ways)))
    if len(several) > 1:
        several.pop(BLANK, None)
    if len(several) > 1:
        choice = " or ".join(f"delimiter={one!r}" for one in several)
        raise ValueError(
            "What stands between cells must be clear. "
            f"Received: {text.source.name!r}, line {number}, which has the columns by "
            f"{' and by '.join(map(repr, several))}. Pass {choice}."
        )
    return next(iter(several))


def _places(text, wanted, names):
    """Where the columns are that are wanted by name or by number."""
    places = []
    for name in wanted:
        if isinstance(name, str):
            check_names(text.source, [name], names)
            places.append(names.index(name))
        elif 0 <= name < len(names):
            places.append(int(name))
        else:
            raise ValueError(
                "A column must be there. "
                f"Received: column {name} of {text.source.name!r}, which has "
                f"{len(names)}. Count from 0 to {len(names) - 1}."
            )
    return places


def _no_header(text, named, lines, delimiter):
    """The error for names that no line has."""
    number, line, split = max(
        lines[:50], key=lambda one: max(_likeness(c, named) for c in one[2].values())
    )
    cells = max(split.values(), key=lambda cells: (_likeness(cells, named), len(cells)))
    if _likeness(cells, named) < 0.6:  # then that which begins the rows
        number, line, cells = _likely_header(lines)
    if all(map(is_number, cells)) or all(is_number(c) or is_date(c) for c in cells):
        return ValueError(
            "A table must begin with the names of its columns. "
            f"Received: {text.source.name!r}, whose line {number} has only numbers: "
            f"{line[:60].strip()!r}. Pass the names of all columns: names=[…]; or "
            "their numbers, from 0, as columns and time."
        )
    try:
        check_names(text.source, named, cells)
    except ValueError as error:
        places = [n for n, cell in enumerate(cells) if cells.count(cell) > 1]
        more = ""
        twice = [name for name in named if cells.count(name) > 1]
        if twice:
            places = [n for n, cell in enumerate(cells) if cell == twice[0]]
            more = f" Take one by its number: {' or '.join(map(str, places))}."
        elif any("\ufffd" in cell for cell in cells):
            more = " If letters are lost, pass encoding='cp1252'."
        elif delimiter is not None and len(cells) == 1:
            more = " Or leave `delimiter` out to have it found."
        return ValueError(f"{error}{more}")
    return unreadable(text.source, CSV, "it has no header")


def _likeness(cells, named):
    """How near the names of a line come to those that are wanted, at best 1."""
    lowered = [cell.lower() for cell in cells[:1000]]
    scores = []
    for name in named[:20]:
        if name in cells:
            scores.append(1.0)
        elif difflib.get_close_matches(name.lower(), lowered[:200], n=1, cutoff=0.6):
            scores.append(0.6)
        else:
            scores.append(0.0)
    return max(scores)


def _likely_header(lines):
    """The line of words that rows of numbers follow, or the first line."""
    for (number, line, split), (_, _, after) in itertools.pairwise(lines[:200]):
        for between, cells in sorted(split.items(), key=lambda way: -len(way[1])):
            numbers = sum(map(is_number, after[between]))
            if all(map(is_word, filter(None, cells))) and numbers and len(cells) > 1:
                return number, line, cells
    number, line, split = lines[0]
    return number, line, max(split.values(), key=len)


def _by_rows(text, wanted, names, begin, rows):
    """Without names in the file, the first row tells the delimiter."""
    number, line, split = rows[0]
    ways = {}
    for between, cells in split.items():
        if len(cells) > 1 and not cells[-1]:
            cells = cells[:-1]
        if names is not None and len(cells) == len(names):
            ways[between] = cells
        elif names is None and max(wanted) < len(cells):
            kinds = [is_number(cells[n]) or is_date(cells[n]) for n in wanted]
            words = [is_word(cells[n]) and not is_date(cells[n]) for n in wanted]
            if all(words) or all(kinds) or len(split) == 1:
                ways[between] = cells
    between = _only(text, number, ways) if ways else next(iter(split))
    if names is not None:
        names = list(names)
        return Layout(names, _places(text, wanted, names), between, begin)
    cells = ways.get(between, split[between])
    used = _places(text, wanted, cells)
    if all(is_word(cells[n]) and not is_date(cells[n]) for n in used):
        return Layout(cells, used, between, number, split[between])
    return Layout([str(n) for n in range(len(cells))], used, between, begin)
