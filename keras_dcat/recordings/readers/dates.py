"""Times that are written as dates, in seconds since 1970 (UTC)."""

import re
from collections.abc import Iterator

import numpy as np

from keras_dcat.recordings.readers.date_formats import (
    MONTHS,
    ZONE,
    compiled,
    formats_of,
)
from keras_dcat.recordings.readers.zones import Unclear, of_zone

_SECOND = 10**9  # nanoseconds, in which all is counted until the end
_YEARS = range(1700, 2200)  # what 64 bits of nanoseconds hold, and a margin
_OF_DAY = r"(?P<H>\d\d):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
_ISO = re.compile(rf"(?P<Y>\d{{4}})-(?P<m>\d\d)-(?P<d>\d\d)[T ]{_OF_DAY}(?: ?{ZONE})?")
_TIME_OF_DAY = re.compile(
    r"(?P<sign>[+-])?(?P<H>\d{1,6}):(?P<M>\d\d):(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?"
)


_COUNTED = (
    "If they count milliseconds, write them with their zeros, as in .009; or pass the "
    "seconds of all rows as an array: time=seconds."
)


def seconds(
    texts: np.ndarray,
    time_format: str | None = None,
    timezone: str | None = None,
    *,
    ordered: bool = True,
) -> np.ndarray:
    """Seconds since 1970 (UTC) of dates; since midnight of times without a day.

    Args:
        texts: bytes array `(rows,)`. Without blanks around.
        time_format: str. As for `datetime.strptime`; None for ISO 8601 and for
            hours, minutes and seconds.
        timezone: str. What dates that say none are in, such as `"Europe/Berlin"`.
        ordered: bool. Whether the order of the rows may tell which of two hours it
            is, as clocks are set back.

    Returns:
        float64 array `(rows,)`.

    Raises:
        Unclear: if a text is no such date, or if there is none, or two, of it.
        ValueError: if the format or the zone is none.
    """
    try:
        total, kinds = _counts(texts, time_format)
    except Unclear as error:
        text = _text(texts[error.row])
        if error.cure:
            raise Unclear(error.row, f"{text!r}{error.found}", error.cure) from error
        raise _unlike(text, error, time_format, timezone) from error
    day_less = kinds == "c"
    if day_less.any() and not day_less.all():
        row = int(np.flatnonzero(day_less != day_less[0])[0])
        raise Unclear(
            row, f"{_text(texts[row])!r} among others", "Give all of them a date."
        )
    if day_less.any() and timezone is not None:
        raise Unclear(
            0,
            f"{_text(texts[0])!r}, a time of day, with timezone={timezone!r}",
            "Leave `timezone` out; seconds count from midnight.",
        )
    local = np.flatnonzero(kinds == "l")
    if len(local):
        try:
            total[local] = of_zone(total[local], timezone, ordered=ordered)
        except Unclear as error:
            row = int(local[error.row])
            found = f"{_text(texts[row])!r}{error.found}"
            raise Unclear(row, found, error.cure, error.rule) from error
    return total // _SECOND + total % _SECOND / _SECOND


def is_date(text: str, time_format: str | None = None) -> bool:
    """Whether `seconds` reads a text, as far as its shape tells."""
    pattern = re.sub(r"[0-9]", "0", text.strip())
    return _matched(pattern.encode(), time_format)[0] is not None


def _is_read(text: str, time_format: str) -> bool:
    """Whether a text has a meaning in a format."""
    try:
        _counts(np.array([text.encode()]), time_format)
    except ValueError:
        return False
    return True


def _text(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _unlike(
    text: str, error: Unclear, time_format: str | None, timezone: str | None
) -> Unclear:
    """The error for a text that is no date, with the formats that it may be in."""
    formats = [one for one in formats_of(text, _is_read) if one != time_format]
    if formats:
        cure = f"Pass {' or '.join(f'time_format={one!r}' for one in formats)}"
        if timezone is None and "%d" in cure and "%z" not in cure:
            cure += ", and the timezone of the logger, such as timezone='UTC'"
        guess = " Days and months are not guessed." if "%d" in cure else ""
        cure += f".{guess if len(formats) > 1 else ''}"
    else:
        cure = "Correct it, or pass the `time_format` of datetime.strptime."
    return Unclear(error.row, f"{text!r}{error.found}", cure)


def _counts(texts, time_format):
    """Nanoseconds of each text, and whether it has a zone, a day, or neither."""
    total = np.zeros(len(texts), "int64")
    kinds = np.zeros(len(texts), "U1")
    fractions = []
    for pattern, rows in _alike(texts):
        match, kind = _matched(pattern, time_format)
        if match is None:
            said = "" if time_format is None else f", not in {time_format!r}"
            raise Unclear(int(rows[0]), said, "")
        chars = texts[rows].view("u1").reshape(len(rows), -1)
        total[rows] = _counted(match, chars, rows, kind)
        kinds[rows] = kind
        if "f" in match.re.groupindex and match["f"]:
            fractions.append((match, chars, rows))
    _check_fractions(fractions)
    return total, kinds


def _check_fractions(found):
    """Refuses digits of fractions that are a count: 9 ms, then 10 ms as .9 and .10."""
    widths = {len(match["f"]) for match, _, _ in found}
    if len(widths) < 2:
        return
    for match, chars, rows in found:
        first, last = match.span("f")
        if match.string[first - 1] not in ".,":
            are_odd = np.full(len(rows), last - first < max(widths))
        elif last - first in (3, 6, 7, 9):  # with their zeros, as Java writes them
            continue
        else:
            digits = chars[:, first:last] - ord("0")
            are_odd = digits.any(axis=1) & (digits[:, -1] == 0)
        if are_odd.any():
            raise Unclear(
                int(rows[np.argmax(are_odd)]),
                ", whose fraction has not as many digits as others",
                _COUNTED,
            )


def _alike(texts: np.ndarray) -> Iterator[tuple[bytes, np.ndarray]]:
    """Rows whose texts differ in digits alone, with a text of zeros for them."""
    width = texts.dtype.itemsize
    chars = np.ascontiguousarray(texts).view("u1").reshape(len(texts), width)
    is_digit = (chars >= ord("0")) & (chars <= ord("9"))
    shapes = np.where(is_digit, np.uint8(ord("0")), chars).view(texts.dtype).ravel()
    left = np.arange(len(texts))
    for _ in range(50):
        if not len(left):
            return
        first = shapes[left[0]]
        same = shapes[left] == first
        yield bytes(first), left[same]
        left = left[~same]
    found, which = np.unique(shapes[left], return_inverse=True)
    for number, shape in enumerate(found):
        yield bytes(shape), left[which == number]


def _matched(pattern: bytes, time_format: str | None):
    """Where numbers stand in texts of a shape, and whether they have day and zone."""
    text = pattern.decode("latin-1")
    if time_format is not None:
        match = compiled(time_format).fullmatch(text)
    else:
        match = _ISO.fullmatch(text) or _TIME_OF_DAY.fullmatch(text)
    if match is None:
        return None, ""
    groups = match.re.groupindex
    if not {"Y", "y"} & groups.keys():
        return match, "c"
    return match, "z" if "zone" in groups and match["zone"] else "l"


def _counted(match, chars, rows, kind):
    """Nanoseconds of texts of one shape."""
    groups = match.groupdict()

    def number(name, default=0):
        if not groups.get(name):
            return np.full(len(chars), default, "int64")
        first, last = match.span(name)
        powers = 10 ** np.arange(last - first - 1, -1, -1, dtype="int64")
        return (chars[:, first:last].astype("int64") - ord("0")) @ powers

    hours = number("H")
    if groups.get("I"):
        half = number("I")
        _check(rows, (half >= 1) & (half <= 12))
        hours = half % 12 + 12 * (groups["p"][0] in "pP")
    minutes, whole = number("M"), number("S")
    most = 999_999 if kind == "c" else 23
    _check(rows, (hours <= most) & (minutes <= 59) & (whole <= 59))
    nanoseconds = number("f")
    if groups.get("f"):
        nanoseconds = nanoseconds * 10 ** (9 - len(groups["f"]))
    total = ((hours * 60 + minutes) * 60 + whole) * _SECOND + nanoseconds
    if kind == "c":
        return -total if groups.get("sign") == "-" else total
    total += _days(groups, number, rows) * (86400 * _SECOND)
    zone = groups.get("zone") or ""
    if zone[:1] in ("+", "-") and zone:
        total -= _offset(match, chars, rows)
    return total


def _days(groups, number, rows):
    years = number("Y")
    if groups.get("y"):
        years = number("y")
        years = years + np.where(years < 69, 2000, 1900)  # as POSIX has it
    months = number("m")
    if groups.get("b"):
        months = months + MONTHS.index(groups["b"][:3].lower()) + 1
    days = number("d")
    _check(rows, (years >= _YEARS.start) & (years < _YEARS.stop))
    _check(rows, (months >= 1) & (months <= 12))
    month = ((years - 1970) * 12 + months - 1).astype("M8[M]")
    first = month.astype("M8[D]").astype("int64")
    after = (month + 1).astype("M8[D]").astype("int64")
    _check(rows, (days >= 1) & (days <= after - first))
    return first + days - 1


def _offset(match, chars, rows):
    first, last = match.span("zone")
    digits = [n for n in range(first + 1, last) if chars[0, n] != ord(":")]
    values = chars[:, digits].astype("int64") - ord("0")
    if values.shape[1] == 2:
        values = np.pad(values, [(0, 0), (0, 2)])
    minutes = values @ np.array([600, 60, 10, 1])
    _check(rows, (values[:, 2] < 6) & (minutes < 24 * 60))
    return np.where(chars[:, first] == ord("-"), -1, 1) * minutes * (60 * _SECOND)


def _check(rows, good):
    if not good.all():
        row = int(rows[np.flatnonzero(~good)[0]])
        raise Unclear(row, ", a date that there is not", "")
