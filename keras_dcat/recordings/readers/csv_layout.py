"""Where the header of a table is, and what stands between its cells."""

import dataclasses
import difflib
import itertools
import json
import re
from collections.abc import Sequence

from keras_dcat.recordings.readers.csv_numbers import is_number, is_word
from keras_dcat.recordings.readers.csv_text import BLANK, Text, cells_of
from keras_dcat.recordings.readers.dates import is_date
from keras_dcat.recordings.readers.opened_files import check_names, reading, unreadable
from keras_dcat.storage import JSON_ERRORS

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
        lines = list(itertools.islice(text.lines(skip), _MOST_LINES))
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
    names = names or _names_in_json(lines)
    if names is None and is_named:
        return _by_header(text, wanted, lines, delimiter)
    marks = ("#",) if comment is None else comment
    rows = [line for line in lines if not line[1].lstrip().startswith(marks)]
    if not rows:
        raise unreadable(text.source, CSV, "it has no row")
    return _by_rows(text, wanted, names, begin, rows, skip)


def _names_in_json(lines):
    """Names of columns as OpenSignals writes them: for each device, behind a `#`."""
    for _, line, _ in lines:
        if not line.startswith("# {"):
            continue
        try:
            devices = json.loads(line[2:]).values()
            names = [name for device in devices for name in device["column"]]
        except JSON_ERRORS:
            continue
        if names and all(isinstance(name, str) for name in names):
            return names
    return None


def _by_header(text, wanted, lines, delimiter):
    """The first line that has all names is the header."""
    named = [name for name in wanted if isinstance(name, str)]
    for number, line, split in lines:
        ways: dict = {}
        for between, cells in split.items():
            for header in (_uncommented(line, between), cells):
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
    lines = [one for one in lines if not one[1].startswith("#")] or lines
    lines = [(number, line, _divided(split)) for number, line, split in lines]
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
        more = ""
        twice = [name for name in named if cells.count(name) > 1]
        if twice:
            places = [n for n, cell in enumerate(cells) if cell == twice[0]][:10]
            more = f" Take one by its number: {' or '.join(map(str, places))}."
        elif any("\ufffd" in cell for cell in cells):
            more = " If letters are lost, pass encoding='cp1252'."
        elif delimiter is not None and len(cells) == 1:
            more = " Or leave `delimiter` out to have it found."
        return ValueError(f"{error}{more}")
    return unreadable(text.source, CSV, "it has no header")


def _divided(split):
    """Without the cells between blanks, where another sign divides the line."""
    signs = {between: cells for between, cells in split.items() if between != BLANK}
    return signs if any(len(cells) > 1 for cells in signs.values()) else split


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
            numbers = sum(map(is_number, after.get(between, ())))
            if all(map(is_word, filter(None, cells))) and numbers and len(cells) > 1:
                return number, line, cells
    number, line, split = lines[0]
    return number, line, max(split.values(), key=len)


def _by_rows(text, wanted, names, begin, rows, skip):
    """Without names in the file, the first row tells the delimiter."""
    number, line, split = rows[0]
    ways = {d: _ended(c) for d, c in split.items() if _fits(_ended(c), wanted, names)}
    if names is None and len(rows) > 1:  # a header is as wide as the row behind it
        below = {d: len(_ended(cells)) for d, cells in rows[1][2].items()}
        ways = {
            d: cells
            for d, cells in ways.items()
            if len(cells) == below.get(d) or not _words_at({d: cells}, wanted)
        }
    is_alone = len(split) == 1 or names is not None
    if not ways and (cut := _lines_before(rows, wanted, names)):
        raise ValueError(
            "The first line must be a row, or the header. "
            f"Received: {text.source.name!r}, line {number}: {line[:60].strip()!r}. "
            f"If the table begins at line {cut + 1}, pass skip={cut}."
        )
    if not ways and not is_alone:
        between = max(split, key=lambda one: len(split[one]))
    else:
        between = _only(text, number, ways) if ways else next(iter(split))
    _check_no_start(text, wanted, names, rows, between, skip)
    if names is not None:
        names = list(names)
        return Layout(names, _places(text, wanted, names), between, begin)
    cells = ways.get(between, split[between])
    used = _places(text, wanted, cells)
    if all(is_word(cells[n]) and not is_date(cells[n]) for n in used):
        return Layout(cells, used, between, number, split[between])
    return Layout([str(n) for n in range(len(cells))], used, between, begin)


def _ended(cells):
    """Cells without the empty one behind a delimiter at the end of a row."""
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def _fits(cells, wanted, names):
    """Whether a line may be a row, or a header of columns that are given by number."""
    if names is not None:
        return len(cells) == len(names)
    if max(wanted) >= len(cells):
        return False
    dates = [is_date(cells[n]) for n in wanted]
    numbers = [is_number(cells[n]) or d for n, d in zip(wanted, dates, strict=True)]
    words = [is_word(cells[n]) and not d for n, d in zip(wanted, dates, strict=True)]
    return all(words) or all(numbers)


def _lines_before(rows, wanted, names):
    """How many lines stand before the first row of numbers and its header."""
    for place, (number, _, split) in enumerate(rows):
        for between, cells in split.items():
            cells = _ended(cells)
            chosen = range(len(cells)) if names is not None else wanted
            fits = _fits(cells, wanted, names)
            if not fits or not any(is_number(cells[n]) for n in chosen):
                continue
            while names is None and place and _words_at(rows[place - 1][2], wanted):
                if len(_ended(rows[place - 1][2][between])) != len(cells):
                    break
                place, number = place - 1, rows[place - 1][0]
            return number - 1
    return None


def _words_at(split, wanted):
    return any(
        len(cells) > max(wanted) and all(is_word(cells[n]) for n in wanted)
        for cells in split.values()
    )


def _check_no_start(text, wanted, names, rows, between, skip):
    """Refuses a first row that says when, and a second that says at what rate."""
    heads = [_ended(split[between]) for _, _, split in rows[:3]]
    if skip or len(heads) < 3 or len({len(cells) for cells in heads}) > 1:
        return
    if not all(
        is_number(cell) and "," not in cell for cells in heads for cell in cells
    ):
        return
    (start, *starts), (rate, *rates), after = (list(map(float, c)) for c in heads)
    if {*starts} <= {start} and {*rates} <= {rate} and 1e9 < start < 2e9:
        if 0 < rate < 1e4 and not any(1e9 < value < 2e9 for value in after):
            raise ValueError(
                "Every row must be a sample. "
                f"Received: {text.source.name!r}, whose first row looks like a time "
                f"and the second like a rate, as of Empatica: {start} and {rate}. "
                f"Pass skip={rows[1][0]}, start={start} and rate={rate}."
            )
