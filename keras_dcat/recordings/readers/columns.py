"""What readers of tables share: which columns are meant, and what times they say."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from keras_dcat.recordings.readers.dates import seconds
from keras_dcat.recordings.readers.zones import Unclear, of_zone

Column = str | int

_FAR = 200 * 365.25 * 86400  # seconds


def listed(columns: Column | Sequence[Column]) -> list[Column]:
    """The columns of the channels, one or several, as a list.

    Args:
        columns: str or int, or several.

    Returns:
        list of str or int.

    Raises:
        ValueError: if there is none.
    """
    one = isinstance(columns, str | int | np.integer)
    given: Any = columns
    columns = [given] if one else list(given)
    if not columns:
        raise ValueError(
            "A stream must have at least one channel. Received: columns=[]. "
            "Name the columns to be read."
        )
    return columns


def time_columns(time: Any) -> list[Any]:
    """The columns of the time, if it is columns and not the times themselves.

    Args:
        time: str or int, several str, numbers, or None.

    Returns:
        list of str or int. Empty where the times are given, or none.
    """
    if isinstance(time, str | int | np.integer) and not isinstance(time, bool):
        return [time]
    if isinstance(time, list | tuple) and time:
        return list(time) if all(isinstance(name, str) for name in time) else []
    return []


def dated(
    times: np.ndarray,
    time_unit: float,
    time_format: str | None,
    timezone: str | None,
    missing: Collection[str],
    place: Callable[[int], str],
    hint: str = "",
    *,
    can_be_missing: bool = True,
) -> tuple[np.ndarray, float]:
    """Times as numbers, and how many seconds one of them is.

    Args:
        times: float array or bytes `(rows,)`, which are to be dates.
        time_unit: float. Seconds per unit of numbers.
        time_format: str. How dates are written, None for ISO 8601.
        timezone: str. The zone of dates that say none.
        missing: what means "no value".
        place: `place(row)` says where a time is, for the error.
        hint: str. What else the first time may be, and the option for that.
        can_be_missing: bool. Whether the reader has an option `missing`.

    Returns:
        tuple of float64 array `(rows,)` and float.

    Raises:
        ValueError: if one is no date, or not clearly.
    """
    if times.dtype.kind != "S":
        for name, value in {"time_format": time_format, "timezone": timezone}.items():
            if value is not None:
                raise ValueError(
                    f"`{name}` is for dates. Received: {name}={value!r} for "
                    f"{place(0)}, which is a number. Leave `{name}` out, or, if it is "
                    "a date without signs, pass time_format='%Y%m%d%H%M%S'."
                )
        check_no_dates(times, time_unit, place)
        return times, time_unit
    none = [text.encode() for text in missing] + [b"nan", b"NaN", b"NaT"]
    are_there = ~np.isin(times, none)
    found = np.full(len(times), np.nan)
    rows = np.flatnonzero(are_there)
    try:
        found[rows] = seconds(times[rows], time_format, timezone)
    except Unclear as error:
        row = int(rows[error.row])
        hint = "" if row or "time" in error.cure.split("`")[0] else hint
        where = place(row)
        if can_be_missing and error.cure.startswith("Correct it"):
            text = times[row].decode("utf-8", "replace")
            hint += f" If it means 'no value', pass missing=[{text!r}]."
        raise ValueError(
            f"{error.rule} Received: {where}: {error.found}. {error.cure}{hint}"
        ) from error
    return found, 1.0


def check_no_dates(
    times: np.ndarray, time_unit: float, place: Callable[[int], str]
) -> None:
    """Refuses 20240131235959, which would be 641,000 years of seconds.

    Args:
        times: float array `(rows,)`.
        time_unit: float. Seconds per unit of them.
        place: `place(row)` says where a time is, for the error.

    Raises:
        ValueError: if all of them look so.
    """
    found = times[np.isfinite(times)]
    if time_unit != 1 or not len(found):
        return
    if found.min() < 1.9e13 or found.max() >= 2.1e13 or (found % 1).any():
        return
    days, clocks = found // 10**6, found % 10**6
    months = days // 100 % 100
    if (
        ((months >= 1) & (months <= 12) & (days % 100 >= 1) & (days % 100 <= 31)).all()
        and ((clocks < 24e4) & (clocks % 10**4 < 6000) & (clocks % 100 < 60)).all()
    ):  # fmt: skip
        raise ValueError(
            "Times must be seconds, or be told to be dates. "
            f"Received: {place(0)}, of times such as {int(found[0])}, which look like "
            "dates without signs. Pass time_format='%Y%m%d%H%M%S' and their "
            "zone, such as timezone='UTC'."
        )


def in_utc(
    counts: np.ndarray,
    are_there: np.ndarray,
    per_second: int,
    timezone: str | None,
    where: str,
) -> np.ndarray:
    """Counts since 1970, on clocks of a zone, in seconds since 1970 (UTC).

    Args:
        counts: int64 array `(rows,)`.
        are_there: bool array `(rows,)`. False where there is no time.
        per_second: int. How many of them a second has, 10⁹ at most.
        timezone: str. Where the clocks hung.
        where: str. What it is, for the error.

    Returns:
        float64 array `(rows,)`, not a number where there is no time.

    Raises:
        ValueError: if the zone is missing, or leaves a time unclear.
    """
    found = np.full(len(counts), np.nan)
    rows = np.flatnonzero(are_there)
    if timezone != "UTC":
        offsets = counts[rows] // per_second
        if len(offsets) and np.abs(offsets.astype("float64")).max() > _FAR:
            raise ValueError(
                "A date must be within 200 years of 1970, for its zone to be known. "
                f"Received: {where}, with {int(np.abs(offsets).max())} s from there. "
                "Check its unit, or pass timezone='UTC'."
            )
        try:
            moved = of_zone(offsets * 10**9, timezone)
        except Unclear as error:
            row = int(rows[error.row])
            shown = np.datetime64(int(counts[row]) // per_second, "s")
            raise ValueError(
                f"{error.rule} Received: {where}, row {row}: '{shown}'{error.found}. "
                f"{error.cure}"
            ) from error
        counts = counts.copy()
        counts[rows] += (moved // 10**9 - offsets) * per_second
    found[rows] = (counts // per_second + counts % per_second / per_second)[rows]
    return found


def joined(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Texts of several columns as one, with a blank between, or the one column.

    Args:
        columns: arrays `(rows,)` of bytes; a single one may be of numbers.

    Returns:
        array `(rows,)`.
    """
    if len(columns) == 1 and columns[0].dtype.kind != "S":
        return columns[0]
    whole = np.char.strip(columns[0])
    for column in columns[1:]:
        whole = np.char.add(np.char.add(whole, b" "), np.char.strip(column))
    return whole
