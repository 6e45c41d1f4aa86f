"""What a sensor says of the time, as seconds that rise from sample to sample."""

from typing import Any, NamedTuple

import numpy as np

from keras_dcat.real_numbers import is_positive
from keras_dcat.shown import counted

PACKETS = ("refuse", "end", "start", "centre")
_WORDS = {1e-3: "milliseconds", 1e-6: "microseconds", 1e-9: "nanoseconds"}
_JUDGED = 8  # steps that tell the unit
_DENSE = 300  # times the rate of the model: no sensor of it sends so many samples
_COUNTERS = (8, 16, 24, 32)  # bits of what wraps
_PULL = 0.1  # of the way to a packet's own time that each packet's samples go
_LEAST = 1e-12  # seconds: no sensor tells two samples apart that are closer
_LOST = 0.9  # of a packet: so much later, and there was another one before it


class Clock(NamedTuple):
    """Where a clock stands after some samples.

    Attributes:
        last: float, seconds of the last sample; None before the first.
        told: float, what the sensor said of it, in seconds, before it went on.
        periods: int. How often the counter has wrapped.
        steps: tuple of float, the first steps between the times that were told.
    """

    last: float | None = None
    told: float | None = None
    periods: int = 0
    steps: tuple[float, ...] = ()


class SensorClock:
    """Reads timestamps in the unit, with the wraps and in the packets of a sensor.

    It keeps nothing: what was read is the `Clock` that it gives and takes.

    Args:
        rate: float. Samples per second, in Hz, if it is known.
        model_rate: float. Those that the model takes, in Hz.
        max_gap: float. Seconds from which on a step is a gap.
        time_unit: float. Seconds per unit of timestamps.
        wraps: float. Period of a counter that wraps, in seconds; None for none.
        packets: str. Which of its samples the time of a packet is that of: `"end"`,
            `"start"` or `"centre"`; `"refuse"` where each sample has its own.

    Raises:
        ValueError: if an option makes no sense.

    Example:

    >>> clock = SensorClock(10.0, 10.0, 0.25, time_unit=0.001, packets="end")
    >>> times, stands = clock.read(4, 1000, Clock())  # four samples, ready after 1 s
    >>> times.round(3).tolist()
    [0.7, 0.8, 0.9, 1.0]
    """

    def __init__(
        self,
        rate: float | None,
        model_rate: float,
        max_gap: float,
        *,
        time_unit: float = 1.0,
        wraps: float | None = None,
        packets: str = "refuse",
    ):
        if not is_positive(time_unit) or not (wraps is None or is_positive(wraps)):
            raise ValueError(
                "`time_unit` and `wraps` must be seconds, above 0. "
                f"Received: {time_unit=}, {wraps=}. For a counter of 32 bits that "
                "counts milliseconds, say time_unit=0.001, wraps=2**32 * 0.001."
            )
        if packets not in PACKETS or (packets != "refuse" and rate is None):
            raise ValueError(
                f"`packets` must be one of {', '.join(map(repr, PACKETS))}, and "
                f"packets are spread by the sensor's rate. Received: {packets=}, "
                f"{rate=}. Say packets='end', and rate=50.0 for 50 samples a second."
            )
        self._rate: Any = rate
        self._model_rate, self._max_gap = model_rate, max_gap
        self._unit, self._wraps, self._packets = time_unit, wraps, packets

    def read(
        self, count: int, timestamps: Any, clock: Clock
    ) -> tuple[np.ndarray, Clock]:
        """The times of samples, and where the clock stands behind them.

        Args:
            count: int. How many samples there are.
            timestamps: array `(count,)` of real numbers, in units of the clock; of
                packets also one number for all.
            clock: `Clock` before them.

        Returns:
            `(times, clock)`: float64 `(count,)`, in seconds, rising.

        Raises:
            ValueError: if they do not rise, or cannot be in these units; with what to
                do.
        """
        with np.errstate(all="ignore"):  # steps of any size are looked at
            return self._read(count, timestamps, clock)

    def _read(self, count, timestamps, clock):
        told: Any = np.asarray(timestamps).astype("float64") * self._unit
        if not told.ndim and self._packets != "refuse":
            told = np.full(count, told)
        if told.shape != (count,) or not np.isfinite(told).all():
            raise _not_rising(told.shape, count, clock.told, self._unit, False)
        if not count:
            return told, clock
        periods = clock.periods
        own = told
        if self._wraps is not None:
            before = told[0] if clock.told is None else clock.told
            back = np.diff(told, prepend=before) < -self._wraps / 2
            turns = periods + np.cumsum(back)
            own, periods = told + turns * self._wraps, int(turns[-1])
        steps = self._judged(own, clock)
        if self._packets != "refuse":
            own = self._spread(own, clock)
        last = -np.inf if clock.last is None else clock.last
        if not (np.diff(own, prepend=last) > _LEAST).all():
            self._refuse(told, count, clock)
        return own, Clock(float(own[-1]), float(told[-1]), periods, steps)

    def _judged(self, own, clock):
        """The first steps, which must be those of a sensor; they tell the unit."""
        if len(clock.steps) >= _JUDGED:
            return clock.steps
        times, sizes = own[: 8 * _JUDGED], np.ones(1)
        if self._packets != "refuse":
            first = np.flatnonzero(np.diff(own, prepend=np.nan))
            times, sizes = own[first], np.diff([*first, len(own)])
        if clock.told is not None:
            before = clock.told + clock.periods * (self._wraps or 0)
            steps = np.diff(times, prepend=before) / sizes
        else:
            steps = np.diff(times) / (sizes[1:] if len(sizes) > 1 else sizes)
        steps = (*clock.steps, *steps[steps > 0].tolist())[: 4 * _JUDGED]
        if len(steps) >= _JUDGED:
            self._check_unit(float(np.median(steps)))
        return steps

    def _check_unit(self, step):
        rate = self._rate or self._model_rate
        ratios = {factor: step * rate * factor for factor in _WORDS}
        best = min(ratios, key=lambda factor: abs(np.log(ratios[factor])))
        is_known = self._rate is not None
        too_long = step > self._max_gap or (is_known and 1 / 3 < ratios[best] < 3)
        too_short = step * rate < (1 / 100 if is_known else 1 / _DENSE)
        at = f"{'come' if is_known else 'are taken'} at {rate:g} Hz"
        if too_long:
            new = best * self._unit
            words = f", which look like {_WORDS[new]}" if new in _WORDS else ""
            raise ValueError(
                "Timestamps must be seconds, or have their `time_unit`. Received: "
                f"steps of {step / self._unit:.6g} units, where samples {at}{words}. "
                f"Make it anew: StreamingClassifier(…, time_unit={new:g}); for a "
                f"sensor that is so slow, max_gap={2 * step:.3g}."
            )
        if too_short:
            raise ValueError(
                "Timestamps must be seconds, or have their `time_unit`. Received: "
                f"steps of {step:.3g} s (time_unit={self._unit:g}), where samples {at}."
                " Correct `time_unit`; or the times, if samples bear those of their "
                "arrival: StreamingClassifier(…, rate=…), and no timestamps."
            )

    def _spread(self, own, clock):
        """Times of the samples of packets, which follow the packets' times slowly.

        Packets come late now and then, and two at once: samples do not.
        """
        step, last, times = 1 / self._rate, clock.last, []
        for part in np.split(own, np.flatnonzero(np.diff(own)) + 1):
            size = len(part)
            behind = {"end": 0.0, "start": size - 1, "centre": (size - 1) / 2}
            end = part[0] + behind[self._packets] * step
            if last is None or end - last > (1 + _LOST) * size * step:
                found = end - step * np.arange(size - 1, -1, -1)
            else:
                late = end - last - size * step
                if late < -self._max_gap - size * step:
                    return own  # it does not rise
                seconds = max(0.5 * size * step, size * step + _PULL * late)
                found = last + seconds / size * np.arange(1, size + 1)
            times.append(found)
            last = found[-1]
        return np.concatenate(times)

    def _refuse(self, told, count, clock):
        """Says of times that do not rise what they look like."""
        before = [] if clock.told is None else [clock.told]
        steps = np.diff([*before, *told])
        same = int(np.count_nonzero(steps == 0))
        if same and not (steps < 0).any():
            raise ValueError(
                "Each sample must have a time of its own. Received: "
                f"{counted(same, 'sample')} with the time of the one before, as in "
                "packets that bear one time. Say which of their samples it is that "
                "of, and how many come in a second, and they are spread: "
                "StreamingClassifier(…, rate=50.0, packets='end')."
            )
        drops = np.flatnonzero(steps < 0)
        high = float(([*before, *told])[drops[0]]) if len(drops) else 0.0
        for bits in _COUNTERS:
            period = 2**bits * self._unit
            if self._wraps is None and 0.9 * period < high <= period:
                if steps[drops[0]] < -0.9 * period:
                    raise ValueError(
                        "Timestamps must rise. Received: "
                        f"{high / self._unit:.13g}, and then "
                        f"{(high + steps[drops[0]]) / self._unit:.13g}, as of a "
                        f"counter of {bits} bits that wraps. Say so: "
                        f"StreamingClassifier(…, wraps={period:.13g})."
                    )
        raise _not_rising(told.shape, count, clock.told, self._unit, True)


def _not_rising(shape, count, last, unit, is_finite):
    before = "none" if last is None else f"{last / unit:.13g}"
    return ValueError(
        "`timestamps` must be one for each sample, finite and rising, on from "
        f"the chunk before. Received: shape {shape} for {count} samples, rising: "
        f"{False if is_finite else 'not known'}, the last before: {before}. "
        "Leave out samples that come late, or call `reset`."
    )
