import io
import math

import numpy as np

from keras_dcat.metrics import event_counts, event_f1
from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.streaming import print_moments, print_replay, replay


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Page:
    sensors = (None,)

    def __init__(self):
        self.moments = []

    def show(self, moment):
        self.moments.append(moment)


def recording(session):
    label = Intervals([0.0, 2.0], [2.0, 3.0], [1, 0])
    values = np.random.default_rng(0).normal(size=(80, 3)).astype("float32")
    return Recording({"imu": Stream(values, 20.0)}, label, "A", session)


def test_each_window_is_a_line_and_those_with_a_truth_are_counted(classifier):
    file, page, recordings = io.StringIO(), Page(), [recording("a"), recording("b")]
    right, total = print_replay(
        classifier(), recordings, speed=math.inf, page=page, file=file
    )
    *lines, _, last, events = file.getvalue().splitlines()
    moments = list(replay(classifier(), recordings[0], speed=math.inf))
    assert len(page.moments) == 2 * len(moments)
    said = [(d, t) for m in moments for d, t in zip(m.decisions, m.truths, strict=True)]
    assert len(lines) == 2 * len(said)
    for line, (decision, truth) in zip(lines, said, strict=False):
        assert line.startswith("a ")
        assert f"{decision.label}, {decision.probabilities.max():.0%}" in line
        assert line.endswith(f"truth: {truth}")
    assert total == 2 * sum(truth is not None for _, truth in said)
    assert 0 < total < len(lines)
    assert right == 2 * sum(decision.label == truth for decision, truth in said)
    assert last == f"Right about {right} of {total} windows."
    # Each recording moves and then is still, and is unknown in the end: 3 windows of
    # the first and 2 of the other, counted as one event each.
    names = ("still", "moving")
    known = [[names.index(d.label), names.index(t)] for d, t in said if t is not None]
    labels, found = np.array(known).T[::-1]
    counts = event_counts(labels, found, 2).sum(axis=0)
    assert events.startswith(
        f"Of 4 events {2 * counts[0]} were found, and {2 * counts[2]} more were said. "
    )
    assert f"of events {event_f1(labels, found, 2):.3f}." in events


def test_where_each_recording_is_of_one_class_there_are_no_events(classifier):
    file = io.StringIO()
    one = Recording({"imu": Stream(np.zeros((80, 3)), 20.0)}, 0, "A", "a")
    print_replay(classifier(), [one], speed=math.inf, file=file)
    assert "events" not in file.getvalue()


def test_in_a_terminal_the_line_runs(classifier):
    file = Terminal()
    print_replay(classifier(), [recording("a")], speed=math.inf, file=file)
    running, last = file.getvalue().split("\n")[:2]
    assert running.count("\r\x1b[K") == running.count("truth:") > 1
    assert last.startswith("Right about")


def test_of_several_labels_each_is_told_with_its_probability(of_task):
    for outputs, words, right in (
        ([0.75, 0.9], "talk, 75% + walk, 90% ", False),
        ([0.25, 0.9], "walk, 90% ", False),
        ([0.9, 0.25], "talk, 90% ", True),
        ([0.25, 0.25], "– ", False),
    ):
        file = io.StringIO()
        one = Recording({"imu": Stream(np.zeros((40, 3)), 20.0)}, 0, "A", "a")
        classifier = of_task("multilabel", ("talk", "walk"), outputs)
        found, total = print_replay(classifier, [one], speed=math.inf, file=file)
        line = file.getvalue().splitlines()[0]
        assert f" s: {words}" in line
        assert line.endswith("truth: talk")
        assert found == (total if right else 0)


def test_moments_of_a_sensor_are_printed_as_they_come_and_shown(classifier):
    file, page, own = io.StringIO(), Page(), classifier()
    moments = list(replay(own, recording("a"), speed=math.inf))
    print_moments(moments, own.description, page=page, file=file)
    assert page.moments == moments
    decisions = [each for moment in moments for each in moment.decisions]
    assert file.getvalue().splitlines() == [
        f"{each.time:7.1f} s: {each.label}, {each.probabilities.max():.0%}"
        for each in decisions
    ]
