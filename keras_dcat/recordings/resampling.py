"""Values at another rate."""

import numpy as np

from keras_dcat.extras import require


def interpolated(values, positions):
    """Values `(time, …)` at fractional positions, held at both ends.

    Args:
        values: array `(time, …)`.
        positions: float array `(positions,)`, counted in samples.

    Returns:
        float array `(positions, …)`.
    """
    positions = np.clip(positions, 0, len(values) - 1)
    before = np.floor(positions).astype(int)
    after = np.minimum(before + 1, len(values) - 1)
    share = (positions - before).reshape(-1, *[1] * (values.ndim - 1))
    return as_floats(values[before] * (1 - share) + values[after] * share, values)


def low_passed(values, cutoff):
    """Values without what is above `cutoff`, a share of their Nyquist frequency.

    A symmetric filter: nothing is delayed. The ends are held, not cut to zero.

    Args:
        values: array `(time, …)`.
        cutoff: float below 1.

    Returns:
        float array `(time, …)`.

    Raises:
        ValueError: if a value is not finite, which would spoil all around it.
        ImportError: if SciPy is not installed.
    """
    signal = require("scipy.signal", extra="io")
    values = finite(values)
    half = filter_reach(cutoff)
    taps = signal.firwin(2 * half + 1, 0.9 * cutoff)
    padded = np.concatenate(
        [np.repeat(values[:1], half, 0), values, np.repeat(values[-1:], half, 0)]
    )
    taps = taps.reshape(-1, *[1] * (values.ndim - 1))
    return as_floats(signal.fftconvolve(padded, taps, mode="valid", axes=0), values)


def filter_reach(cutoff):
    """How many samples on either side of one `low_passed` looks at.

    Args:
        cutoff: float below 1.

    Returns:
        int.
    """
    return int(np.ceil(8 / cutoff))


def finite(values):
    """The values, if all are finite; otherwise a `ValueError`."""
    isfinite = np.isfinite(values)
    if not isfinite.all():
        raise ValueError(
            "Values must be finite to be brought to another rate. "
            f"Received: {np.sum(~isfinite)} of {isfinite.size} that are not. Leave "
            "these samples out: Stream(values[finite], timestamps=times[finite])."
        )
    return values


def as_floats(changed, values):
    """What became of values, in their type if it is one of floats."""
    is_float = np.issubdtype(values.dtype, np.floating)
    return changed.astype(values.dtype if is_float else "float32")
