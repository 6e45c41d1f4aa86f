"""Steps back in time that are no disorder: counters that wrap, clocks that are set."""

import numpy as np

LATE = 2.0  # seconds that a packet may be late; several of them overtake each other
_FEW = 8  # samples of which not all are late where times vary by chance
_COUNTERS = {
    "a counter of 32 bits that wraps, in microseconds": 2**32 / 1e6,
    "a counter of 31 bits that wraps, in microseconds": 2**31 / 1e6,
    "a counter of 32 bits that wraps, in milliseconds": 2**32 / 1e3,
    "a counter of 31 bits that wraps, in milliseconds": 2**31 / 1e3,
    "a counter of 32 bits that wraps, in nanoseconds": 2**32 / 1e9,
    "a counter of 32 bits that wraps, at 32768 Hz": 2**32 / 32768,
    "a counter of 24 bits that wraps, in microseconds": 2**24 / 1e6,
    "a counter of 24 bits that wraps, in milliseconds": 2**24 / 1e3,
    "a counter of 24 bits that wraps, at 32768 Hz": 2**24 / 32768,
    "a counter of 16 bits that wraps, in milliseconds": 2**16 / 1e3,
    "a counter of 16 bits that wraps, at 32768 Hz": 2**16 / 32768,
    "a time of day that passes midnight": 86400.0,
    "a time of day of twelve hours": 43200.0,
    "a clock that is set back by an hour": 3600.0,
    "minutes and seconds without the hour": 3600.0,
    "seconds without the minute": 60.0,
}


def late_limit(times: np.ndarray) -> float:
    """Seconds that samples may be late by: two, or five of the steps forward."""
    steps = np.diff(times)
    steps = steps[steps > 0]
    return max(LATE, 5 * float(np.median(steps))) if len(steps) else LATE


def descends(times: np.ndarray) -> bool:
    """Whether times are written from the last to the first."""
    steps = np.diff(times)
    falls = np.count_nonzero(steps < 0)
    return bool(falls > 2 and falls > 9 * np.count_nonzero(steps > 0))


def unwrapped(times: np.ndarray, period: float, late: float) -> tuple[np.ndarray, int]:
    """Times of a counter that wraps, going on, and how many periods were added.

    Each step back by more than half a period adds as many as it takes. Samples from
    before a wrap that come right after it are late, and get one less.
    """
    steps = np.diff(times)
    places = np.flatnonzero(np.abs(steps) > period / 2)
    forward = steps[steps > 0]
    step = float(np.median(forward)) if len(forward) else 0.0
    late = min(late, period / 4)
    added, last, turns = 0, -np.inf, np.zeros(len(times), "int64")
    for place in places:
        if steps[place] < 0:
            periods = int(np.floor(-steps[place] / period + 0.5))
            last = place
        else:
            is_late = steps[place] - period > -late - step and steps[place] < period
            is_late &= (place - last) * step <= late
            periods = -1 if is_late else 0
        added += periods
        turns[place + 1] += periods
    return times + np.cumsum(turns) * period, added


def find_events(times: np.ndarray, late: float, *, told: bool) -> np.ndarray:
    """Samples before which the clock was set back: `(events,)`, rising.

    They are those that step back further than samples may be late. Unless that was
    told, they are also those after which times come again: samples that are late
    fill a hole; those of a clock that was set back lie between others.
    """
    steps = np.diff(times)
    is_event = steps < -late
    back = np.flatnonzero(steps < 0)
    if not told and len(back):
        is_event[back[_come_again(times, back)]] = True
    return np.flatnonzero(is_event) + 1


def _come_again(times, back):
    """Whether about twice as many samples lie in a step back as beside it."""
    alone = times[np.append(True, np.diff(times) != 0)]
    forward = np.diff(alone)
    forward = forward[forward > 0]
    if not len(forward):
        return np.ones(len(back), bool)
    begins, ends = times[back + 1], times[back]
    spans, alone = ends - begins, np.sort(alone)
    edges = (begins - spans, begins, ends, ends + spans)
    counts = np.diff([np.searchsorted(alone, edge, "right") for edge in edges], axis=0)
    usual = np.maximum(counts[0], counts[2])
    usual = np.maximum(usual, spans / np.median(forward))
    again = counts[1] > 1.25 * usual + 2 * np.sqrt(usual) + 5
    for place in np.flatnonzero(again):  # where times vary by chance, they do not rise
        last = back[place]
        around = times[max(0, last - _FEW) : last + 1 + _FEW]
        is_late = times[last + 1 : last + 1 + _FEW] <= ends[place]
        again[place] = is_late.all() and np.count_nonzero(np.diff(around) < 0) <= 2
    return again


def lone_sample(times: np.ndarray, event: int) -> int | None:
    """The one sample that is out of line around an event, if it is only one."""
    before, now = times[event - 1], times[event]
    if event + 1 == len(times) or times[event + 1] > before - 0.1 * (before - now):
        return event
    if event == 1 or times[event - 2] < now + 0.1 * (before - now):
        return event - 1
    return None


def describe_event(times: np.ndarray, events: np.ndarray) -> tuple[str, float | None]:
    """What may have happened, and the period that undoes it, if there is one."""
    forward = np.diff(times)
    backs = -forward[events - 1]
    forward = forward[forward > 0]
    step = float(np.median(forward)) if len(forward) else 0.0
    period = float(np.median(backs)) + step
    if np.ptp(backs) > 3 * step + 1e-3 * period:
        return "which looks like several restarts", None
    near = {what: abs(length - period) for what, length in _COUNTERS.items()}
    what = min(near, key=near.__getitem__)
    if near[what] <= min(max(3 * step, 1e-4 * period), 0.02 * period):
        return f"which looks like {what}", _COUNTERS[what]
    bits = np.log2(period / step) if step else 0.0
    if len(events) > 1 and abs(2 ** round(bits) * step / period - 1) < 0.01:
        bits = round(bits)
        return f"which looks like a counter of {bits} bits", 2**bits * step
    now = times[events[0]]
    if len(events) > 1:
        return f"which looks like a counter that wraps every {period:.6g} s", period
    if abs(now - times[0]) <= max(LATE, 0.05 * period) or 0 <= now <= LATE:
        return "which looks like a restart", None
    return f"which looks like a clock that was set back by {period:.6g} s", period
