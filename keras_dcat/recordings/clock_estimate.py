"""How two clocks differ, how sure that is, and what of it is worth correcting."""

import dataclasses

import numpy as np

from keras_dcat.recordings.clocks import corrected
from keras_dcat.recordings.stream import Stream
from keras_dcat.shown import shown_as_printed

BELIEVED = 0.95  # an estimate of less confidence comes with a warning


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class ClockEstimate:
    """Offset and drift of a stream's clock, with their uncertainty.

    Confidence says whether this is the right match; the uncertainties hold if it is.

    Attributes:
        offset: float. Seconds that the stream is late at its first sample.
        drift: float. Seconds that its clock gains in a second; 0 where the streams
            share less than a minute, in which it cannot be told.
        confidence: float in [0, 1]. The share of unrelated streams that would match
            less clearly.
        uncertainty: float. Standard error of the offset, in seconds: the truth is
            mostly within twice as much. From the spread over segments of the
            recording, and over channels: what two quantities show of a movement has
            its largest energy at different moments.
        drift_uncertainty: float. Standard error of the drift; `max_drift` where it
            cannot be told.
        middle: float. Seconds after the first sample at which the offset is known
            best; errors of offset and drift are independent there.
    """

    offset: float
    drift: float = 0.0
    confidence: float = 1.0
    uncertainty: float = 0.0
    drift_uncertainty: float = 0.0
    middle: float = 0.0

    @property
    def is_believed(self) -> bool:
        """Whether the confidence is at least 0.95."""
        return self.confidence >= BELIEVED

    def corrected(self, stream: Stream, *, always: bool = False) -> Stream:
        """Takes the stream from its own clock to that of the reference.

        A correction that may as well be none is not made: an offset at `middle`, or a
        drift, of less than twice its uncertainty counts as 0, and so does all that is
        not believed.

        Args:
            stream: `Stream` whose clock was estimated.
            always: bool. Correct by the estimate as it is.

        Returns:
            `Stream` that shares the values; the same one if nothing is corrected.

        Raises:
            ValueError: if the first timestamp is not finite.

        Example:

        >>> late = Stream(np.zeros((3, 1)), 1.0, start=10.0)
        >>> sure = ClockEstimate(offset=0.5, uncertainty=0.1)
        >>> unsure = ClockEstimate(offset=0.5, uncertainty=0.3)
        >>> sure.corrected(late).start, unsure.corrected(late).start
        (9.5, 10.0)
        """
        offset, drift = self.offset, self.drift
        if not (always or self.is_believed):
            return stream
        if not always:
            offset += self.drift * self.middle  # at the middle
            gained = self.middle * self.drift_uncertainty
            error = np.sqrt(max(self.uncertainty**2 - gained**2, 0.0))
            offset = offset if abs(offset) > 2 * error else 0.0
            drift = drift if abs(drift) > 2 * self.drift_uncertainty else 0.0
            offset -= drift * self.middle
        return corrected(stream, offset, drift) if offset or drift else stream

    def __str__(self) -> str:
        return (
            f"{self.offset:+.3f} s (uncertain by {1e3 * self.uncertainty:.0f} ms), "
            f"{1e6 * self.drift:+.0f} ppm ({1e6 * self.drift_uncertainty:.0f} ppm), "
            f"confidence {self.confidence:.2f}"
        )
