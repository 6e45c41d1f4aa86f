"""Numbers as loggers and spreadsheets write them, and what is none."""

import dataclasses
import re

# What stands where there is no value. Some of it is a unit's name nowhere.
MARKERS = frozenset(
    ["", "-", "--", "---", "?", ".", "na", "n/a", "#n/a", "nan", "null", "none", "nil",
     "missing", "inf", "-inf", "#value!", "#div/0!", "1.#qnan", "-1.#ind"]
)  # fmt: skip

_FRACTION = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?")
_POINTS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?")
_OTHER_GROUPS = re.compile(r"[+-]?\d{1,3}(?:([_' ’])\d{3})(?:\1\d{3})*([.,]\d*)?")
_PLAIN = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
_TRUTH = {"true": 1.0, "false": 0.0}
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-"})


class NoNumber(ValueError):
    """A cell that is no number; its one argument says what to do about it."""

    column: int
    cell: str


@dataclasses.dataclass(frozen=True)
class Numbers:
    """How cells are written.

    Args:
        decimal: str. `"."` or `","`, or None where the cells are to tell.
        thousands: str. What stands between groups of three digits, or None.
        missing: set of str. Cells that mean "no value"; of numbers, any cell of the
            same value.

    Raises:
        ValueError: if they contradict each other.
    """

    decimal: str | None = None
    thousands: str | None = None
    missing: frozenset = frozenset()
    fillers: frozenset = dataclasses.field(init=False)

    def __post_init__(self):
        fillers = [m.replace(",", ".") for m in self.missing if _PLAIN.fullmatch(m)]
        object.__setattr__(self, "fillers", frozenset(map(float, fillers)))
        if self.decimal not in (None, ".", ","):
            raise ValueError(
                "`decimal` must be '.' or ','. "
                f"Received: decimal={self.decimal!r}. Leave it out for '.'."
            )
        one = isinstance(self.thousands, str) and len(self.thousands) == 1
        if self.thousands is not None and (
            not one or self.thousands.isalnum() or self.thousands in '+-\r\n"'
        ):
            raise ValueError(
                "`thousands` must be one character that is no part of a number. "
                f"Received: thousands={self.thousands!r}. Pass one such as ','."
            )
        if self.thousands is not None:  # blanks are alike, as they are in cells
            object.__setattr__(self, "thousands", self.thousands.translate(_BLANKS))
        if self.decimal is None and self.thousands is not None:
            other = "," if self.thousands == "." else "."
            object.__setattr__(self, "decimal", other)
        if self.decimal is not None and self.decimal == self.thousands:
            raise ValueError(
                "What begins a fraction cannot group digits, too. "
                f"Received: decimal={self.decimal!r}, thousands={self.thousands!r}. "
                "Leave one of them out."
            )

    def number(self, cell: str) -> float:
        """What a cell says; not a number where it means "no value".

        Args:
            cell: str.

        Returns:
            float.

        Raises:
            NoNumber: if it is none.
        """
        if cell in self.missing:
            return float("nan")
        text = cell.translate(_BLANKS).strip()
        if text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        if self.thousands is not None:
            text = self._ungrouped(text)
        if self.decimal == ",":
            if "." in text:
                raise NoNumber(self._cure(cell, text))
            text = text.replace(",", ".")
        if "_" in text or not text.isascii():
            raise NoNumber(self._cure(cell, text))
        try:
            value = float(text)
        except ValueError as error:
            raise NoNumber(self._cure(cell, text)) from error
        return float("nan") if value in self.fillers else value

    def _ungrouped(self, text):
        mark = re.escape(self.thousands or "")
        decimal = re.escape(self.decimal or "")
        whole = re.fullmatch(
            rf"[+-]?\d{{1,3}}(?:{mark}\d{{3}})+(?:{decimal}\d*)?", text
        )
        return text.replace(self.thousands, "") if whole else text

    def _cure(self, cell, text):
        if self.thousands is None and _POINTS.fullmatch(text):
            return "if the point groups digits, pass thousands='.'"
        if self.decimal == "." and _GROUPS.fullmatch(text):
            return "if the comma groups digits, pass thousands=','"
        if self.decimal == "." and _FRACTION.fullmatch(text):
            return "if the comma begins a fraction, pass decimal=','"
        if grouped := _OTHER_GROUPS.fullmatch(text):
            more = " and decimal=','" if (grouped[2] or "").startswith(",") else ""
            return f"if digits are grouped, pass thousands={grouped[1]!r}{more}"
        return f"if it means 'no value', pass missing=[{cell!r}]"


def comma_meanings(cell: str) -> tuple[bool, bool]:
    """Whether the comma of a cell may begin a fraction, and may group digits."""
    text = cell.translate(_BLANKS).strip()
    return bool(_FRACTION.fullmatch(text)), bool(_GROUPS.fullmatch(text))


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a point or a comma."""
    try:
        Numbers().number(cell)
    except NoNumber:
        return any(comma_meanings(cell))
    return True


def is_word(cell: str) -> bool:
    """Whether a cell is a name or a unit: no number, and nothing for "no value"."""
    return cell.strip().lower() not in MARKERS and not is_number(cell)
