import numpy as np
import pytest

from keras_dcat import metrics
from keras_dcat.diagnosis import correctness


def believed(classes, num_classes=3):
    return np.eye(num_classes)[classes]


def test_classes_without_windows_are_not_covered():
    labels = np.array([0, 0, 2])
    shares = correctness.coverage_by_class(labels, believed([0, 1, 1]), "abc")
    assert shares == {"all": 1 / 3, "a": 0.5, "c": 0.0}


def test_agreement_sums_to_one_over_the_four_cells(rng):
    labels, source, target = rng.integers(0, 3, size=(3, 50))
    shares = correctness.agreement(labels, believed(source), believed(target))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["both"] + shares["source only"] == np.mean(source == labels)
    assert shares["both"] + shares["target only"] == np.mean(target == labels)


def test_chance_is_the_accuracy_of_shuffled_predictions(rng):
    labels = rng.choice(3, p=[0.6, 0.3, 0.1], size=300)
    guesses = rng.choice(3, p=[0.2, 0.7, 0.1], size=300)
    shuffled = [np.mean(rng.permutation(guesses) == labels) for _ in range(2000)]
    chance = correctness.chance_accuracy(labels, believed(guesses))
    assert chance == pytest.approx(np.mean(shuffled), abs=2e-3)


def test_the_interval_is_that_of_macro_f1_over_drawn_groups(rng):
    labels, source, target = rng.integers(0, 3, size=(3, 120))
    source = np.where(rng.random(120) < 0.6, labels, source)
    groups = np.arange(120) // 20
    low, high = correctness.f1_difference_interval(
        labels, believed(source), believed(target), groups
    )
    differences = []
    for _ in range(1000):
        drawn = rng.integers(0, 6, size=6)
        rows = np.concatenate([np.flatnonzero(groups == g) for g in drawn])
        f1 = [metrics.macro_f1(labels[rows], x[rows], 3) for x in (source, target)]
        differences.append(f1[0] - f1[1])
    expected = np.quantile(differences, [0.025, 0.975])
    np.testing.assert_allclose([low, high], expected, atol=0.03)


def test_a_model_is_as_good_as_itself(rng):
    labels, source = rng.integers(0, 3, size=(2, 60))
    scores = believed(source)
    assert correctness.f1_difference_interval(labels, scores, scores) == (0, 0)


def of_labels(rng, windows=80):
    """Rows of three labels, of which some are not known, and two models of them."""
    answers = rng.integers(-1, 2, (windows, 3))
    scores = rng.normal(size=(2, windows, 3, 2))
    known = answers >= 0
    window, kinds = np.nonzero(known)
    return answers, scores, (answers[known], *scores[:, known], kinds, window)


def test_f1_of_rows_of_labels_is_that_of_the_whole_windows(rng):
    answers, (source, _), (labels, rows, _, kinds, _) = of_labels(rng)
    said = source.argmax(axis=-1)
    expected = metrics.macro_f1(answers, said, 3, multi_label=True)
    assert correctness.f1_of_rows(labels, rows, kinds) == pytest.approx(expected)


def test_every_label_has_a_coverage_of_no_and_of_yes():
    labels, kinds = np.array([1, 0, 1, 0]), np.array([0, 0, 1, 1])
    scores = believed([1, 0, 0, 1], 2)
    names = ["not a", "a", "not b", "b"]
    shares = correctness.coverage_by_class(labels, scores, names, kinds)
    assert shares == {"all": 0.5, "not a": 1, "a": 1, "not b": 0, "b": 0}


def test_predictions_of_a_label_are_dealt_among_themselves():
    """One label always holds and is always said, the other neither: no luck in it."""
    labels = kinds = np.array([0, 0, 1, 1])
    scores = believed(labels, 2)
    assert correctness.chance_accuracy(labels, scores, kinds) == 1
    assert correctness.chance_accuracy(labels, scores) == 0.5


def test_the_interval_of_labels_is_around_the_difference_of_their_f1(rng):
    answers, scores, (labels, source, target, kinds, window) = of_labels(rng)
    low, high = correctness.f1_difference_interval(
        labels, source, target, window, kinds=kinds
    )
    first, second = (
        metrics.macro_f1(answers, x.argmax(axis=-1), 3, multi_label=True)
        for x in scores
    )
    assert low < first - second < high
    same = correctness.f1_difference_interval(
        labels, source, source, window, kinds=kinds
    )
    assert same == (0, 0)
