"""A recording as it would come in live, at the speed of the time or faster."""

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from keras_dcat.export.description import joined
from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.shown import counted, few, formed, shown_as_printed
from keras_dcat.streaming.classifier import Decision, StreamingClassifier
from keras_dcat.windows.labels import window_labels


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Moment:
    """Samples that arrived together, with the decision and the truth.

    Attributes:
        time: float. When the last of the samples was taken, in the recording's seconds.
        samples: array `(samples, channels…)`.
        decisions: list of `Decision`, one for each window that became complete.
        truths: list of str or `None`. The label that holds longest in each of these
            windows, `None` where there is none; of a multi-label target, all that hold
            for more than half of it, as in `Decision.label`.
        others: dict from a stream to its samples of the same time, `(samples,
            channels…)`, where others were asked for.
    """

    time: float
    samples: np.ndarray
    decisions: list[Decision]
    truths: list[str | None]
    others: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        labels = few(each.label for each in self.decisions)
        said = counted(len(self.decisions), "decision") + f": {labels}" * bool(labels)
        return f"<Moment {self.time:.13g} s, samples {formed(self.samples)}, {said}>"


def replay(
    classifier: StreamingClassifier,
    recording: Recording,
    *,
    speed: float = 1.0,
    chunk: float = 0.1,
    others: Sequence[str] = (),
) -> Iterator[Moment]:
    """Feeds a recording to a classifier, chunk by chunk, as a sensor would.

    Args:
        classifier: `StreamingClassifier`. It begins anew.
        recording: `Recording` with the stream of the classifier.
        speed: float. Seconds of the recording in one second; `float("inf")` for as fast
            as it goes.
        chunk: float. Seconds of samples that come at once.
        others: sequence of str. Streams of the recording that are to be shown, too, and
            that the classifier does not see.

    Returns:
        iterator of `Moment`, one for each chunk, each when it is due.

    Raises:
        ValueError: if the recording has no such streams, or has that of the classifier
            at another rate, or if speed or chunk are not positive.
    """
    stream = _checked(classifier, recording, speed, chunk, others)
    beside = {name: recording.streams[name] for name in others}
    return _moments(classifier, stream, recording.label, speed, chunk, beside)


def _moments(classifier, stream, label, speed, chunk, beside):
    times = stream.times
    first = times[0] if len(times) else 0.0
    borders = np.arange(first + chunk, times[-1] if len(times) else 0.0, chunk)
    has_timestamps = stream.timestamps is not None
    clocks = {name: other.times for name, other in beside.items()}
    shown = {name: int(np.searchsorted(own, first)) for name, own in clocks.items()}
    classifier.reset()
    started = time.monotonic()
    for rows in np.split(np.arange(len(times)), np.searchsorted(times, borders)):
        if not len(rows):
            continue
        at, samples = float(times[rows[-1]]), stream.values[rows[0] : rows[-1] + 1]
        if speed != float("inf"):
            due = started + (at - first) / speed
            time.sleep(max(0.0, due - time.monotonic()))
        decisions = classifier.feed(samples, times[rows] if has_timestamps else None)
        if rows[-1] == len(times) - 1:
            decisions += classifier.end()
        if not has_timestamps:  # the classifier counts from its first sample
            decisions = [d._replace(time=d.time + float(first)) for d in decisions]
        starts = np.array([decision.time for decision in decisions])
        truths = _truths(classifier.description, label, starts)
        own = {}
        for name, other in beside.items():
            until = int(np.searchsorted(clocks[name], at, side="right"))
            own[name] = np.asarray(other.values[shown[name] : until])
            shown[name] = until
        yield Moment(at, np.asarray(samples), decisions, truths, own)


def _truths(description, label, starts):
    names, length = description.class_names, description.length
    if not description.is_multilabel:
        labels, _ = window_labels(label, starts, length)
        return [None if n < 0 else names[n] for n in labels]
    holds = []
    for number in range(len(names)):
        own = label
        if isinstance(label, Intervals):  # others may hold at the same time
            is_own = label.labels == number
            columns = (label.starts, label.ends, label.labels)
            own = Intervals(*(column[is_own] for column in columns))
        labels, purity = window_labels(own, starts, length)
        holds.append((labels == number) & (purity > 0.5))
    found = [description.names_of(row) for row in np.stack(holds, axis=-1)]
    return [joined(each) if each else None for each in found]


def _checked(
    classifier: StreamingClassifier, recording, speed, chunk, others
) -> Stream:
    if not (speed > 0 and 0 < chunk < float("inf")):
        raise ValueError(
            "`speed` and `chunk` must be above 0. "
            f"Received: speed={speed}, chunk={chunk}. "
            "Take 1 and 0.1 for a sensor that sends ten times a second."
        )
    name = classifier.description.stream
    if name not in recording.streams:
        raise ValueError(
            f"`recording` must have the stream {name!r} that the artefact takes. "
            f"Received: {sorted(recording.streams)}. "
            "Replay a recording of the sensor that the target was trained on."
        )
    if missing := sorted(set(others) - set(recording.streams)):
        raise ValueError(
            "`others` must be streams of the recording. "
            f"Received: {missing}. Choose from {sorted(recording.streams)}."
        )
    stream = recording.streams[name]
    if stream.rate is not None and stream.rate != classifier.rate:
        raise ValueError(
            "The classifier must know at which rate samples come. "
            f"Received: rate={classifier.rate:g}, a recording at {stream.rate:g} Hz. "
            f"Pass it on: StreamingClassifier(artefact, rate={stream.rate:g})."
        )
    return stream
