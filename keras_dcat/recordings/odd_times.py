"""Times that cannot be the seconds of one recording: far ones, and other units."""

import datetime

import numpy as np

FAR = 3600.0  # seconds to the next sample: no pause of a recording, if one is alone
_YEAR = 365.25 * 86400
_SINCE_1970 = 946684800.0, 4102444800.0  # seconds at the years 2000 and 2100
_UNITS = {"milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
_DAYS = {"1899-12-30": 25569.0, "the year 0": 719529.0}  # days from then to 1970
_TICKS = {1601: 11644473600.0, 1: 62135596800.0}  # seconds from then to 1970


def describe_odd_times(times: np.ndarray) -> str | None:
    """What makes times unlikely to be seconds of one recording, as part of a sentence.

    Odd is a unit that is not seconds: numbers that are dates in the years 2000 to
    2100 only as milliseconds, microseconds, nanoseconds, days or ticks, or steps of
    more than an hour. Odd are few samples that are at least an hour, and further
    than all others last, from the others, and any pause of more than a year.

    Args:
        times: float array `(time,)`, in any order. What is not finite is left out.

    Returns:
        str without a full stop, or None if nothing is odd.

    Example:

    >>> print(describe_odd_times(1.6e12 + 20 * np.arange(100)))
    they look like milliseconds since 1970 (2020-09-13): multiply them by 0.001
    >>> describe_odd_times(1.6e9 + np.arange(100) / 50) is None
    True
    """
    unit, _ = likely_unit(times)
    return unit or describe_far(times)


def likely_unit(times: np.ndarray) -> tuple[str | None, float]:
    """What tells the unit, if it is not seconds, and how many seconds one has."""
    times = times[np.isfinite(times)]
    middle = float(np.median(times)) if len(times) else 0.0
    for unit, factor in _UNITS.items():
        if _is_date(middle * factor):
            since = f"they look like {unit} since 1970"
            return _told(since, factor, _date(middle * factor))
    for year, before in _TICKS.items():
        if _is_date(middle * 1e-7 - before):
            since = f"they look like ticks of 100 ns since the year {year}"
            return _told(since, 1e-7, _date(middle * 1e-7 - before))
    with np.errstate(over="ignore", invalid="ignore"):  # from -1e308 s to 1e308 s
        steps = np.abs(np.diff(times))
        steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) >= 3 else 0.0
    for begin, before in _DAYS.items():
        if 0 < step < 1e-5 and _is_date((middle - before) * 86400):
            since = f"they look like days since {begin}"
            return _told(since, 86400.0, _date((middle - before) * 86400))
    if FAR < step < np.inf:
        unit = "microseconds" if step < 1e6 else "nanoseconds"
        return _told(f"they are {step:.6g} s apart and look like {unit}", _UNITS[unit])
    return None, 1.0


def _told(what, factor, date=None):
    date = f" ({date})" if date else ""
    return f"{what}{date}: multiply them by {factor:g}", factor


def describe_far(times: np.ndarray, rows: np.ndarray | None = None) -> str | None:
    """Which samples are far from all others, if some are; `rows` numbers them."""
    found = far_samples(times)
    if found is None:
        return None
    places, distance = found
    years = f" ({distance / _YEAR:.3g} years)" if distance > _YEAR else ""
    row = places[0] if rows is None else rows[places[0]]
    shown = float(times[places[0]])
    if len(places) == 1:
        return (
            f"sample {row} shows {shown!r} s, {distance:.6g} s{years} from every other"
        )
    return (
        f"{len(places)} samples of {len(times)} are {distance:.6g} s{years} from all "
        f"others, such as sample {row} at {shown!r} s"
    )


def far_samples(times: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Rows of the fewer samples, and the pause between them and all others."""
    finite = np.flatnonzero(np.isfinite(times))
    own = times[finite]
    with np.errstate(over="ignore"):
        if len(own) < 2 or not own.max() - own.min() > FAR:
            return None
        order = np.argsort(own, kind="stable")
        ordered = own[order]
        steps = np.diff(ordered)
        places = np.flatnonzero(steps > FAR)
        fewer = np.minimum(places + 1, len(own) - places - 1)
        before = ordered[places] - ordered[0]
        after = ordered[-1] - ordered[places + 1]
        rest = np.where(places + 1 <= len(own) / 2, after, before)
    is_alone = (fewer <= max(3, len(own) // 1000)) & (fewer < len(own) / 2)
    is_far = (steps[places] > _YEAR) | is_alone & (steps[places] > rest)
    if not is_far.any():
        return None
    best = np.flatnonzero(is_far)[np.argmax(steps[places][is_far])]
    place = places[best]
    side = order[: place + 1] if place + 1 <= len(own) / 2 else order[place + 1 :]
    return finite[np.sort(side)], float(steps[place])


def _is_date(seconds):
    return _SINCE_1970[0] <= seconds <= _SINCE_1970[1]


def _date(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).date()
