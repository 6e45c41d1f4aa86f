"""Labels in tables of text, and Audacity's label tracks."""

import csv
import io
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.readers.columns import check_no_dates
from keras_dcat.recordings.readers.dates import seconds
from keras_dcat.recordings.readers.label_files import Mark, as_intervals
from keras_dcat.recordings.readers.opened_files import (
    File,
    Source,
    check_names,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.readers.zones import Unclear

_TABLE = "a table of text with one row per label"
_TRACK = "a label track of Audacity, with a start, an end and a text in each line"
_MOST_LINES = 1000  # among which the header must be
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_label_table(
    path: File,
    label: str,
    *,
    begin: str,
    end: str | None = None,
    duration: str | None = None,
    until: float | None = None,
    start: float = 0.0,
    time_unit: float = 1.0,
    time_format: str | None = None,
    timezone: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    names: Sequence[str] | None = None,
    skip: int = 0,
    encoding: str | None = None,
    class_names: Sequence[str] | None = None,
    ignore: str | Sequence[str] = (),
) -> Intervals:
    """Labels of a table with when each begins and ends, such as a CSV file.

    Times are numbers, hours as in `1:02:03.5`, or dates, as for `read_csv`. With
    neither `end` nor `duration` each label holds until the next one begins.

    Args:
        path: str or path, or a file open in binary mode.
        label: str. Name of the column of labels: the names of classes, or their
            numbers.
        begin: str. Name of the column of the times at which labels begin.
        end: str. Name of the column of the times at which they end.
        duration: str. Name of the column of how long they hold, instead of `end`.
        until: float. When the last label ends, in seconds, `start` included, where
            neither `end` nor `duration` is given.
        start: float. Seconds at which the file's own clock reads 0.
        time_unit: float. Seconds per unit of times that are numbers: 0.001 for
            milliseconds.
        time_format: str. How dates are written, as for `datetime.strptime`, in
            English: `"%d.%m.%Y %H:%M:%S"`. None for ISO 8601. Times without a day
            count from midnight.
        timezone: str. The zone of dates that say none: `"UTC"`, `"Europe/Berlin"` or
            `"+02:00"`. Dates become seconds since 1970.
        delimiter: str. What stands between cells. None for that of comma, semicolon,
            tab and bar at which the columns are found.
        decimal: str. `"."` or `","`. None for what the numbers say.
        names: list of str. The names of all columns, if the file has no header.
        skip: int. Number of lines that are not looked at. The header is the first
            line that has all names that are asked for.
        encoding: str. How letters are stored, if it is not Unicode: `"cp1252"`.
        class_names: sequence of str, in the order of the model's outputs. None for
            the sorted names of this file, or for numbers.
        ignore: str or list of str. Labels that become no label. `""` for empty cells.

    Returns:
        `Intervals`, in the order of their starts.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if there is not such a column, if a row is too short or too long,
            if a time is none or can mean two, if a label ends before it begins, or is
            not among `class_names`.

    Example:

    >>> table = io.BytesIO(b"from,to,what\\n0,2.5,sit\\n2.5,4,walk\\n4,9,pause\\n")
    >>> labels = read_label_table(
    ...     table, "what", begin="from", end="to", ignore=["pause"], start=10.0
    ... )
    >>> labels.starts.tolist(), labels.ends.tolist(), labels.class_names
    ([10.0, 12.5], [12.5, 14.0], ('sit', 'walk'))
    """
    if isinstance(start, str):
        raise ValueError(
            "`start` is the seconds at which the file's own clock reads 0. "
            f"Received: start={start!r}. Name the column of times with begin={start!r}."
        )
    if sum(each is not None for each in (end, duration, until)) > 1:
        raise ValueError(
            "Labels end at the times of one column, or each where the next begins. "
            f"Received: end={end!r}, duration={duration!r}, until={until!r}. "
            "Give one of them."
        )
    source = source_of(path)
    wanted = [name for name in (label, begin, end, duration) if name is not None]
    columns, delimiter = _columns(source, wanted, delimiter, names, skip, encoding)

    def times(column):
        number = (delimiter, decimal, time_unit)
        return _times(source, column, columns[column], number, time_format, timezone)

    begins = times(begin)
    if end is not None:
        ends = times(end).tolist()
    elif duration is not None:
        number = (delimiter, decimal, time_unit)
        lengths = _times(source, duration, columns[duration], number, None, None)
        ends = (begins + lengths).tolist()
    else:
        ends = [None] * len(begins)
    marks = list(map(Mark, begins.tolist(), ends, columns[label]))
    instants = "hold" if end is None and duration is None else None
    options: dict[str, Any] = {
        "class_names": class_names,
        "ignore": ignore,
        "start": start,
    }
    return as_intervals(source, marks, instants=instants, until=until, **options)


def read_audacity_labels(
    path: File,
    *,
    instants: str | None = None,
    until: float | None = None,
    start: float = 0.0,
    decimal: str | None = None,
    encoding: str | None = None,
    class_names: Sequence[str] | None = None,
    ignore: str | Sequence[str] = (),
) -> Intervals:
    """Labels that Audacity exported: start, end and text, between tabs.

    Lines of frequencies, which begin with a backslash, are left out.

    Args:
        path: str or path, or a file open in binary mode.
        instants: str. What labels of points mean, which end where they begin:
            `"hold"` until the next label begins, or `"drop"`. None if there should be
            none.
        until: float. When the last label of a point ends that holds, in seconds,
            `start` included.
        start: float. Seconds at which the sound's own clock reads 0.
        decimal: str. `"."` or `","`. None for what the numbers say.
        encoding: str. How letters are stored, if it is not Unicode: `"cp1252"`.
        class_names: sequence of str, in the order of the model's outputs. None for
            the sorted names of this file, or for numbers.
        ignore: str or list of str. Labels that become no label. `""` for those without
            a text.

    Returns:
        `Intervals`, in the order of their starts.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if a line is no label, if one has no length and `instants` does not
            say what that means, or if a text is not among `class_names`.

    Example:

    >>> track = io.BytesIO(b"0.0\\t2.5\\tsit\\n2.5\\t4.0\\twalk\\n")
    >>> read_audacity_labels(track).labels.tolist()
    [0, 1]
    """
    source = source_of(path)
    cells = []
    for number, line in enumerate(_lines(_text(source, encoding)), start=1):
        if not line.strip() or line.startswith("\\"):
            continue
        parts = line.split("\t", 2)
        if len(parts) < 2:
            raise unreadable(source, _TRACK, f"line {number} is {line[:60]!r}")
        cells.append([*parts, ""][:3])
    begins, ends = (
        _numbers([row[n].strip() for row in cells], "\t", decimal) for n in (0, 1)
    )
    if begins is None or ends is None:
        raise unreadable(source, _TRACK, "a start or an end is no number")
    marks = [
        Mark(begin, None if begin == end else end, row[2].strip())
        for begin, end, row in zip(begins.tolist(), ends.tolist(), cells, strict=True)
    ]
    options: dict[str, Any] = {
        "class_names": class_names,
        "ignore": ignore,
        "start": start,
    }
    return as_intervals(source, marks, instants=instants, until=until, **options)


def _text(source: Source, encoding: str | None) -> str:
    with source.opened() as file:
        content = file.read()
    known = encoding or _MARKS.get(content[:2], "utf-8-sig")
    try:
        return content.decode(known)
    except (UnicodeError, LookupError) as error:
        raise ValueError(
            "Text must be Unicode, or it must be said what it is. "
            f"Received: {source.name!r}: {error}. Pass its encoding, such as "
            "encoding='cp1252' for Windows in Western Europe."
        ) from error


def _lines(text: str) -> list[str]:
    # Not by `splitlines`, for which a label may hold the end of a line.
    return re.split(r"\r\n|\r|\n", text)


def _columns(source, wanted, delimiter, names, skip, encoding):
    """Cells of the wanted columns, without blanks around them, and the delimiter."""
    lines = _lines(_text(source, encoding))[skip:]
    told = re.fullmatch("sep=(.)", lines[0]) if lines else None  # by spreadsheets
    if told:
        lines[0], delimiter = "", delimiter or told[1]
    text = "\n".join(lines)
    tries = [delimiter] if delimiter else [",", ";", "\t", "|"]
    tables, failed = {}, None
    for each in tries:  # cells in quotes are none by another delimiter
        try:
            tables[each] = _rows(source, text, each)
        except ValueError as error:
            failed = failed or error
    if failed is not None and not tables:
        raise failed

    def begin(rows):
        """Where the header is, behind what a program says of the file."""
        headers = enumerate(rows[:_MOST_LINES] if names is None else ())
        return next((n for n, (_, row) in headers if set(wanted) <= set(row)), 0)

    def fits(rows):
        if names is not None:
            return bool(rows) and len(rows[0][1]) == len(names)
        return bool(rows) and set(wanted) <= set(rows[begin(rows)][1])

    best = max(tables, key=lambda each: (fits(tables[each]), _width(tables[each])))
    if failed and not fits(tables[best]):
        raise failed
    rows = tables[best][begin(tables[best]) :]
    header = list(names) if names is not None else rows.pop(0)[1] if rows else []
    if not header:
        raise unreadable(source, _TABLE, "it has no header")
    check_names(source, dict.fromkeys(wanted), header)
    for number, cells in rows:
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise ValueError(
                "Every row must have one cell for each column. "
                f"Received: {source.name!r}, row {number + skip} with {len(cells)} of "
                f"{len(header)} cells. Correct the row or the header."
            )
    places = {name: header.index(name) for name in wanted}
    return {n: [cells[p] for _, cells in rows] for n, p in places.items()}, best


def _rows(source, text, delimiter):
    """Numbers and cells of the rows that are not blank."""
    with reading(source, _TABLE):
        table = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        rows = ((table.line_num, [cell.strip() for cell in row]) for row in table)
        return [(number, cells) for number, cells in rows if any(cells)]


def _width(rows):
    return len(rows[0][1]) if rows else 0


def _times(source, column, texts, number, time_format, timezone):
    """Seconds of the cells of a column, float64."""
    delimiter, decimal, time_unit = number
    where = f"The column is {column!r} of {source.name!r}."
    try:
        if time_format is None:
            values = _numbers(texts, delimiter, decimal)
            if values is not None:
                check_no_dates(values, time_unit, lambda row: repr(texts[row]))
                return values * time_unit
        dates = np.array([text.encode("utf-8") for text in texts], "S")
        # Labels need not be in order, which could tell summer from standard time.
        return seconds(dates, time_format, timezone, ordered=False)
    except Unclear as error:
        raise ValueError(
            f"{error.rule} Received: {error.found}. {error.cure} {where}"
        ) from error
    except ValueError as error:
        raise ValueError(f"{error} {where}") from error


def _numbers(texts, delimiter, decimal):
    """Cells as numbers, or None if they are not all written as such."""
    with_comma = [text for text in texts if "," in text]
    if with_comma and decimal is None and delimiter != ",":
        # 1,234 is one and a bit in Berlin, and more than a thousand in Boston.
        unclear = all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", t) for t in with_comma)
        has_point = any("." in text for text in texts)
        if (unclear and not has_point) or any(t.count(",") > 1 for t in with_comma):
            if all(_is_number(text.replace(",", "")) for text in texts):
                raise ValueError(
                    "A comma in a number must be a decimal comma, and be known as one. "
                    f"Received: {with_comma[0]!r}, which could mean thousands. "
                    "Pass decimal=',' if it is the decimal mark; otherwise take the "
                    "commas out."
                )
        decimal = "." if has_point else ","
    if decimal == ",":
        texts = [text.replace(",", ".") for text in texts]
    return np.array(texts, "float64") if all(map(_is_number, texts)) else None


def _is_number(text):
    if "_" in text or not text.isascii():  # which Python takes for numbers
        return False
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
