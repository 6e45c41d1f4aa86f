"""One session of one subject, seen by several sensors."""

import dataclasses
import numbers
from typing import Any

from keras_dcat.recordings.intervals import UNLABELLED, Intervals
from keras_dcat.recordings.stream import Stream
from keras_dcat.shown import few, shown_as_printed, told


@shown_as_printed
@dataclasses.dataclass(frozen=True, eq=False)
class Recording:
    """One session of one subject, recorded by several sensors.

    Args:
        streams: dict from the name of a modality to its `Stream`, all on one
            clock (`keras_dcat.recordings.clocks` brings them there).
        label: class of the whole recording, an int or the name of a class; or
            `Intervals`; or a `Stream` `(time, 1)` of ints with a clock of its own.
            None or -1 if there is no label, which is an ordinary thing.
        subject: int or str, the same kind in all recordings. Who was recorded.
        session: str. Which recording this is, for reports and splits.

    Raises:
        ValueError: if the label or the subject is none of these.
    """

    streams: dict[str, Stream]
    label: int | str | Intervals | Stream | None
    subject: int | str
    session: str = ""

    def __post_init__(self):
        if self.label is None:
            object.__setattr__(self, "label", UNLABELLED)
        is_known = isinstance(self.label, numbers.Integral | str | Intervals | Stream)
        label: Any = self.label
        is_number = isinstance(label, numbers.Integral)
        if not is_known or self.label == "" or (is_number and label < UNLABELLED):
            raise ValueError(
                "`label` must be an int, the name of a class, `Intervals` or a "
                f"`Stream`. Received: label={self.label!r}. "
                "Give the number of the class, counted from 0, or None for no label."
            )
        if not isinstance(self.subject, numbers.Integral | str):
            raise ValueError(
                "`subject` must be an int or a str. "
                f"Received: subject={self.subject!r}. Give a name: str(subject)."
            )

    def __str__(self) -> str:
        label = f"label {told(self.label)}"
        if isinstance(self.label, Intervals):
            label = f"{len(self.label):,} intervals with labels"
        elif isinstance(self.label, Stream):
            label = "a stream of labels"
        elif self.label == UNLABELLED:
            label = "no label"
        streams = few(self.streams, 2, lambda n: f"{told(n)} {self.streams[n]}")
        return (
            f"<Recording {told(self.session)} of subject {told(self.subject)}, "
            f"{label}: {streams or 'no stream'}>"
        )

    def resampled(self, **rates: float) -> "Recording":
        """The recording with some streams at another rate.

        Args:
            **rates: name of a stream to its new rate, in Hz.

        Returns:
            `Recording`. The other streams are shared with this one.
        """
        changed = {n: self.streams[n].resampled(rate) for n, rate in rates.items()}
        return self.replaced(**changed)

    def replaced(self, **streams: Stream) -> "Recording":
        """The recording with some streams in the place of its own.

        Args:
            **streams: name of a stream to the new one.

        Returns:
            `Recording`. The other streams are shared with this one.
        """
        return dataclasses.replace(self, streams={**self.streams, **streams})
