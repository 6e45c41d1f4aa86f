"""What the first lines of a file of samples tell: columns, clock and rate."""

import csv
import datetime
import io
import os
import pathlib
import re
from typing import Any, NamedTuple

import numpy as np

from keras_dcat.file_kinds import kind_of

_LINES = 400
_LONGEST = 100_000  # characters that are looked at
_UNITS = (1.0, 1e-3, 1e-6, 1e-9)  # seconds
_USUAL = 50.0  # Hz: of units that are possible, that which comes nearest is taken
_NAMED = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "s": 1.0}
_LABEL = re.compile(r"(?i)label|activit|class|action|gesture|state|event")
_TIME = re.compile(r"(?i)(^|[^a-z])(t|time\w*|ts|ms|us|ns|sec\w*|epoch|date\w*)\b")


class Head(NamedTuple):
    """How a file of a stream is read.

    Attributes:
        options: dict, as `data.streams` of an experiment has it.
        seconds: float. What the lines that were looked at last.
        guessed: bool. Whether the rate is made up, for want of a column of times.
        labels: dict, as `data.labels` has it, where the file says in a column of words
            what was done, too; empty otherwise.
    """

    options: dict[str, Any]
    seconds: float
    guessed: bool
    labels: dict[str, Any]

    def __str__(self) -> str:
        said = self.options
        clock = ""
        if "time" in said:
            unit = said.get("time_unit", 1)
            clock = f"time in {said['time']!r}, in units of {unit:g} s, "
        packed = ", in packets" if "mend" in said else ""
        words = f"; labels in {self.labels['label']!r}" if self.labels else ""
        columns = ", ".join(said["columns"])
        return f"columns {columns}; {clock}{said['rate']:g} Hz{packed}{words}"


def read_head(path: str | os.PathLike) -> Head:
    """Finds out how a CSV of samples is to be read.

    Args:
        path: str or path.

    Returns:
        `Head`.

    Raises:
        ValueError: if it is no table of numbers.
    """
    path = pathlib.Path(path)
    rows = _rows(path)
    names, body = _header(rows)
    columns = [_column(cells) for cells in zip(*body, strict=True)]
    named = names or [f"c{number}" for number in range(len(columns))]
    clock = _clock(named, columns)
    values = [
        name
        for name, column in zip(named, columns, strict=True)
        if column is not None and name != clock and column.dtype.kind == "f"
    ]
    if not values:
        raise ValueError(
            "A file of samples must have columns of numbers. "
            f"Received: {str(path)!r}, with the columns {named}. Leave such files out "
            "of the folder, or write the experiment by hand: `keras-dcat keys` tells."
        )
    options: dict[str, Any] = {"columns": values}
    if names is None:
        options["names"] = named
    if clock is None:
        options["rate"] = _USUAL
        return Head(options, len(body) / _USUAL, True, {})
    times: Any = columns[named.index(clock)]
    options["time"] = clock
    unit = 1.0
    if times.dtype.kind == "M":
        times = (times - times[0]) / np.timedelta64(1, "s")
        if not any(re.search(r"[zZ]|[+-]\d\d:?\d\d$", row) for row in _texts(body)):
            options["timezone"] = "UTC"
    else:
        unit = _unit(clock, times)
        if unit != 1:
            options["time_unit"] = unit
    steps = unit * np.diff(times)
    usual = np.median(steps[steps > 0])
    # Where most samples have the time of the one before, it is that of a packet.
    is_packet = np.mean(steps == 0) > 0.5
    if (steps == 0).any():
        options["mend"] = {"packets": "end" if is_packet else "centre"}
    options["rate"] = _round(1 / steps[steps < 5 * usual].mean())
    told = _told(named, columns, body)
    labels: dict[str, Any] = {}
    if told:
        clocks = ("time_unit", "timezone", "names")
        shared = {name: options[name] for name in clocks if name in options}
        labels = {"label": told, "begin": clock, **shared}
    return Head(options, float(unit * (times[-1] - times[0])), False, labels)


def _told(names, columns, body):
    """The column of words that says what was done, by its name."""
    for at, name in enumerate(names):
        is_words = columns[at] is None and any(row[at] for row in body)
        if is_words and _LABEL.search(name):
            return name
    return None


def _rows(path):
    """The first lines, cut at the delimiter that gives most cells."""
    if found := kind_of(os.path.realpath(path)):
        raise ValueError(
            f"A file of samples must be a table, as CSV. Received: {str(path)!r}, "
            f"{found}. Leave it out of the folder."
        )
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LONGEST)
        if len(text) == _LONGEST:  # no line that was cut in two
            text = text[: text.rfind("\n") + 1]
        text = "\n".join(text.splitlines()[:_LINES])
        tables = [
            [row for row in csv.reader(io.StringIO(text), delimiter=each) if row]
            for each in ",;\t"
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"A file of samples must be text in UTF-8. Received: {str(path)!r}, "
            f"{error}. Save it as CSV (UTF-8), or leave it out of the folder."
        ) from error
    rows = max(tables, key=lambda table: len(table[0]) if table else 0)
    rows = [[cell.strip() for cell in row] for row in rows]
    rows = [row for row in rows if len(row) == len(rows[0])]
    if len(rows) < 4:
        raise ValueError(
            "A file of samples must have some lines of them. "
            f"Received: {str(path)!r} with {len(rows)}. Leave it out of the folder."
        )
    return rows


def _header(rows):
    first = [_number(cell) for cell in rows[0]]
    if all(value is None for value in first):
        return rows[0], rows[1:]
    return None, rows


def _number(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def _column(cells):
    """Numbers or moments, as float or datetime64; None for other text."""
    numbers = [_number(cell or "nan") for cell in cells]
    if None not in numbers:
        return np.array(numbers)
    try:
        moments = [datetime.datetime.fromisoformat(cell) for cell in cells]
    except ValueError:
        return None
    naive = [
        each.astimezone(datetime.UTC).replace(tzinfo=None) if each.tzinfo else each
        for each in moments
    ]
    return np.array(naive, "datetime64[us]")


def _texts(body):
    return [cell for cell in body[0] if _number(cell) is None]


def _clock(names, columns):
    """The column of times: by its name, or the first; it must rise."""
    rising = [
        name
        for name, column in zip(names, columns, strict=True)
        if column is not None and (np.diff(column) >= np.zeros(1, "int64")).all()
        if column[0] < column[-1]
    ]
    for name in rising:
        if _TIME.search(name):
            return name
    return rising[0] if rising and rising[0] == names[0] else None


def _unit(name, times):
    """Seconds per unit: as the name says, else that which gives a usual rate."""
    words = re.split(r"[^a-zµ]+", name.lower())
    for word, unit in _NAMED.items():
        if word in words:
            return unit
    step = np.median(np.diff(times))
    if step <= 0:
        step = (times[-1] - times[0]) / (len(times) - 1)
    return min(_UNITS, key=lambda unit: abs(np.log(unit * step * _USUAL)))


def _round(rate):
    """A rate as data sheets have it."""
    whole = round(rate)
    if whole >= 5 and abs(rate - whole) < 0.02 * rate:
        return float(whole)
    return float(f"{rate:.3g}")
