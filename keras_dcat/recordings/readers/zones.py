"""Clocks on the wall, by the rules of their zone, in UTC."""

import datetime
import difflib
import re
import zoneinfo

import numpy as np

_SECOND = 10**9
_MINUTE = 60 * _SECOND
_EPOCH = datetime.datetime(1970, 1, 1)
_BACK = 60 * _SECOND  # a smaller step back is disorder, not a clock that was set
_NEAR = 1800 * _SECOND  # nearer than this, one sample follows from the other


class Unclear(ValueError):
    """A time that cannot be read: of which row, why, and what to do.

    Args:
        row: int. Which of the times.
        found: str. What it is.
        cure: str. A sentence.
        rule: str. A sentence.
    """

    def __init__(self, row: int, found: str, cure: str, rule: str = ""):
        super().__init__(found)
        self.row, self.found, self.cure = row, found, cure
        self.rule = rule or "Every time must be a date that there is, of one meaning."


def of_zone(
    local: np.ndarray, timezone: str | None, *, ordered: bool = True
) -> np.ndarray:
    """What clocks on the wall of a zone show, as UTC.

    The hour that comes twice in autumn is told by the order of the samples: by the
    step back inside of it, or by the samples that it follows or goes before.

    Args:
        local: int64 array `(time,)`. Nanoseconds since 1970 on the wall.
        timezone: str. `"Europe/Berlin"`, `"UTC"`, or an offset such as `"+02:00"`.
        ordered: bool. Whether they are in the order in which they happened.

    Returns:
        int64 array `(time,)`. Nanoseconds since 1970 (UTC).

    Raises:
        Unclear: if there is no zone, if the zone leaves a time out, or if the order
            does not tell which of two it is.
        ValueError: if there is no such zone.
    """
    if timezone is None:
        raise Unclear(
            0,
            ", which says no time zone",
            "Pass timezone='UTC' if it is in UTC, or where the clock hung, such as "
            "timezone='Europe/Berlin'.",
            "A date must have a time zone, for two clocks to be compared.",
        )
    zone = zone_of(timezone)
    minutes, which = np.unique(local // _MINUTE, return_inverse=True)
    both = [[_offset(zone, int(m), fold) for m in minutes] for fold in (0, 1)]
    first, second = (np.array(offsets, "int64")[which] for offsets in both)
    lost = np.flatnonzero(first < second)
    if len(lost):
        row = int(lost[0])
        cure = f"If the logger stayed at standard time, pass {_said(first[row])}."
        raise Unclear(row, f", which clocks of {timezone} leave out in spring", cure)
    is_second = np.zeros(len(local), bool)
    twice = np.flatnonzero(first > second)
    for run in np.split(twice, np.flatnonzero(np.diff(twice) > 1) + 1):
        if len(run):
            is_second[run] = _is_second(local, run, first, second, timezone, ordered)
    return local - np.where(is_second, second, first)


def zone_of(timezone: str) -> datetime.tzinfo:
    """The zone of a name, or of an offset from UTC.

    Args:
        timezone: str. `"Europe/Berlin"`, `"UTC"`, or an offset such as `"+02:00"`.

    Returns:
        `datetime.tzinfo`.

    Raises:
        ValueError: if there is none.
    """
    offset = re.fullmatch(r"([+-])([01]\d|2[0-3]):([0-5]\d)", str(timezone))
    if offset:
        sign = -1 if offset[1] == "-" else 1
        minutes = sign * (60 * int(offset[2]) + int(offset[3]))
        return datetime.timezone(datetime.timedelta(minutes=minutes))
    if str(timezone).upper() in ("UTC", "Z"):  # without a table of zones, too
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(timezone)
    except Exception as error:  # of a wrong type, a folder, a name that is not there
        known = zoneinfo.available_timezones()
        loose = re.fullmatch(
            r"(?:UTC|GMT)?([+-]?)(\d\d?)(?::?([0-5]\d))?", str(timezone), re.IGNORECASE
        )
        near = difflib.get_close_matches(str(timezone), known, n=1, cutoff=0.5)
        cure = f"Pass {near[0]!r}" if near else "Pass one such as 'Europe/Berlin'"
        if loose and int(loose[2]) < 15:
            cure = f"Pass '{loose[1] or '+'}{int(loose[2]):02d}:{loose[3] or '00'}'"
        elif not known:
            cure = "Install its table of zones: pip install tzdata; or pass 'UTC'"
        raise ValueError(
            "`timezone` must be the name of a zone, or an offset such as '+02:00'. "
            f"Received: timezone={timezone!r}, of which this machine does not know. "
            f"{cure}, or an offset."
        ) from error


def _offset(zone, minute, fold):
    moment = _EPOCH + datetime.timedelta(minutes=minute)
    offset = zone.utcoffset(moment.replace(tzinfo=zone, fold=fold))
    return round(offset.total_seconds()) * _SECOND


def _is_second(local, run, first, second, timezone, ordered):
    """For samples of an hour that comes twice: is it the second time?"""
    inside = local[run]
    back = np.flatnonzero(np.diff(inside) < -_BACK)
    if len(back) == 1 and ordered:
        return np.arange(len(run)) > back[0]
    before, after = run[0] - 1, run[-1] + 1
    follows = before >= 0 and 0 <= inside[0] - local[before] < _NEAR
    leads = after < len(local) and 0 <= local[after] - inside[-1] < _NEAR
    if ordered and not len(back) and follows != leads:
        return np.full(len(run), leads)
    raise Unclear(
        int(run[0]),
        f", which clocks of {timezone} show twice in autumn",
        "Their order does not tell which it is: pass "
        f"{_said(first[run[0]])} for summer time, or {_said(second[run[0]])} for "
        "standard time.",
    )


def _said(offset):
    minutes = int(offset) // _MINUTE
    sign = "-" if minutes < 0 else "+"
    return f"timezone='{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}'"
