"""Samples of any sensor on the even steps that a model was trained on."""

import math

import numpy as np

from keras_dcat.recordings.resampling import filter_reach, interpolated, low_passed
from keras_dcat.streaming.tail import Tail


class EvenSamples:
    """Brings samples to another rate as they come, as `Stream.resampled` does at once.

    Where frequencies must be filtered out, a sample is given as soon as those behind it
    that the filter looks at have come.

    Args:
        own_rate: float. Samples per second that come in, in Hz.
        rate: float. Those that are given, in Hz.

    Example:

    >>> even = EvenSamples(own_rate=2.0, rate=4.0)
    >>> even.add(np.array([[0.0], [1.0]]))[:, 0].tolist()
    [0.0, 0.5, 1.0]
    """

    def __init__(self, own_rate: float, rate: float):
        self._step = own_rate / rate
        self._cutoff = rate / own_rate
        self._reach = filter_reach(self._cutoff) if rate < own_rate else 0
        self._tail = Tail()
        self._given = 0

    def add(self, samples: np.ndarray) -> np.ndarray:
        """Takes samples on even steps.

        Args:
            samples: float array `(samples, …)`.

        Returns:
            float array `(new samples, …)` at the other rate.
        """
        if self._step == 1:
            return samples
        self._tail.append(samples)
        # The last whose right neighbour, and what its filter looks at, is there.
        reached = self._tail.end - 1 - self._reach
        return self._until(math.floor(reached / self._step + 1e-9))

    def end(self) -> np.ndarray:
        """What still waits for samples behind it, of which there will be none.

        Returns:
            float array `(new samples, …)` at the other rate.
        """
        if not self._tail.end:
            return np.empty(0)
        return self._until(max(1, round(self._tail.end / self._step)) - 1)

    def _until(self, last):
        """Samples that were not given yet, up to the one of this number."""
        tail = self._tail
        if last < self._given:
            return tail[tail.end : tail.end]
        positions = np.arange(self._given, last + 1) * self._step
        begin = max(int(positions[0]) - self._reach, 0)
        values = tail[begin : tail.end]
        if self._reach:
            values = low_passed(values, self._cutoff)
        given = interpolated(values, positions - begin)
        self._given = last + 1
        tail.forget(before=int(self._given * self._step) - self._reach)
        return given


class EvenSteps:
    """Brings samples with timestamps to even steps as they come, by interpolation.

    Args:
        rate: float. Samples per second that are given, in Hz.

    Example:

    >>> even = EvenSteps(rate=2.0)
    >>> even.add(np.array([[0.0], [1.0], [3.0]]), np.array([7.0, 7.5, 8.5])).tolist()
    [[0.0], [1.0], [2.0], [3.0]]
    """

    def __init__(self, rate: float):
        self._rate = rate
        self._start = None
        self._given = 0
        self._before = None  # the last sample, and when it was

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
        else:
            samples = np.concatenate([self._before[0], samples])
            timestamps = np.concatenate([self._before[1], timestamps])
        self._before = samples[-1:], timestamps[-1:]
        last = int((timestamps[-1] - self._start) * self._rate + 1e-6)
        times = self._start + np.arange(self._given, last + 1) / self._rate
        self._given = last + 1
        positions = np.interp(times, timestamps, np.arange(len(timestamps)))
        return interpolated(samples, positions)
