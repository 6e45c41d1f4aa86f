"""What is odd about times that were meant as seconds."""

import datetime

import numpy as np

_UNITS = {1e3: "milliseconds", 1e6: "microseconds", 1e9: "nanoseconds"}
_SINCE_1970 = 9.4e8, 4.2e9  # seconds, of the years 2000 to 2100
_SLOW = 5.0  # seconds between samples: few sensors, but all in milliseconds
_FAR = 3600.0


def describe_odd_times(times: np.ndarray) -> str | None:
    """What is odd about times: another unit, or a sample far from all others.

    Args:
        times: float array `(samples,)`, taken as seconds, in any order.

    Returns:
        str, one or two sentences, or None if nothing is odd.

    Example:

    >>> print(describe_odd_times(np.array([1.66e12, 1.66e12 + 20, 1.66e12 + 40])))
    Times look like milliseconds since 1970: the first is 1660000000000.0. \
Divided by 1e3, they are of 2022-08-08.
    >>> describe_odd_times(np.arange(100) / 50)
    """
    times = np.asarray(times, "float64")
    finite = np.flatnonzero(np.isfinite(times))
    if len(finite) < 2:
        return None
    order = finite[np.argsort(times[finite], kind="stable")]
    with np.errstate(over="ignore"):  # from -1e308 s to 1e308 s
        said = [_unit(times[order], times[finite[0]]), _far(times, order)]
    return " ".join(filter(None, said)) or None


def _unit(rising, first):
    middle, steps = float(np.median(rising)), np.diff(rising)
    if _SINCE_1970[0] <= middle < _SINCE_1970[1]:
        return None
    for divisor, unit in _UNITS.items():
        if _SINCE_1970[0] <= middle / divisor < _SINCE_1970[1]:
            when = datetime.datetime.fromtimestamp(middle / divisor, datetime.UTC)
            return (
                f"Times look like {unit} since 1970: the first is {float(first)!r}. "
                f"Divided by {_told(divisor)}, they are of {when:%Y-%m-%d}."
            )
    step = float(np.median(steps[steps > 0])) if steps.any() else 0.0
    if step < _SLOW:
        return None
    divisor = 1e3 if step < 2e3 else 1e6 if step < 2e6 else 1e9
    return (
        f"A sample comes every {step:.4g} s: if these are {_UNITS[divisor]}, divide "
        f"the times by {_told(divisor)}."
    )


def _far(times, order):
    """The few samples that a wide gap sets apart, if there are some."""
    rising = times[order]
    steps = np.diff(rising)
    at = int(steps.argmax())
    early, late = order[: at + 1], order[at + 1 :]
    few, many = sorted((early, late), key=len)
    span = np.ptp(times[many])
    if len(few) > max(1, len(order) // 100) or len(few) == len(many):
        return None
    if not steps[at] > max(_FAR, 10 * span):
        return None
    which = (
        f"Sample {few[0]} has"
        if len(few) == 1
        else f"{len(few)} samples, such as {few[0]}, have"
    )
    return (
        f"{which} the time {float(times[few[0]])!r} s, and is {steps[at]:.4g} s from "
        "all the others: leave it out, or mend(stream, max_jump=60)."
    )


def _told(divisor):
    return f"{divisor:.0e}".replace("+0", "")
