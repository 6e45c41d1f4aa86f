"""Evenly spaced values are brought to another rate by one filter, at any place."""

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from scipy import signal

_FINEST = 20_000  # of what is longer, up or down: a filter of 3 MB
_MOST_APART = 100_000  # one rate over the other
_REACH = 10  # steps of the lower rate that a filter looks at on either side


class Resampler:
    """Brings evenly spaced values to another rate, any part of them by itself.

    What `scipy.signal.resample_poly` does, with its filter (the phases of which are
    made to sum to 1, so that what is constant stays so), its delay of nothing, and the
    ends held. Where the ratio of the rates is no small fraction, each value is taken at
    its own place, to 1 / 10,000 of a step of the lower rate, so that nothing drifts.

    Args:
        own_rate: float. Samples per second of the values, in Hz.
        rate: float. Those that are wanted, in Hz.
        offset: float. Where the first wanted one lies, in samples of the values.

    Attributes:
        up: int. In how many parts a sample is divided, for places to be whole numbers.
        down: int. Parts from one wanted value to the next, rounded if they are not
            whole.
        half: int. Parts that the filter looks at on either side.

    Raises:
        ValueError: if one rate is more than 100,000 times the other.

    Example:

    >>> resampler = Resampler(own_rate=64.0, rate=50.0)
    >>> resampler.up, resampler.down, resampler.reach(0, 1)
    (25, 32, (-12, 13))
    """

    def __init__(self, own_rate: float, rate: float, offset: float = 0.0):
        self._step, self._offset = float(own_rate) / float(rate), float(offset)
        self.up, self.down, self._is_whole = _ratio(float(own_rate), float(rate))
        if abs(offset * self.up - round(offset * self.up)) > 1e-6:
            finer = max(1, _FINEST // 2 // max(self.up, self.down))
            self.up, self.down = finer * self.up, finer * self.down
        self.half = _REACH * max(self.up, self.down)

    def count(self, samples: int) -> int:
        """How many values last as long as `samples` of the own ones, at least 1."""
        return max(1, round((samples - self._offset) / self._step))

    def ready(self, samples: int) -> int:
        """How many values are made of the first `samples` and nothing behind them."""
        found = int((samples - self._offset - self.half / self.up) / self._step)
        found = max(0, found - 2)
        while self._place(found) + self.half < samples * self.up:
            found += 1
        return found

    def reach(self, first: int, last: int) -> tuple[int, int]:
        """Which samples the values from `first` to before `last` are made of.

        Args:
            first: int.
            last: int, above `first`.

        Returns:
            `(begin, end)`: ints, `end` not included. They may lie outside of what
            there is, where the first or the last sample is held.
        """
        begin = -((self.half - self._place(first)) // self.up)
        return begin, (self._place(last - 1) + self.half) // self.up + 1

    def __call__(self, samples: np.ndarray, first: int, last: int) -> np.ndarray:
        """Values from `first` to before `last`.

        Args:
            samples: float array `(time, …)`, exactly those of `reach(first, last)`.
            first: int.
            last: int, above `first`.

        Returns:
            array `(last - first, …)` of the type of the samples.
        """
        filtered = self._filtered if self._is_whole else self._picked
        # float16: SciPy filters in float32 at least; more than float64 it cannot.
        kind = "float64" if samples.dtype.itemsize > 4 else "float32"
        taps = _taps(self.up, self.half, kind)
        found = filtered(taps, samples.astype(kind, copy=False), first, last)
        return found.astype(samples.dtype, copy=False)

    def _place(self, number):
        """Where a value lies, in parts of a sample."""
        if self._is_whole:
            return round(self._offset * self.up) + number * self.down
        return round((self._offset + number * self._step) * self.up)

    def _filtered(self, taps, samples, first, last):
        begin = self.reach(first, last)[0]
        # The place of the first in the filter's output, moved to a multiple of `down`.
        late = self.half + self._place(first) - begin * self.up
        skipped = -(-late // self.down)
        taps = np.pad(taps, (skipped * self.down - late, 0))
        found = signal.upfirdn(taps, samples, self.up, self.down, axis=0)
        return found[skipped : skipped + last - first]

    def _picked(self, taps, samples, first, last):
        numbers = np.arange(first, last)
        places = np.rint((self._offset + numbers * self._step) * self.up)
        places = places.astype("int64") - self.reach(first, last)[0] * self.up
        begins = -((self.half - places) // self.up)
        taps = np.pad(taps, (self.up, 0))
        late = self.up + self.half + places - begins * self.up
        found = np.zeros((last - first, *samples.shape[1:]), samples.dtype)
        shape = (-1, *[1] * (samples.ndim - 1))
        for number in range(2 * self.half // self.up + 1):
            weights = taps[late - number * self.up].reshape(shape)
            found += weights * samples[np.minimum(begins + number, len(samples) - 1)]
        return found


def held(
    read: Callable[[int, int], np.ndarray], count: int, begin: int, end: int
) -> np.ndarray:
    """Samples from `begin` to before `end`, the first and the last held outside.

    Args:
        read: function from a first and a last position, in range, to samples.
        count: int. How many samples there are.
        begin: int.
        end: int, above `begin`.

    Returns:
        array `(end - begin, …)`.
    """
    low = min(max(begin, 0), count - 1)
    high = min(max(end, low + 1), count)
    samples = read(low, high)
    if (low, high) == (begin, end):
        return samples
    return samples[np.clip(np.arange(begin, end), low, high - 1) - low]


@functools.lru_cache(maxsize=64)
def _ratio(own_rate, rate):
    """`(up, down, is_whole)`: the ratio of two rates, and whether it is just that."""
    step: Any = Fraction(own_rate) / Fraction(rate)
    apart = max(step, 1 / step)
    if apart > _MOST_APART:
        raise ValueError(
            f"Rates must be within a factor of {_MOST_APART} of each other. "
            f"Received: {own_rate:g} and {rate:g} Hz. "
            "Give both in Hz, and go so far in two steps."
        )
    near = apart.limit_denominator(max(1, int(_FINEST / apart)))
    # Rates are floats: what is no further off than their rounding is just that.
    if abs(near - apart) <= 1e-15 * apart:
        up, down = near.denominator, near.numerator
        return (up, down, True) if step >= 1 else (down, up, True)
    up = max(1, int(_FINEST / 2 / max(step, 1)))
    return up, max(1, round(up * step)), False


@functools.lru_cache(maxsize=16)
def _taps(up, half, kind):
    """The filter of `scipy.signal.resample_poly`, each phase of which sums to 1."""
    taps = signal.firwin(2 * half + 1, _REACH / half, window=("kaiser", 5.0))
    phases = np.zeros(-(-len(taps) // up) * up)
    phases[: len(taps)] = taps
    phases = phases.reshape(-1, up)
    phases /= phases.sum(axis=0)
    return phases.ravel()[: len(taps)].astype(kind)


def finite(values):
    """The values, if all are finite; otherwise a `ValueError`."""
    if values.dtype.kind in "biu":
        return values
    isfinite = np.isfinite(values)
    if not isfinite.all():
        raise ValueError(
            "Values must be finite to be brought to another rate. "
            f"Received: {np.sum(~isfinite)} of {isfinite.size} that are not. Leave "
            "these samples out: Stream(values[finite], timestamps=times[finite])."
        )
    return values


def float_type(dtype) -> np.dtype:
    """The type that values have at another rate: their own if it is one of floats."""
    if np.dtype(dtype).kind not in "biuf":
        raise ValueError(
            "Values must be real numbers to be brought to another rate. "
            f"Received: {np.dtype(dtype)}. Convert them: values.astype('float32')."
        )
    is_float = np.issubdtype(dtype, np.floating)
    return np.dtype(dtype) if is_float else np.dtype("float32")
