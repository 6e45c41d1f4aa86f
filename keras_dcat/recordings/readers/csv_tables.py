"""Tables of text with one row per sample, as loggers write them."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.recordings.readers.columns import (
    Column,
    dated,
    joined,
    listed,
    time_columns,
)
from keras_dcat.recordings.readers.csv_layout import Layout, layout_of
from keras_dcat.recordings.readers.csv_numbers import Numbers, is_number
from keras_dcat.recordings.readers.csv_rows import Rules, Table, read_rows
from keras_dcat.recordings.readers.csv_text import Text, cells_of, text_of
from keras_dcat.recordings.readers.opened_files import File, as_stream, source_of
from keras_dcat.recordings.stream import Stream

_WIDTH = 64  # bytes of a date; a longer one is read in another way


def read_csv(
    path: File,
    columns: Column | Sequence[Column],
    *,
    time: Column | Sequence[str] | Sequence[float] | None = None,
    time_unit: float = 1.0,
    time_format: str | None = None,
    timezone: str | None = None,
    rate: float | None = None,
    start: float = 0.0,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    names: Sequence[str] | None = None,
    skip: int = 0,
    skip_below: int = 0,
    comment: str | Sequence[str] | None = None,
    missing: str | float | Sequence[str | float] = (),
    drop_broken: bool = False,
    short_rows: bool = False,
    encoding: str | None = None,
) -> Stream:
    """Columns of a CSV file. The whole file is read; other columns may be text.

    The header is the first line that has all names that are asked for, so that lines
    of a device before it need no option. What cannot be a row is passed over: the
    header again, units below it, lines behind `#`. What could be is refused, with
    the option that decides.

    Args:
        path: str or path, or a file open in binary mode, such as a zip's member.
        columns: list of str or int. Names of the columns that are the channels, or
            their numbers, from 0.
        time: str or int, or float array `(time,)`. The column of times, or the
            times. Two names, such as `["date", "time"]`, are joined. Not a number
            stays not a number; `mend` deals with it.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds. Dates
            have their own. Serial days of Excel are read by `time_unit=86400,
            start=-2209161600`.
        time_format: str. How dates are written, as for `datetime.strptime`, in
            English: `"%d/%m/%Y %H:%M:%S.%f"`. None for ISO 8601. Times without a
            day count from midnight; `mend(stream, wraps=86400)` follows them past it.
        timezone: str. The zone of dates that say none: `"UTC"`, `"Europe/Berlin"`
            or `"+02:00"`.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.
        delimiter: str. What stands between cells; `" "` for any blank space. None
            to find it, among `, ; |`, tab and blank.
        decimal: str. `"."` or `","`, what begins a fraction. None to find it.
        thousands: str. What stands between groups of three digits, if anything.
        names: list of str. The names of all columns, if the file has no header.
        skip: int. Number of lines at the beginning that are not looked at.
        skip_below: int. Number of lines below the header that are no rows.
        comment: str or list of str. What lines begin with that are no rows, `""` if
            all are. None for `#`, and for `//`, `%` and `;` before what is no row.
        missing: str or float, or list of them. Cells that mean "no value" and become
            not a number: `""` for empty ones; -999 is -999.0, too. `nan` always does.
        drop_broken: bool. Leave out rows that are cut short or have bytes that are
            0, as after a loss of power. A warning names their lines.
        short_rows: bool. Take rows that end early. Cells that they lack are empty;
            `missing=""` reads those.
        encoding: str. None for UTF-8, or UTF-16 with a mark.

    Returns:
        `Stream` of float32 values `(time, columns)` in memory. Times are float64;
        dates are in seconds since 1970 (UTC).

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if there is no header, no row, or not such a column, if a row is
            too short, too long, or has a cell that is not a number, or if a date has
            no zone or more than one meaning; with file, line and column.

    Example:

    >>> import io
    >>> table = io.BytesIO(b"t,x,y,note\\n0,1.5,2,sit\\n20,1.75,2,walk\\n")
    >>> stream = read_csv(table, ["x", "y"], time="t", time_unit=0.001)
    >>> stream.values.tolist(), stream.times.tolist()
    ([[1.5, 2.0], [1.75, 2.0]], [0.0, 0.02])
    >>> logger = b"t;x\\ns;g\\n01/03/2024 12:00:00,5;0,25\\n"
    >>> zone = {"time_format": "%d/%m/%Y %H:%M:%S,%f", "timezone": "Europe/Berlin"}
    >>> stream = read_csv(io.BytesIO(logger), "x", time="t", **zone)
    >>> stream.values.tolist(), stream.times.tolist()
    ([[0.25]], [1709290800.5])
    """
    source = source_of(path)
    channels = listed(columns)
    clock = time_columns(time)
    is_one = isinstance(missing, str | int | float | np.number)
    fillers: Any = [missing] if is_one else missing
    missing = frozenset(str(one).strip() for one in fillers)
    if comment is not None:
        comment = (comment,) if isinstance(comment, str) else tuple(comment)
        comment = tuple(filter(None, comment))
    rules = Rules(
        Numbers(decimal, thousands, missing),
        comment,
        skip_below,
        drop_broken,
        short_rows,
        len(channels),
        time_format is not None,
    )
    text = text_of(source, encoding)
    layout = layout_of(
        text,
        channels + clock,
        names=names,
        skip=skip,
        delimiter=delimiter,
        comment=comment,
    )
    table: Any = _plain(text, layout, rules) or read_rows(text, layout, rules)
    times = table.times if clock else time
    if clock:

        def line_of(row):
            return (table.lines or read_rows(text, layout, rules).lines)[row]

        name = " ".join(layout.names[n] for n in layout.used[len(channels) :])
        times, time_unit = dated(
            table.times, time_unit, time_format, timezone, missing,
            lambda row: f"{source.name!r}, line {line_of(row)}, column {name!r}",
            " If the line is of units, pass skip_below=1." if layout.header else "",
        )  # fmt: skip
    values = table.channels.astype("float32")
    return as_stream(source, values, rate, start, times, time_unit)


class _Odd(ValueError):
    """A line that is perhaps no row."""


def _plain(text: Text, layout: Layout, rules: Rules) -> Table | None:
    """The table if all its lines are rows of numbers with points, as fast as can be.

    Columns that are not in use are skipped, not parsed.
    """
    numbers = rules.numbers
    is_special = numbers.thousands or numbers.decimal == ","
    is_special = is_special or rules.drop_broken or rules.short_rows
    if is_special or rules.comment or rules.skip_below:
        return None
    marks = "" if rules.comment == () else "#"

    def lines():
        for _, line in text.lines(layout.begin):
            # A quote that is never closed would take all rows behind it for a cell.
            if line[0] == marks or ('"' in line and line.count('"') % 2):
                raise _Odd
            yield line

    try:
        first = cells_of(next(lines()), layout.delimiter)
        kinds = dict.fromkeys(layout.used, "f8")
        clock = layout.used[rules.num_channels :]
        is_dated = rules.is_dated or len(clock) > 1
        if clock and first[clock[0]] in numbers.missing:
            return None
        if len(clock) > 1 and numbers.missing:  # of a part, perhaps
            return None
        if clock and (is_dated or not is_number(first[clock[0]])):
            if set(clock) & set(layout.used[: rules.num_channels]):
                return None
            kinds.update(dict.fromkeys(clock, f"S{_WIDTH}"))
        dtype = [(f"{n}", kinds.get(n, "U1")) for n in range(len(layout.names))]
        convert: Any = None
        if numbers.missing:
            cell = functools.partial(_number, numbers=numbers)
            convert = {n: cell for n, kind in kinds.items() if kind == "f8"}
        table = np.loadtxt(
            lines(),
            dtype=dtype,
            converters=convert,
            delimiter=layout.delimiter,
            quotechar='"',
            comments=None,
            encoding=None,
            ndmin=1,
        )
    except Exception:  # which line it is, and why, is found by reading them one by one
        return None
    columns = [table[f"{n}"] for n in layout.used]
    times = joined(columns[rules.num_channels :]) if clock else None
    if times is not None and times.dtype.kind == "S" and table.size:
        if any(_is_full(table[f"{n}"]) for n in clock):
            return None
    return Table(np.column_stack(columns[: rules.num_channels]), times, [])


def _number(cell, numbers):
    cell = cell.strip()
    if cell in numbers.missing:
        return np.nan
    if "_" in cell or not cell.isascii():  # which Python takes for numbers
        raise _Odd
    value = float(cell)
    return np.nan if value in numbers.fillers else value


def _is_full(texts):
    return bool(np.ascontiguousarray(texts).view("u1")[_WIDTH - 1 :: _WIDTH].any())
