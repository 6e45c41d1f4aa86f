"""The samples of one sensor, and their clock."""

import dataclasses
from typing import Any

import numpy as np

from keras_dcat.real_numbers import is_number, is_positive
from keras_dcat.recordings.at_rate import AtRate
from keras_dcat.recordings.resampling import finite, float_type
from keras_dcat.shown import formed, shown_as_printed

_COARSE = 0.25  # of a step: float32 tells times of 100 Hz so until 9 h


@shown_as_printed
@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
    """The samples of one sensor, with their clock.

    Either evenly spaced (`rate` and `start`) or each with its own time
    (`timestamps`). Values are kept as they come and are read only where windows
    need them: an array, a memory map, an HDF5 data set, or anything that has
    `shape` and `dtype` and can be sliced along time.

    Args:
        values: array-like `(time, channels…)`. What is masked counts as NaN.
        rate: float. Samples per second, in Hz, if they are evenly spaced.
        start: float. Time of the first sample, in seconds. With `rate` only.
        timestamps: float array `(time,)`, in seconds. They are taken as they are;
            `clocks.mend` brings them in order.

    Raises:
        ValueError: if there is no channel axis, if not exactly one of `rate` and
            `timestamps` is given, or if they are no numbers or do not fit the values.

    Example:

    >>> Stream(np.zeros((100, 3)), rate=50.0, start=2.0).span
    (2.0, 4.0)
    >>> Stream(np.zeros((3, 1)), timestamps=[0.0, 0.1, 0.25]).times.tolist()
    [0.0, 0.1, 0.25]
    """

    values: Any
    rate: float | None = None
    start: float = 0.0
    timestamps: Any = None

    def __post_init__(self):
        if isinstance(self.values, list | tuple):
            object.__setattr__(self, "values", np.asarray(self.values))
        if isinstance(self.values, np.ma.MaskedArray):
            object.__setattr__(self, "values", _unmasked(self.values))
        shape = np.shape(self.values)
        if len(shape) < 2:
            raise ValueError(
                "`values` must have shape (time, channels…). "
                f"Received: shape {shape}. "
                "Add a channel axis: values[:, None]."
            )
        if (self.rate is None) == (self.timestamps is None):
            raise ValueError(
                "A stream has either a `rate` or `timestamps`. "
                f"Received: {'neither' if self.rate is None else 'both'}. "
                "Give the rate in Hz, or the time of every sample in seconds."
            )
        if self.rate is not None and not is_positive(self.rate):
            raise ValueError(
                "`rate` must be a positive number of samples per second. "
                f"Received: rate={self.rate!r}. Give it in Hz."
            )
        if not is_number(self.start) or not np.isfinite(self.start):
            raise ValueError(
                "`start` must be the time of the first sample. "
                f"Received: start={self.start!r}. Give it in seconds, or leave it out."
            )
        if self.timestamps is not None:
            times: Any = self.timestamps
            if isinstance(times, np.ma.MaskedArray):  # None of these has a time.
                times = np.ma.filled(times.astype("float64"), np.nan)
            times = np.asarray(times)
            if times.dtype.kind not in "iuf":
                raise ValueError(
                    "`timestamps` must be seconds. "
                    f"Received: {times.dtype}. "
                    "Convert dates t: (t - t[0]) / np.timedelta64(1, 's')."
                )
            _check_precision(times)
            times = times.astype("float64", copy=False)
            if times.shape != shape[:1]:
                raise ValueError(
                    "`timestamps` must have one time for each sample. "
                    f"Received: shape {times.shape} for {shape[0]} samples. "
                    "Give seconds, one per row of `values`."
                )
            object.__setattr__(self, "timestamps", times)

    def __len__(self) -> int:
        return np.shape(self.values)[0]

    def __str__(self) -> str:
        begin, end = self.span
        if self.rate is not None:
            clock = f"at {self.rate:.6g} Hz"
        elif self.rises and self.step > 0:
            clock = f"with timestamps, about {1 / self.step:.4g} Hz"
        else:
            clock = "with timestamps" + ("" if self.rises else " that do not rise")
        lazy = "" if isinstance(self.values, np.ndarray) else ", read on access"
        span = f"{begin:.13g} to {end:.13g} s"
        return f"<Stream {formed(self.values)} {clock}, {span}{lazy}>"

    @property
    def times(self) -> np.ndarray:
        """Time of every sample in seconds, float64 `(time,)`."""
        if self.rate is None:
            return self.timestamps
        return self.start + np.arange(len(self)) / self.rate

    @property
    def rises(self) -> bool:
        """Whether every time is finite and later than the one before."""
        times = self.timestamps
        return times is None or bool(
            np.isfinite(times).all() and (np.diff(times) > 0).all()
        )

    @property
    def step(self) -> float:
        """Seconds from one sample to the next; the median, if they differ."""
        if self.rate is not None:
            return 1.0 / self.rate
        return float(np.median(np.diff(self.timestamps))) if len(self) > 1 else 0.0

    @property
    def span(self) -> tuple[float, float]:
        """When the stream begins and ends, in seconds. A sample lasts one step."""
        if self.rate is not None:
            return float(self.start), self.start + len(self) / self.rate
        if not len(self):
            return 0.0, 0.0
        return float(self.timestamps[0]), float(self.timestamps[-1]) + self.step

    @property
    def duration(self) -> float:
        """Seconds that the samples cover."""
        begin, end = self.span
        return end - begin

    def resampled(self, rate: float) -> "Stream":
        """The same span of time, evenly spaced at a rate.

        Evenly spaced samples are filtered once, as `scipy.signal.resample_poly` does:
        what the lower of both rates cannot show is gone (it would come back as
        movements that nobody made), what it can is kept, nothing is delayed, and the
        ends are held. Samples with timestamps are taken at the times that they have:
        curves through them (a sinc where they are nearly even, a cubic elsewhere) bring
        them to even steps first, and what the new rate cannot show is filtered out if
        their own rate is more than 10 % above it.

        Timestamps must rise: `mend` brings them in order. What lies in a gap is made up
        by a straight line; `index_windows` cuts no windows there. Where samples come in
        packets, each of nearly one time, give the sensor's rate instead.

        Args:
            rate: float. Samples per second, in Hz.

        Returns:
            `Stream` of float values in memory: float32 where they were ints.

        Raises:
            ValueError: if `rate` is not positive, if there is no sample, if the
                timestamps do not rise, if a value is no finite number, or if there
                would be far more values than samples, as of one time far from others.

        Example:

        >>> steps = Stream(np.repeat([0.0, 1.0], 20)[:, None], rate=20.0)
        >>> steps.resampled(10.0).values[7:13, 0].round(2).tolist()
        [-0.02, 0.03, -0.07, 0.75, 1.07, 0.97]
        """
        if not is_positive(rate) or not len(self):
            raise ValueError(
                "Resampling takes a stream with a sample to a positive rate. "
                f"Received: rate={rate!r} for {len(self)} samples. "
                "Give it in Hz, and leave out recordings without this stream."
            )
        require_rising(self)
        kind = float_type(self.values.dtype)
        if isinstance(self.values, np.ndarray):
            finite(self.values)  # all that are not are counted
        if self.rate == rate:
            values = finite(np.asarray(self.values)).astype(kind)
            return Stream(values, rate, self.start)
        even = AtRate(self, rate)
        return Stream(even.whole(), rate, even.start)


def _unmasked(values):
    """Masked values as an array, in which what is masked is missing: NaN."""
    if not np.ma.is_masked(values):
        return values.data
    if values.dtype.kind != "f":
        raise ValueError(
            "Values that are masked must be floats, of which NaN is missing. "
            f"Received: a masked array of {values.dtype}. "
            "Convert it: values.astype('float32').filled(np.nan)."
        )
    return values.filled(np.nan)


def _check_precision(times):
    """Refuses times of few digits, which cannot tell one sample from the next."""
    if times.dtype.kind != "f" or times.dtype.itemsize >= 8 or times.size < 3:
        return
    finite = times[np.isfinite(times)]
    if not len(finite):
        return
    finest = float(np.spacing(np.abs(finite).max()))
    step = float(np.ptp(finite.astype("float64"))) / len(finite)
    if finest > _COARSE * step:
        raise ValueError(
            "`timestamps` must be float64, unless they begin near 0. "
            f"Received: {times.dtype}, which tells times near "
            f"{float(np.abs(finite).max()):.10g} s to {finest:.3g} s, for samples "
            f"about {step:.3g} s apart. Read them as float64; where they are "
            "lost, give the sensor's rate: Stream(values, rate=…, start=…)."
        )


def require_rising(stream: Stream) -> Stream:
    """The stream, if its timestamps are finite and rise; otherwise a `ValueError`."""
    if not stream.rises:
        raise ValueError(
            "Timestamps must be finite and rise from sample to sample. "
            f"Received: {len(stream)} that do not. "
            "Mend them first: stream, report = mend(stream)."
        )
    return stream
