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
