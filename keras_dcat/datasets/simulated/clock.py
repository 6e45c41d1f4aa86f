"""Clocks that are wrong by a known amount."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Clock:
    """A clock that shows `offset + (1 + drift) * time` when it is `time`.

    Args:
        offset: float. What it shows at time 0, in seconds.
        drift: float. Seconds that it gains in a second.

    Example:

    >>> watch = Clock(offset=0.5, drift=0.25)
    >>> watch.shown(100.0), watch.true(125.5)
    (125.5, 100.0)
    """

    offset: float = 0.0
    drift: float = 0.0

    def shown(self, times: np.ndarray) -> np.ndarray:
        """What the clock shows.

        Args:
            times: float or float array. True times, in seconds.

        Returns:
            float or float array, in seconds of this clock.
        """
        return self.offset + (1 + self.drift) * times

    def true(self, times: np.ndarray) -> np.ndarray:
        """What time it is.

        Args:
            times: float or float array, in seconds of this clock.

        Returns:
            float or float array, true times in seconds.
        """
        return (times - self.offset) / (1 + self.drift)
