"""What is odd about times that reach further than their samples."""

import numpy as np

_UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))
_SINCE_1970 = 1e9, 4e9  # seconds, of the years 2001 to 2096
_FAR = 1000  # median steps from which on a step is far


def describe_odd_times(times: np.ndarray) -> str | None:
    """Says which time is far from the others, or which unit times seem to have.

    Args:
        times: float array `(time,)`, in seconds as it is thought.

    Returns:
        str of two sentences, what is odd and what to do; None if nothing is.

    Example:

    >>> print(describe_odd_times(1.66e12 + 20.0 * np.arange(100)))
    Times look like milliseconds: a step is 20. Give seconds: timestamps=times / 1000.
    """
    times = np.asarray(times, "float64")
    numbers = np.flatnonzero(np.isfinite(times))
    if len(numbers) < 3:
        return None
    numbers = numbers[np.argsort(times[numbers], kind="stable")]
    times = times[numbers]
    steps = np.diff(times)
    step = float(np.median(steps))
    for size, unit in _UNITS:
        low, high = np.multiply(_SINCE_1970, size)
        # Since 1970, or since the start: 1 to 1000 samples a second.
        if low < np.median(times) < high or size / 1000 <= step <= 0.5 * size:
            return (
                f"Times look like {unit}: a step is {step:g}. "
                f"Give seconds: timestamps=times / {size:.0f}."
            )
    longest = int(np.argmax(steps))
    far = float(steps[longest])
    if not far > _FAR * step:
        return None
    before, behind = numbers[: longest + 1], numbers[longest + 1 :]
    ends = f"{float(times[longest])} s and {float(times[longest + 1])} s"
    if min(len(before), len(behind)) > 1:
        return (
            f"Samples {before[-1]} and {behind[0]}, at {ends}, are {far:.3g} s apart. "
            "Cut the stream there, and make a recording of each part."
        )
    number, at = (before[0], 0) if len(before) == 1 else (behind[0], -1)
    return (
        f"Sample {number} has the time {float(times[at])} s, {far:.3g} s from all "
        f"others. Drop it: stream, report = mend(stream, max_jump={far / 2:.3g})."
    )
