"""Recordings replayed in the terminal, and on a page beside it."""

import sys
from collections.abc import Iterable
from typing import TextIO

import numpy as np

from keras_dcat import metrics
from keras_dcat.export import Description
from keras_dcat.recordings import Recording
from keras_dcat.streaming.classifier import StreamingClassifier
from keras_dcat.streaming.page import LivePage
from keras_dcat.streaming.replay import Moment, replay


def print_replay(
    classifier: StreamingClassifier,
    recordings: Iterable[Recording],
    *,
    speed: float = 1.0,
    page: LivePage | None = None,
    file: TextIO | None = None,
) -> tuple[int, int]:
    """Replays recordings, and prints each decision beside the truth.

    At the end stands of how many windows it was right and, where recordings show more
    than one class, how many events were found: runs of windows, which are what users
    count. Of several labels there are no events.

    A terminal shows one running line; in a file each window has a line of its own.
    Control characters in names are spelled out, lest they steer the terminal.

    Args:
        classifier: `StreamingClassifier`.
        recordings: iterable of `Recording`, replayed one after the other.
        speed: float, as in `replay`.
        page: `LivePage` that shows the same, entered already, and its other sensors.
        file: text file to print to. Standard output unless given.

    Returns:
        `(right, total)`: of how many windows the label was the truth, and how many have
        a truth. Of a multi-label target, all labels of a window must be.

    Raises:
        ValueError: as `replay`.

    Example:

    >>> # print_replay(StreamingClassifier("target.tflite"), recordings, speed=10)
    """
    file = sys.stdout if file is None else file
    right = total = 0
    told: list[tuple] = []  # recording, truth and label of each window, by number
    names = list(classifier.description.class_names)
    others = [] if page is None else [each.name for each in page.sensors[1:]]
    for number, recording in enumerate(recordings):
        for moment in replay(classifier, recording, speed=speed, others=others):
            if page is not None:
                page.show(moment)
            for said, truth in zip(moment.decisions, moment.truths, strict=True):
                total += truth is not None
                right += truth == said.label
                if not classifier.description.is_multilabel:
                    known = -1 if truth is None else names.index(truth)
                    told.append((number, known, names.index(said.label)))
                words = f"{_told(said, classifier.description):30} truth: {truth}"
                _print(f"{recording.session} {said.time:7.1f} s: {words}", file)
    print(f"\nRight about {right} of {total} windows.", file=file)
    if told and (words := _events(np.array(told), len(names))):
        print(words, file=file)
    return right, total


def print_moments(
    moments: Iterable[Moment],
    description: Description,
    *,
    page: LivePage | None = None,
    file: TextIO | None = None,
) -> None:
    """Prints live decisions of a sensor, as `print_replay` does.

    Args:
        moments: iterable of `Moment`, as of `listen`.
        description: `Description` of the classifier.
        page: `LivePage` that shows the same, entered already.
        file: text file to print to. Standard output unless given.

    Example:

    >>> # print_moments(listen(classifier, connect), classifier.description)
    """
    file = sys.stdout if file is None else file
    for moment in moments:
        if page is not None:
            page.show(moment)
        for said in moment.decisions:
            _print(f"{said.time:7.1f} s: {_told(said, description)}", file)


def _print(text, file):
    """A line; in a terminal in the place of the one before."""
    line, end = ("\r\x1b[K", "") if file.isatty() else ("", "\n")
    print(line + _printable(text), end=end, file=file, flush=True)


def _events(told, size):
    """What was found, where truths change within a recording."""
    numbers, labels, said = told.T
    on_end = (numbers[1:] == numbers[:-1]) & (labels[1:] >= 0) & (labels[:-1] >= 0)
    if not (on_end & (labels[1:] != labels[:-1])).any():
        return ""
    found, missed, vain = metrics.event_counts(
        labels, said, size, stretches=numbers
    ).sum(axis=0)
    event, segment = (
        score(labels, said, size, stretches=numbers)
        for score in (metrics.event_f1, metrics.segment_f1)
    )
    return (
        f"Of {found + missed} events {found} were found, and {vain} more were said. "
        f"Macro F1 of windows {metrics.macro_f1(labels, said, size):.3f}, of segments "
        f"{segment:.3f}, of events {event:.3f}."
    )


def _told(decision, description):
    if not description.is_multilabel:
        return f"{decision.label}, {decision.probabilities.max():.0%}"
    shares = dict(zip(description.class_names, decision.probabilities, strict=True))
    told = " + ".join(f"{name}, {shares[name]:.0%}" for name in decision.labels)
    return told or decision.label


def _printable(text):
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
