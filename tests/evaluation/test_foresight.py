import sys
from types import SimpleNamespace

import numpy as np
import pytest

from keras_dcat.evaluation import METHODS, Interval, compare, foresight
from keras_dcat.evaluation.foresight import Foresight
from keras_dcat.evaluation.training import Training
from tests.evaluation.studies import PAIR, SEVERAL, THREE_RATES, study, windows

BACK = PAIR[::-1]


def told(verdicts, low, high):
    gain = Interval((low + high) / 2, low, high)
    return Foresight({PAIR: verdicts}, {PAIR: gain})


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("help", "help", "harm"), "help"),
        (("help", "neutral"), "neutral"),
        (("neutral", "harm"), "harm"),
    ],
)
def test_most_splits_decide_and_of_a_tie_the_careful_one(verdicts, expected):
    assert told(verdicts, 0.0, 0.0).expected(PAIR) == expected


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0.01, 0.03, "help"), (-0.03, 0.01, "neutral"), (-0.03, -0.01, "harm")],
)
def test_what_is_found_is_what_the_interval_says(low, high, found):
    foretold = told(("help",), low, high)
    assert foretold.found(PAIR) == found
    assert foretold.right == ([PAIR] if found == "help" else [])


def test_it_is_shown_as_a_table_with_a_count():
    shown = str(told(("help",), 0.01, 0.03))
    assert "| camera → imu | help | help | +0.020 [0.010, 0.030] |" in shown
    assert shown.endswith("Right about 1 of 1 pairs.")


def test_pairs_with_several_sources_are_left_out(monkeypatch):
    module = sys.modules[Foresight.__module__]
    monkeypatch.setattr(module, "_verdict", lambda repetition, *pair: "help")
    gain = Interval(0.1, 0.05, 0.15)
    results = SimpleNamespace(pairs=[SEVERAL, PAIR], gain=lambda pair, label: gain)
    own = study(windows(rates=THREE_RATES))
    assert foresight(own, results, verbose=0).right == [PAIR]


@pytest.mark.slow
def test_pairs_are_diagnosed_without_their_test(tmp_path, monkeypatch):
    index = windows(subjects=8, repetitions=5)
    own = study(index, epochs=8, batch_size=16)
    results = compare(own, None, METHODS, [0], tmp_path, verbose=0)
    fitted, fit = [], Training.fit

    def count(self, model, dataset, callbacks=()):
        fitted.append(model)
        return fit(self, model, dataset, callbacks)

    monkeypatch.setattr(Training, "fit", count)
    foretold = foresight(own, results, path=tmp_path, verbose=0)
    assert len(fitted) == 2  # each stream once, on some of the training people
    assert list(foretold.gains) == [PAIR, BACK]
    assert foretold.gains[PAIR] == results.gain(PAIR, "D-CAT")
    assert all(len(found) == 1 for found in foretold.verdicts.values())
    # The camera is the better sensor, so the IMU cannot be expected to help it.
    assert foretold.verdicts[BACK] != ("help",)
    again = foresight(own, results, path=tmp_path, verbose=0)
    assert len(fitted) == 2
    assert again == foretold


def test_too_few_windows_are_refused():
    own = study(windows(subjects=4, repetitions=1), epochs=1)
    results = compare(own, [PAIR], METHODS, [0], verbose=0)
    with pytest.raises(ValueError, match="windows"):
        foresight(own, results, verbose=0)
    assert np.isfinite(results.gain(PAIR, "D-CAT").mean)
