"""Any part of a stream at another rate, without the rest of it."""

import math
from typing import Any

import numpy as np

from keras_dcat.recordings.interpolation import CONTEXT, interpolated
from keras_dcat.recordings.odd_times import describe_odd_times
from keras_dcat.recordings.resampling import Resampler, finite, float_type, held

_AT_ONCE = 2**17  # values: what is made of them stays in the processor's cache
_NEAR = 1.1  # times the wanted rate: up to here nothing is filtered out
# Even steps for one that is wanted. They are few, and far from what own rates often are
# of wanted ones, so that an own rate which is measured another time is taken the same.
_FINER = 1, 2, *(size << power for power in range(9) for size in (3, 4))
_MOST_STEPS = 1_000_000  # more must be a thing of the samples, not of the span
_HALVES = 1e-4  # steps: since 1970, times are rounded by so much at 400 Hz
_SLOWEST = 30  # steps from one sample to the next, usually: a wrong unit makes 1000


class AtRate:
    """A stream at another rate, of which any part can be computed.

    Evenly spaced samples are filtered once, by a `Resampler`. Samples with timestamps
    are brought to even steps by `interpolated`: to those that are wanted if the
    stream's own rate is near or below; otherwise to finer ones, a whole number for
    each wanted step, from which a `Resampler` takes what the wanted rate cannot show.

    Args:
        stream: `Stream` with at least one sample. Timestamps rise.
        rate: float. Samples per second, in Hz.
        start: float. Time of the first one, in seconds; that of the first sample
            unless given.
        samples: slice of the samples that are taken as if there were no others.
        clock: tuple of the usual step in seconds and the stream's own rate in Hz, as
            `clock_of` finds them; found anew unless given.

    Attributes:
        rate, start: float, as a `Stream` has them.
        shape: tuple of int `(time, channels…)`.
        dtype: NumPy type of the values.

    Raises:
        ValueError: if there would be far more values than samples, or if they are not
            real numbers.
    """

    def __init__(self, stream, rate, start=None, samples=slice(None), clock=None):
        self._values, self._times = stream.values, stream.timestamps
        self.dtype = float_type(self._values.dtype)
        self._first, last, _ = samples.indices(len(stream))
        self._count = last - self._first
        self.rate = float(rate)
        step, own_rate = clock or clock_of(stream)
        if self._times is None:
            begin = stream.start + self._first / stream.rate
            end = stream.start + last / stream.rate
            self.start = begin if start is None else start
        else:
            self._times = self._times[samples]
            begin, end = float(self._times[0]), float(self._times[-1]) + step
            self.start = begin if start is None else start
        finer = 1 if self._times is None else finer_steps(own_rate, self.rate)
        self._check_steps((end - self.start) * self.rate * finer, step)
        if self._times is None:
            offset = (self.start - begin) * stream.rate
            self._resampler: Any = Resampler(stream.rate, rate, offset)
            steps = self._resampler.count(self._count)
        else:
            self._grid_rate = finer * self.rate
            self._grid = max(1, round((end - self.start) * self._grid_rate))
            self._resampler = Resampler(finer, 1) if finer > 1 else None
            steps = self._resampler.count(self._grid) if finer > 1 else self._grid
        self.shape = (steps, *np.shape(self._values)[1:])

    def read(self, first: int, last: int) -> np.ndarray:
        """Values from `first` to before `last`, an array of floats.

        Args:
            first: int.
            last: int, above `first`.

        Returns:
            float array `(last - first, channels…)`.

        Raises:
            ValueError: if a value that they are made of is not finite.
        """
        if self._times is None:
            reach = self._resampler.reach(first, last)
            samples = held(self._samples, self._count, *reach)
        elif self._resampler:
            reach = self._resampler.reach(first, last)
            samples = held(self._on_grid, self._grid, *reach)
        else:
            return self._on_grid(first, last)
        return self._resampler(samples, first, last)

    def whole(self) -> np.ndarray:
        """All values; what they need beside themselves does not grow with them.

        Returns:
            float array `(time, channels…)`.

        Raises:
            ValueError: if a value is not finite.
        """
        found = np.empty(self.shape, self.dtype)
        rows = min(_AT_ONCE // max(1, math.prod(self.shape[1:])), _AT_ONCE // 8)
        if self._resampler:  # there may be many samples for each value
            low, high = self._resampler.up, self._resampler.down
            rows = rows * min(low, high) // high
        rows = max(64, rows)
        for at in range(0, len(found), rows):
            until = min(at + rows, len(found))
            found[at:until] = self.read(at, until)
        return found

    def _samples(self, first, last):
        values = self._values[self._first + first : self._first + last]
        return finite(np.asarray(values)).astype(self.dtype, copy=False)

    def _on_grid(self, first, last):
        times = self._times
        moments = self.start + np.arange(first, last) / self._grid_rate
        low = np.searchsorted(times, moments[0], side="right") - 1 - CONTEXT
        high = np.searchsorted(times, moments[-1], side="right") + 1 + CONTEXT
        low = max(0, min(low, len(times) - 2))
        high = min(high, len(times))
        return interpolated(self._samples(low, high), times[low:high], moments)

    def _check_steps(self, steps, step):
        """Memory follows the samples, never a span that times alone make."""
        slow = min(max(self.rate * step, 1.0), _SLOWEST)
        if steps <= max(_MOST_STEPS, 10 * slow * self._count):
            return
        odd = None if self._times is None else describe_odd_times(self._times)
        raise ValueError(
            "Steps at another rate must not be far more than there are samples. "
            f"Received: {self._count} samples, which would be {steps:.3g} steps on the "
            f"way to {self.rate:g} Hz. {f'Its times are odd: {odd}. ' if odd else ''}"
            "Mend such times, by mend(stream), which says how; cut the stream at gaps; "
            "or choose a rate near its own."
        )


def nearest_step(places) -> np.ndarray:
    """The whole number that is nearest to each place; of two, the lower one.

    Halves are the same however they were rounded: by chance, one stream's window would
    begin a step before another's, and a live one before that of the training.

    Args:
        places: float or float array, in steps.

    Returns:
        int64 array of the same shape.

    Example:

    >>> nearest_step([2.4, 2.5, 2.5 + 1e-9, 2.6]).tolist()
    [2, 2, 2, 3]
    """
    return np.ceil(np.asarray(places) - 0.5 - _HALVES).astype("int64")


def clock_of(stream) -> tuple[float, float]:
    """The usual step of a stream in seconds, and its own rate in Hz."""
    if stream.timestamps is None:
        return stream.step, stream.rate
    return stream.step, rate_of(np.diff(stream.timestamps))


def rate_of(steps: np.ndarray) -> float:
    """About how many samples a second there are.

    That of the median step; but in packets, each of nearly one time, the median is far
    below the mean, and says little. A few gaps say nothing at all.

    Args:
        steps: float array `(steps,)`, in seconds from one sample to the next.

    Returns:
        float, in Hz; 0 if there is no step.
    """
    if not len(steps):
        return 0.0
    steps = np.sort(steps)
    usual = steps[: math.ceil(0.99 * len(steps))]
    return float(min(1 / np.median(steps), 10 / usual.mean()))


def finer_steps(own_rate: float, rate: float) -> int:
    """On how many even steps, for each wanted one, samples are brought first.

    Args:
        own_rate: float. About how many samples a second there are, in Hz.
        rate: float. Samples per second that are wanted, in Hz.

    Returns:
        int; 1 if what there is need not be filtered.
    """
    needed = own_rate / rate / _NEAR
    return next((finer for finer in _FINER if finer >= needed), _FINER[-1])
