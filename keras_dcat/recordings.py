"""What was sensed, when, and by whom."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Stream:
    """The samples of one sensor, evenly spaced in time.

    Args:
        values: array `(time, channels…)`.
        rate: float. Samples per second, in Hz.
        start: float. Time of the first sample, in seconds.

    Example:

    >>> Stream(np.zeros((100, 3)), rate=50.0).duration
    2.0
    """

    values: np.ndarray
    rate: float
    start: float = 0.0

    def __post_init__(self):
        if np.ndim(self.values) < 2:
            raise ValueError(
                "`values` must have shape (time, channels…). "
                f"Received: shape {np.shape(self.values)}. "
                "Add a channel axis: values[:, None]."
            )
        if not 0.0 < self.rate < np.inf:
            raise ValueError(
                "`rate` must be a positive number of samples per second. "
                f"Received: rate={self.rate}. Give it in Hz."
            )

    @property
    def duration(self) -> float:
        """Seconds that the samples cover, each lasting `1 / rate`."""
        return len(self.values) / self.rate

    def resampled(self, rate: float) -> "Stream":
        """The same span of time at another rate, linearly interpolated.

        Args:
            rate: float. Samples per second, in Hz.

        Returns:
            `Stream` of float values.

        Example:

        >>> ramp = Stream(np.arange(4.0)[:, None], rate=2.0)
        >>> ramp.resampled(4.0).values[:, 0].tolist()
        [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0]
        """
        steps = max(1, round(self.duration * rate))
        position = np.minimum(np.arange(steps) * self.rate / rate, len(self.values) - 1)
        before = np.floor(position).astype(int)
        after = np.minimum(before + 1, len(self.values) - 1)
        share = (position - before).reshape(-1, *[1] * (np.ndim(self.values) - 1))
        values = self.values[before] * (1 - share) + self.values[after] * share
        return Stream(values.astype(self.values.dtype), rate, self.start)


@dataclasses.dataclass(frozen=True)
class Recording:
    """One session of one subject, seen by several sensors at once.

    Args:
        streams: dict from the name of a modality to its `Stream`.
        label: int. Class of the whole recording.
        subject: who was recorded. Anything that can be compared.
        session: str. Which recording this is, for reports.
    """

    streams: dict[str, Stream]
    label: int
    subject: Any
    session: str = ""

    def resampled(self, **rates: float) -> "Recording":
        """The recording with some streams at another rate.

        Args:
            **rates: name of a stream to its new rate, in Hz.

        Returns:
            `Recording`. The other streams are shared with this one.
        """
        changed = {n: self.streams[n].resampled(rate) for n, rate in rates.items()}
        return dataclasses.replace(self, streams={**self.streams, **changed})
