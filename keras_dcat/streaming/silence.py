"""Why nothing is said, once enough samples came that something should be."""


class Silence:
    """Counts what comes in between decisions.

    Args:
        length: float. Seconds of a window.
        stride: float. Seconds from window to window.
        max_gap: float. Seconds from which on a step between timestamps is a gap.

    Example:

    >>> silence = Silence(length=2.0, stride=1.0, max_gap=0.25)
    >>> for start in range(20):  # of 20 samples each, with a gap behind
    ...     silence.heard(20, seconds=0.4, rate=50.0, latency=0.0, is_new=True)
    >>> silence.reason().split(": ")[1][:54]
    '20 gaps longer than 0.25 s, and between two of them no'
    """

    def __init__(self, length: float, stride: float, max_gap: float):
        self._window, self._stride, self._max_gap = length, stride, max_gap
        self._has_told = False
        self._start()

    def _start(self):
        self._samples = self._gaps = 0
        self._needed = float("inf")
        self._longest = 0.0

    def heard(
        self, samples: int, seconds: float, rate: float, latency: float, *, is_new: bool
    ) -> None:
        """Counts samples behind which nothing was said.

        Args:
            samples: int.
            seconds: float. How long it is since the last gap.
            rate: float. How many samples come in a second, in Hz, as far as is known.
            latency: float. Seconds for which samples wait for those behind them.
            is_new: bool. Whether they are the first behind a gap.
        """
        self._samples += samples
        self._gaps += is_new
        self._longest = max(self._longest, seconds)
        self._needed = rate * (max(self._window, self._stride) + self._stride + latency)

    def broken(self) -> None:
        """Something was said."""
        self._start()
        self._has_told = False

    def reason(self) -> str:
        """Why there was no decision for a window's worth of samples.

        Returns:
            str; empty as long as there is nothing to tell, and once it was told.
        """
        if self._has_told or self._samples <= self._needed + _MEASURED:
            return ""
        self._has_told = True
        longest = f"{self._longest:.3g} s"
        if self._gaps > 1:
            why = (
                f"{self._gaps} gaps longer than {self._max_gap:g} s, and between two "
                f"of them no more than {longest}. No window bridges a gap. Raise "
                "`max_gap` if the samples between may be made up; or see what the "
                "connection loses."
            )
        else:
            why = (
                f"they cover {longest}, which is less. Samples come faster than "
                "`rate` says, or timestamps have another unit. Pass the `rate` of the "
                "sensor, or `time_unit`."
            )
        return (
            f"{self._samples} samples and no decision, where a window of "
            f"{self._window:g} s has about {self._needed:.0f}: {why}"
        )


_MEASURED = 33  # samples, by which a rate is measured before the first is looked at
