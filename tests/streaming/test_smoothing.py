import itertools

import numpy as np
import pytest

from keras_dcat.streaming import MarkovSmoothing, MedianSmoothing
from keras_dcat.streaming.smoothing import WeightedSmoothing


def smoothed(smoothing, rows):
    """What comes out of each window, and of the end; and after how many each came."""
    running, found, late = smoothing.running(), [], []
    for number, row in enumerate(rows):
        for each in running.add(np.asarray(row)):
            late.append(number - len(found))
            found.append(each)
    found += running.end()
    return np.array(found), late


def random_rows(count, classes=3, seed=0):
    rows = np.random.default_rng(seed).dirichlet(np.ones(classes), count)
    return rows


TRANSITIONS = np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
PRIOR = np.array([0.5, 0.3, 0.2])


def by_enumeration(rows, model, known):
    """Probabilities of each window by all paths through what is known at its time."""
    found = []
    for at in range(len(rows)):
        until = min(len(rows), known(at))
        total = np.zeros(3)
        for path in itertools.product(range(3), repeat=until):
            weight = PRIOR[path[0]]
            for a, b in itertools.pairwise(path):
                weight *= TRANSITIONS[a, b]
            for n, state in enumerate(path):
                weight *= (rows[n][state] / PRIOR[state]) ** model.weight
            total[path[at]] += weight
        found.append(total / total.sum())
    return np.array(found)


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_a_markov_model_sums_over_all_paths(delay, weight):
    rows = random_rows(6)
    model = MarkovSmoothing(TRANSITIONS, PRIOR, delay, weight)
    found, late = smoothed(model, rows)
    expected = by_enumeration(rows, model, lambda at: at + delay + 1)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert late == [delay] * (6 - delay)


def test_transitions_are_counted_within_stretches():
    labels = [0, 0, 1, 1, -1, 0, 1, 0]
    stretches = [0, 0, 0, 0, 0, 0, 1, 1]
    model = MarkovSmoothing.of(labels, stretches, 2)
    # 0→0 and 0→1 once, 1→1 and 1→0 once, and half a change of each kind.
    np.testing.assert_allclose(model.transitions, [[0.5, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(model.prior, [4.5 / 8, 3.5 / 8])


def test_without_a_change_there_is_nothing_to_learn():
    with pytest.raises(ValueError, match=r"6 windows, and no change.*MedianSmooth"):
        MarkovSmoothing.of([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], 2)


@pytest.mark.parametrize("windows", [1, 3, 5, 9])
@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_a_median_is_that_of_the_windows_around(windows, count):
    rows = random_rows(count, seed=windows)
    found, late = smoothed(MedianSmoothing(windows), rows)
    half = windows // 2
    assert len(found) == count
    assert late == [half] * max(0, count - half)
    for at in range(half, count - half):
        expected = np.median(rows[at - half : at + half + 1], axis=0)
        np.testing.assert_allclose(found[at], expected / expected.sum())
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_single_wrong_window_is_outvoted_and_a_change_stays_where_it_is():
    labels = np.repeat([0, 1], 10)
    said = labels.copy()
    said[4] = 1
    rows = np.eye(2)[said] * 0.8 + 0.1
    found, _ = smoothed(MedianSmoothing(3), rows)
    assert found.argmax(axis=1).tolist() == labels.tolist()
    model = MarkovSmoothing([[0.95, 0.05], [0.05, 0.95]], [0.5, 0.5], 2)
    found, _ = smoothed(model, rows)
    assert found.argmax(axis=1).tolist() == labels.tolist()


def test_several_labels_are_smoothed_one_by_one():
    rows = [[0.9, 0.9], [0.1, 0.8], [0.9, 0.7]]
    found, _ = smoothed(MedianSmoothing(3), rows)
    np.testing.assert_allclose(found[1], [0.9, 0.8])


def test_after_the_end_all_are_new():
    rows = random_rows(7)
    for smoothing in (
        WeightedSmoothing(0.5),
        MedianSmoothing(5),
        MarkovSmoothing(TRANSITIONS, PRIOR, 2),
    ):
        running = smoothing.running()
        twice = [
            [each for row in rows for each in running.add(row)] + running.end()
            for _ in range(2)
        ]
        np.testing.assert_array_equal(*twice)


@pytest.mark.parametrize("share", [1.0, -0.1, "0.3", np.nan, None])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"`smoothing`.*Take 0\.3, or MedianSmoothing"):
        WeightedSmoothing(share)


@pytest.mark.parametrize("windows", [0, 2, -1, 3.0])
def test_a_median_of_even_windows_is_refused(windows):
    with pytest.raises(ValueError, match="odd number.*Take 3 or 5"):
        MedianSmoothing(windows)


@pytest.mark.parametrize(
    "changed",
    [
        {"transitions": TRANSITIONS[:2]},
        {"transitions": TRANSITIONS * 2},
        {"transitions": np.eye(3)},
        {"prior": [0.5, 0.5]},
        {"delay": -1},
        {"delay": 1.5},
        {"weight": 0.0},
        {"weight": 1.1},
    ],
    ids=str,
)
def test_what_is_no_markov_model_is_refused(changed):
    own = {"transitions": TRANSITIONS, "prior": PRIOR, **changed}
    with pytest.raises(ValueError, match=r"MarkovSmoothing\.of\("):
        MarkovSmoothing(**own)
