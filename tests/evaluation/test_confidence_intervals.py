import numpy as np
import pytest
from scipy import stats

from keras_dcat import evaluation


def test_the_interval_is_students(rng):
    values = rng.normal(size=7)
    interval = evaluation.mean_interval(values, confidence=0.9)
    low, high = stats.t.interval(0.9, 6, loc=values.mean(), scale=stats.sem(values))
    assert interval == pytest.approx((values.mean(), low, high))


def test_95_percent_of_intervals_contain_the_true_mean(rng):
    intervals = [evaluation.mean_interval(rng.normal(3, 2, 5)) for _ in range(1000)]
    hits = np.mean([low < 3 < high for _, low, high in intervals])
    assert hits == pytest.approx(0.95, abs=0.02)


def test_differences_are_taken_run_by_run():
    scores = {"alone": [0.1, 0.5, 0.9], "taught": [0.2, 0.6, 1.0]}
    row = evaluation.transfer_table(scores).splitlines()[-1]
    assert row == "| taught | 0.600 [-0.394, 1.594] | +0.100 [0.100, 0.100] |"


def test_a_loss_is_printed_as_a_loss():
    scores = {"alone": [0.2, 0.4], "taught": [0.1, 0.3]}
    assert "| -0.100 [" in evaluation.transfer_table(scores)


def test_one_run_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 runs.*\(1,\).*more seeds"):
        evaluation.mean_interval([0.5])


@pytest.mark.parametrize(
    "scores", [{"taught": [0.1, 0.2]}, {"alone": [0.1, 0.2], "taught": [0.1]}]
)
def test_a_table_that_compares_nothing_is_refused(scores):
    with pytest.raises(ValueError, match=r"baseline 'alone'.*after each run"):
        evaluation.transfer_table(scores)
