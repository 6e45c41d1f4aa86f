"""Rows of a table that are read one by one, for some of its lines are none."""

import dataclasses
import warnings
from typing import Any, NoReturn

import numpy as np

from keras_dcat.recordings.readers.csv_layout import CSV, Layout
from keras_dcat.recordings.readers.csv_numbers import (
    NoNumber,
    Numbers,
    comma_meanings,
    is_number,
    is_word,
)
from keras_dcat.recordings.readers.csv_text import Text, cells_of
from keras_dcat.recordings.readers.dates import is_date
from keras_dcat.recordings.readers.opened_files import reading, unreadable

_MOST_UNITS = 3  # lines of units and the like below a header
_NO_UNIT = ("", "-", "--")  # beside units, of a column that has none
_MARKS = ("//", "%", ";")  # of comments, beside `#`, where they are no row


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a user said of rows.

    Args:
        numbers: `Numbers`.
        comment: tuple of str. What lines begin with that are no rows; None for `#`
            and whatever else cannot be a row.
        skip_below: int. Number of lines below the header that are no rows.
        drop_broken: bool. Whether rows that are cut are left out.
        short_rows: bool. Whether rows may leave out cells at their end.
        num_channels: int. How many of the columns in use are channels; the others
            say the time.
        is_dated: bool. Whether times are dates, even where they look like numbers.
    """

    numbers: Numbers
    comment: tuple[str, ...] | None
    skip_below: int
    drop_broken: bool
    short_rows: bool
    num_channels: int
    is_dated: bool


@dataclasses.dataclass
class Table:
    """What was in rows.

    Args:
        channels: float array `(rows, channels)`.
        times: float array `(rows,)`, or bytes that are to be dates, or None.
        lines: list of int, the number of each row's line.
    """

    channels: np.ndarray
    times: np.ndarray | None
    lines: list


def read_rows(text: Text, layout: Layout, rules: Rules) -> Table:
    """All rows of a table. Lines that cannot be rows are passed over.

    Args:
        text: `Text`.
        layout: `Layout`.
        rules: `Rules`.

    Returns:
        `Table`.

    Raises:
        ValueError: if a line could be a row or not, if a row is broken, or if a cell is
            no number; with file, line and column.
    """
    reader = _Reader(text.source.name, layout, rules)
    with reading(text.source, CSV):
        lines = text.rows(layout.begin, layout.delimiter)
        for _ in range(rules.skip_below):
            next(lines, None)
    for number, line in _guarded(lines, text):
        reader.take(number, line)
    if not reader.lines:
        reader.end()
        raise unreadable(text.source, CSV, "it has no row")
    times = reader.times()
    reader.end()
    return Table(np.array(reader.rows, "float64"), times, reader.lines)


def _guarded(lines, text):
    with reading(text.source, CSV):
        yield from lines


class _Reader:
    """One line after the other becomes a row, or nothing, or an error."""

    def __init__(self, name, layout, rules):
        self.name, self.layout, self.rules = name, layout, rules
        self.plain = Numbers(missing=rules.numbers.missing)
        self.rows, self.texts, self.lines = [], [], []
        self.width = len(layout.names)
        self.channels = layout.used[: rules.num_channels]
        self.clock = layout.used[rules.num_channels :]
        self.units = []  # rows of them, below the header
        self.below = layout.header is not None  # no row since the header
        self.repeated, self.broken, self.empty = [], [], None
        self.comma: Any = None  # the first cell with one: line, column, cell
        self.meanings = set()
        self.is_comma_known = False  # some comma cannot but begin a fraction
        self.has_point = False
        self.last = 0

    def take(self, number, line):
        rules = self.rules
        if rules.comment and line.lstrip().startswith(rules.comment):
            return
        self.last = number
        try:
            cells = cells_of(line, self.layout.delimiter)
        except Exception as error:  # of csv, which has a limit for a cell
            raise self._error(number, str(error), "Save it without quotes.") from error
        if len(cells) > self.width and not any(cells[self.width :]):
            del cells[self.width :]
        elif len(cells) == self.width - 1 and not self.layout.names[-1]:
            cells.append("")
        if rules.short_rows:
            cells += [""] * (self.width - len(cells))
        fits = len(cells) == self.width and "\0" not in line
        if rules.comment is None and line.lstrip().startswith("#"):
            return self._take_marked(number, line, cells, fits)
        if not any(cells) and not (fits and "" in rules.numbers.missing):
            self.empty = self.empty or number
            return None
        if not fits:
            return self._take_unfit(number, line, cells)
        try:
            values = self._values(number, cells, line)
        except NoNumber as error:
            return self._take_words(number, cells, error)
        if self.empty:
            column = self.layout.names[self.layout.used[0]]
            self._no_number(self.empty, column, "", "pass missing=['']")
        self.below = False
        self.rows.append(values)
        self.lines.append(number)
        if self.clock:
            parts = [cells[n] for n in self.clock]
            is_missing = not self.rules.numbers.missing.isdisjoint(parts)
            self.texts.append("nan" if is_missing else " ".join(parts))
        return None

    def _values(self, number, cells, line):
        """The channels of a row: at once, if its cells are written as most are."""
        said = [cells[n] for n in self.channels]
        numbers = self.rules.numbers
        try:
            if "_" in line or not line.isascii() or numbers.thousands:
                raise ValueError
            if numbers.missing and not numbers.missing.isdisjoint(said):
                raise ValueError
            if self.is_comma_known or numbers.decimal == ",":
                if any("." in cell for cell in said):
                    raise ValueError
                said = [cell.replace(",", ".") for cell in said]
            values = list(map(float, said))
            if not numbers.fillers.isdisjoint(values):
                raise ValueError
        except ValueError:
            return [self._value(number, n, cells[n]) for n in self.channels]
        if not self.has_point and not self.is_comma_known:
            self.has_point = any("." in cells[n] for n in self.channels)
        return values

    def _value(self, number, column, cell):
        numbers = self.rules.numbers
        if cell in numbers.missing:
            return float("nan")
        try:
            value = numbers.number(cell)
        except NoNumber as error:
            begins, groups = comma_meanings(cell)
            if numbers.decimal is None and (begins or groups):
                self.comma = self.comma or (number, column, cell)
                self.meanings.add((begins, groups))
                self.is_comma_known = self.meanings >= {(True, False)}
                bare = cell.replace(",", "." if begins else "")
                return self.plain.number(bare)
            error.column, error.cell = column, cell
            raise
        self.has_point = self.has_point or "." in cell
        return value

    def _take_marked(self, number, line, cells, fits):
        """A line behind `#`, which may be a row all the same."""
        row = fits and all(is_number(cells[n]) for n in self.channels)
        if row and all(is_number(cells[n]) or is_date(cells[n]) for n in self.clock):
            raise self._error(
                number,
                f"{line.strip()[:60]!r}, a row or a comment",
                "Pass comment='#' if it is none, or comment='' if it is a row.",
            )

    def _take_unfit(self, number, line, cells):
        if self.rules.comment is None and line.lstrip().startswith(_MARKS):
            return
        if self.layout.header and cells == self.layout.header:
            self._take_header(number)
            return
        self.broken.append(number)
        if self.rules.drop_broken:
            return
        if "\0" in line:
            raise self._error(
                number,
                "bytes that are 0, as a loss of power leaves them",
                "Pass drop_broken=True to leave such rows out.",
            )
        cure = "Correct the row or the header"
        if self.layout.delimiter == "," and len(cells) > self.width:
            cure += "; if commas begin fractions, too, save it with ';' between cells"
        if len(cells) < self.width:
            cure += "; if rows leave out cells at their end, pass short_rows=True"
        first = line.split()[0][:12]
        cure += f"; if it is no row, pass comment={first!r}"
        raise ValueError(
            "Every row must have one cell for each column. "
            f"Received: {self.name!r}, line {number} with {len(cells)} of "
            f"{self.width} cells. {cure}; if it is cut short, pass drop_broken=True."
        )

    def _take_words(self, number, cells, error):
        """A line of as many cells as a row, of which one is no number."""
        if cells == self.layout.header:
            return self._take_header(number)
        is_units = self._are_units(cells)
        if self.below and is_units and self.layout.header:
            if cells in self.units:
                return None
            if not self.lines and len(self.units) < _MOST_UNITS:
                self.units.append(cells)
                if not self.clock:
                    self._warn([number], "taken for units, and left out")
                return None
        name = self.layout.names[error.column]
        cure = str(error)
        words = sum(map(is_word, cells))
        if is_date(error.cell):
            cure = f"as it is a date, pass time={name!r}"
        elif self.below and not self.lines and 2 * words >= len(cells):
            cure += f"; if it is a row of units, pass skip_below={1 + len(self.units)}"
        elif not self.lines and not self.below:
            cure += f"; if it is the header, pass skip={number}"
        elif is_units:
            cure += f"; if the line is no row, pass comment={cells[0]!r}"
        self._no_number(number, name, error.cell, cure)

    def _are_units(self, cells):
        """Whether a line is of words where samples have numbers.

        What has no unit may be blank, but only where the line has no time either: a
        sample without a value has one.
        """
        if any(map(is_number, cells)):
            return False
        wanted = [cells[n] for n in self.layout.used]
        filled = [cell for cell in wanted if cell not in _NO_UNIT]
        if not filled or not all(is_word(c) and not is_date(c) for c in filled):
            return False
        clock = "".join(cells[n] for n in self.clock)
        is_timeless = bool(self.clock) and not any(map(str.isdigit, clock))
        return len(filled) == len(wanted) or is_timeless

    def _take_header(self, number):
        self.below = True
        self.repeated.append(number)

    def times(self):
        """The time of each row, as numbers or as bytes that are to be dates."""
        if not self.clock:
            return None
        said = (text for text in self.texts if text not in ("nan", "NaN", "NaT"))
        is_dated = self.rules.is_dated or len(self.clock) > 1
        if is_dated or not self._is_number(next(said, "0")):
            return np.array([text.encode("utf-8") for text in self.texts])
        values = []
        for number, text in zip(self.lines, self.texts, strict=True):
            try:
                values.append(self._value(number, self.clock[0], text))
            except NoNumber as error:
                name = self.layout.names[self.clock[0]]
                self._no_number(number, name, text, str(error))
        return np.array(values, "float64")

    def _is_number(self, text):
        try:
            self.rules.numbers.number(text)
        except NoNumber:
            return is_number(text)
        return True

    def end(self):
        """What can be said only when all rows have been seen."""
        if self.repeated and not self.clock:
            self._warn(self.repeated, "the header again, after which time may go on "
                       "somewhere else")  # fmt: skip
        if self.broken:
            if not self.clock and self.broken != [self.last]:
                raise self._error(
                    self.broken[0],
                    "a broken row among others, in a table that has no times",
                    "Pass `time`, so that the samples after it keep theirs.",
                )
            self._warn(self.broken, "broken, and left out")
        if self.comma is not None:
            self._check_commas()

    def _check_commas(self):
        fraction_only = (True, False) in self.meanings
        groups_only = (False, True) in self.meanings
        if fraction_only and not groups_only and not self.has_point:
            return
        number, column, cell = self.comma
        cure = "Pass decimal=',' if it begins a fraction, or thousands=',' if not"
        if fraction_only:
            cure = (
                "Write all fractions behind one sign; if points group digits, pass "
                "thousands='.'"
            )
        elif groups_only or self.has_point:
            cure = "Pass thousands=',' if it groups digits"
        raise ValueError(
            "A comma in numbers must have one meaning throughout a table. "
            f"Received: {self.name!r}, line {number}, column "
            f"{self.layout.names[column]!r}: {cell!r}. {cure}."
        )

    def _no_number(self, number, column, cell, cure) -> NoReturn:
        raise ValueError(
            "Every cell of a column that is read must be a number. "
            f"Received: {self.name!r}, line {number}, column {column!r}: {cell!r}. "
            f"Correct it, or {cure}."
        )

    def _error(self, number, found, cure):
        return ValueError(
            "It must be clear what is a row of a table. "
            f"Received: {self.name!r}, line {number}: {found}. {cure}"
        )

    def _warn(self, numbers, what):
        listed = ", ".join(map(str, numbers[:10])) + ", …" * (len(numbers) > 10)
        warnings.warn(
            f"{self.name!r}: {len(numbers)} line(s) are {what}: {listed}.",
            UserWarning,
            stacklevel=5,
        )
