"""Dates and hours of text, as seconds."""

import datetime
import re
import zoneinfo
from collections.abc import Sequence

import numpy as np

_ELAPSED = re.compile(r"[+-]?(\d+):([0-5]?\d):([0-5]?\d(?:[.,]\d*)?)")


def seconds_of(
    texts: Sequence[str], time_format: str | None, timezone: str | None
) -> np.ndarray:
    """Times that are not plain numbers, in seconds.

    Args:
        texts: sequence of str. Dates, or hours, minutes and seconds.
        time_format: str. How they are written, in Python's codes; None for ISO 8601,
            or hours, minutes and seconds since the clock read 0.
        timezone: str. Where dates are from that do not say so.

    Returns:
        float64 array. Since 1970 for dates.

    Raises:
        ValueError: if a text is no time, or if it could be two moments.
    """
    dated = time_format is None or re.search(r"%[aAbBcdDFGjmsuUVwWxyY]", time_format)
    zone = _zone(timezone)
    return np.array([_moment(t, time_format, dated, zone) for t in texts], "float64")


def _zone(timezone):
    if timezone is None:
        return None
    try:
        return zoneinfo.ZoneInfo(timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            "`timezone` must be the name of a time zone. "
            f"Received: timezone={timezone!r}. Choose, say, 'UTC' or 'Europe/Berlin'."
        ) from error


def _moment(text, time_format, dated, zone):
    elapsed = _ELAPSED.fullmatch(text) if time_format is None else None
    if elapsed:
        hours, minutes, seconds = elapsed.groups()
        total = 3600 * int(hours) + 60 * int(minutes)
        total += float(seconds.replace(",", "."))
        return -total if text.startswith("-") else total
    try:
        if time_format is None:
            moment = datetime.datetime.fromisoformat(text)
        else:
            moment = datetime.datetime.strptime(text, time_format)
    except ValueError as error:
        raise ValueError(
            "A time must be a number, hours as in 1:02:03.5, or a date. "
            f"Received: {text!r}. Correct it, or pass the format of dates, such as "
            "time_format='%d.%m.%Y %H:%M:%S'."
        ) from error
    if not dated:
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return (moment - midnight).total_seconds()
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError(
                "A date must say where it is from. "
                f"Received: {text!r}. Pass timezone='UTC', or another."
            )
        moment = _placed(moment, zone)
    return moment.timestamp()


def seconds_in(moment: datetime.datetime, timezone: str) -> float:
    """Seconds since 1970 of what a clock on the wall showed.

    Args:
        moment: `datetime.datetime` that does not say where it is from.
        timezone: str. Where it is from.

    Returns:
        float.

    Raises:
        ValueError: if there is no such zone, or if it could be two moments.
    """
    return _placed(moment, _zone(timezone)).timestamp()


def _placed(moment, zone):
    moment = moment.replace(tzinfo=zone)
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        raise ValueError(
            "A time of the clock must happen once. "
            f"Received: {moment.replace(tzinfo=None).isoformat(' ')} in {zone.key}, "
            "where it happens twice or not at all, as clocks are set. Write times with "
            "their offset, such as +01:00, or give the zone as one without such hours: "
            "'Etc/GMT-1' for +01:00."
        )
    return moment
