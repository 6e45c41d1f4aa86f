import io
import math

import numpy as np

from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.streaming import print_replay, replay


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Page:
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
    *lines, _, last = file.getvalue().splitlines()
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


def test_in_a_terminal_the_line_runs(classifier):
    file = Terminal()
    print_replay(classifier(), [recording("a")], speed=math.inf, file=file)
    running, last = file.getvalue().split("\n")[:2]
    assert running.count("\r\x1b[K") == running.count("truth:") > 1
    assert last.startswith("Right about")
