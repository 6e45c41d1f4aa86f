"""Samples of any sensor on the even steps that a model was trained on."""

from typing import Any

import numpy as np

from keras_dcat.recordings.at_rate import finer_steps, rate_of
from keras_dcat.recordings.interpolation import CONTEXT, interpolated
from keras_dcat.recordings.resampling import Resampler, held
from keras_dcat.streaming.tail import Tail


class EvenSamples:
    """Brings samples to another rate as they come, as `Stream.resampled` does at once.

    A sample is given as soon as those behind it that the filter looks at have come.

    Args:
        own_rate: float. Samples per second that come in, in Hz.
        rate: float. Those that are given, in Hz.

    Attributes:
        latency: float. Seconds from the moment that a sample shows to when it is
            given: ten steps of the lower rate, 0 if there is nothing to do.
        seconds: float, which the samples that came cover.

    Example:

    >>> even = EvenSamples(own_rate=2.0, rate=4.0)
    >>> len(even.add(np.zeros((12, 1)))), len(even.end()), even.latency
    (4, 20, 5.0)
    """

    def __init__(self, own_rate: float, rate: float):
        self._resampler: Any = Resampler(own_rate, rate) if own_rate != rate else None
        self.latency = 0.0
        if self._resampler:
            self.latency = self._resampler.half / self._resampler.up / own_rate
        self._own_rate = own_rate
        self._tail = Tail()
        self._given = 0
        self.seconds = 0.0

    def add(self, samples: np.ndarray) -> np.ndarray:
        """Takes samples on even steps.

        Args:
            samples: float array `(samples, …)`.

        Returns:
            float array `(new samples, …)` at the other rate.
        """
        if self._resampler is None:
            return samples
        self._tail.append(samples)
        self.seconds = self._tail.end / self._own_rate
        return self._until(self._resampler.ready(self._tail.end))

    def end(self) -> np.ndarray:
        """What still waits for samples behind it, of which there will be none.

        Returns:
            float array `(new samples, …)` at the other rate.
        """
        if self._resampler is None or not self._tail.end:
            return np.empty(0)
        return self._until(self._resampler.count(self._tail.end))

    def _until(self, number):
        """Samples that were not given yet, up to before this one."""
        tail = self._tail
        if number <= self._given:
            return tail[tail.end : tail.end]
        reach = self._resampler.reach(self._given, number)
        samples = held(lambda low, high: tail[low:high], tail.end, *reach)
        given = self._resampler(samples, self._given, number)
        self._given = number
        tail.forget(before=self._resampler.reach(number, number + 1)[0])
        return given.astype(samples.dtype, copy=False)


class EvenSteps:
    """Brings samples with timestamps to even steps as they come, by interpolation.

    A sample is given as soon as there are seven behind it, for these count, too.

    Args:
        rate: float. Samples per second that are given, in Hz.

    Example:

    >>> even = EvenSteps(rate=2.0)
    >>> even.add(np.array([[0.0], [1.0], [3.0]]), np.array([7.0, 7.5, 8.5])).tolist()
    []
    >>> even.end(step=0.5).round(2).tolist()
    [[0.0], [1.0], [2.0], [3.0]]
    """

    def __init__(self, rate: float):
        self._rate = rate
        self._start: Any = None  # a float, once there is a sample
        self._given = 0
        self._samples, self._times = Tail(), Tail()

    def add(self, samples: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
        """Takes samples whose timestamps rise, and go on rising.

        Args:
            samples: float array `(samples, …)`.
            timestamps: float64 array `(samples,)`, in seconds.

        Returns:
            float array `(new samples, …)` on even steps from the first timestamp.
        """
        if not len(samples):
            return samples
        if self._start is None:
            self._start = timestamps[0]
        self._samples.append(samples)
        self._times.append(timestamps)
        last = self._times.end - 1 - CONTEXT  # up to which curves are certain
        if last < self._times.first:
            return samples[:0]
        until = self._times[last : last + 1][0]
        number = int((until - self._start) * self._rate) + 2
        while self._start + (number - 1) / self._rate >= until:
            number -= 1
        return self._until(number)

    @property
    def lasted(self) -> float:
        """Seconds from the first sample to the last; 0 if there is none."""
        if self._start is None:
            return 0.0
        return self._times[self._times.end - 1 : self._times.end][0] - self._start

    def end(self, step: float) -> np.ndarray:
        """What still waits for samples behind it, of which there will be none.

        Args:
            step: float. Seconds that the last sample lasts.

        Returns:
            float array `(new samples, …)`.
        """
        if self._start is None:
            return np.empty(0)
        return self._until(max(1, round((self.lasted + step) * self._rate)))

    def _until(self, number):
        """Samples that were not given yet, up to before this one."""
        times = self._times[self._times.first : self._times.end]
        samples = self._samples[self._samples.first : self._samples.end]
        if number <= self._given:
            return samples[:0]
        moments = self._start + np.arange(self._given, number) / self._rate
        self._given = number
        given = interpolated(samples, times, moments)
        # The next one lies behind the last of these.
        before = np.searchsorted(times, moments[-1], side="right") - 1 - CONTEXT
        for tail in (self._samples, self._times):
            tail.forget(before=tail.first + max(0, int(before)))
        return given


class EvenTimes:
    """Brings samples with timestamps to a rate, as `Stream.resampled` does at once.

    How many there are in a second decides, here as there, whether something must be
    filtered out. Where it is not given, the first 33 samples wait until it is measured.

    Args:
        rate: float. Samples per second that are given, in Hz.
        own_rate: float. About how many come in, in Hz. None measures it.

    Attributes:
        own_rate: float or None, as long as it is not known.
        latency: float. Seconds from the moment that a sample shows to when it is given:
            seven steps of the sensor and, where a filter is needed, ten of `rate`.
        seconds: float, which the samples that came cover; known at the end.

    Example:

    >>> even = EvenTimes(rate=10.0, own_rate=20.0)
    >>> given = even.add(np.zeros((40, 1)), 7 + np.arange(40) / 20)
    >>> len(given), len(even.end()), round(even.latency, 3)
    (7, 13, 1.35)
    """

    def __init__(self, rate: float, own_rate: float | None = None):
        self._rate, self.own_rate = rate, own_rate
        self._step = self.seconds = 0.0
        self._even: Any = None  # and `_steps`, once the rate is known
        self._waiting: tuple[list, list] = [], []
        self.latency = 0.0
        if own_rate is not None:
            self._begin(own_rate, 1 / own_rate)

    def add(self, samples: np.ndarray, timestamps: np.ndarray) -> np.ndarray:
        """Takes samples whose timestamps rise, and go on rising.

        Args:
            samples: float array `(samples, …)`.
            timestamps: float64 array `(samples,)`, in seconds.

        Returns:
            float array `(new samples, …)` on even steps from the first timestamp.
        """
        if self._even is None:
            for kept, new in zip(self._waiting, (samples, timestamps), strict=True):
                kept.append(new)
            if sum(map(len, self._waiting[1])) < _MEASURED:
                return samples[:0]
            samples, timestamps = self._measure()
        return self._even.add(self._steps.add(samples, timestamps))

    def end(self) -> np.ndarray:
        """What still waits for samples behind it, of which there will be none.

        Returns:
            float array `(new samples, …)` at the rate.
        """
        given = []
        if self._even is None:
            if not self._waiting[0]:
                return np.empty(0)
            samples, timestamps = self._measure()
            given.append(self.add(samples, timestamps))
        last = self._steps.end(self._step)
        self.seconds = self._steps.lasted + self._step
        given += [self._even.add(last), self._even.end()]
        return np.concatenate([part for part in given if len(part)] or [last])

    def _measure(self):
        """The samples that waited; what is wanted of them is known then."""
        samples, times = map(np.concatenate, self._waiting)
        self._waiting = [], []
        steps = np.diff(times[:_MEASURED])
        measured = rate_of(steps)
        if len(times) >= _MEASURED:
            self.own_rate = measured
        self._begin(measured, float(np.median(steps)) if len(steps) else 0.0)
        return samples, times

    def _begin(self, own_rate, step):
        self._step = step
        finer = finer_steps(own_rate, self._rate)
        self._steps = EvenSteps(finer * self._rate)
        self._even = EvenSamples(finer * self._rate, self._rate)
        self.latency = (1 + CONTEXT) * step + self._even.latency


_MEASURED = 33  # samples
