import dataclasses

import numpy as np
import pytest
from sklearn.metrics import f1_score

from keras_dcat.evaluation import Results
from keras_dcat.evaluation.remarks import guess_f1, references, remarks
from tests.evaluation.test_results import CLASSES, PAIR, run


def results(rng, people=4, training_f1=1.0, **options):
    runs = {}
    for seed in (0, 1):
        for label, share in (("alone", 0.6), ("D-CAT", 0.9)):
            one = run(rng, "a", seed, label, share)
            runs["a", seed, PAIR, label] = dataclasses.replace(
                one,
                subjects=np.repeat([f"p{n}" for n in range(people)], 60 // people),
                training_f1=training_f1,
            )
    return Results(runs, {"alone": "alone", "D-CAT": "alone"}, CLASSES, **options)


@pytest.mark.parametrize("shares", [[1, 1, 1], [5, 3, 2], [8, 2, 0]])
def test_a_guess_has_the_f1_of_one_who_takes_all_classes_equally_often(rng, shares):
    labels = np.repeat([0, 1, 2], np.array(shares) * 4000)
    guessed = rng.integers(0, 3, len(labels))
    present = np.unique(labels)
    expected = f1_score(labels, guessed, average="macro", labels=present)
    assert guess_f1(labels, 3) == pytest.approx(expected, abs=0.01)


def test_of_several_labels_a_guess_tosses_a_coin_for_each(rng):
    labels = (rng.random((20000, 2)) < [0.1, 0.5]).astype(int)
    guessed = rng.integers(0, 2, labels.shape)
    expected = f1_score(labels, guessed, average="macro")
    assert guess_f1(labels, 2) == pytest.approx(expected, abs=0.01)


def test_a_source_is_scored_by_itself(rng):
    found = {
        ("a", seed, "camera"): run(rng, "a", seed, "Alone", 0.95) for seed in (0, 1)
    }
    source, guess = references(results(rng, sources=found), PAIR)
    assert source["method"] == "the source, camera"
    mean = np.mean([one.macro_f1 for one in found.values()])
    assert source["macro F1"].mean == pytest.approx(mean)
    assert guess["accuracy"] == pytest.approx(1 / 3)
    (only,) = references(results(rng), PAIR)
    assert only["method"] == "a guess"


def test_who_has_not_learned_is_named_and_who_has_is_not(rng):
    slow = {
        ("a", seed, "camera"): dataclasses.replace(
            run(rng, "a", seed, "Alone", 0.9), training_f1=0.5
        )
        for seed in (0, 1)
    }
    (said,) = remarks(results(rng, sources=slow), PAIR)
    assert said.startswith("The source, camera has not learned")
    (said,) = remarks(results(rng, training_f1=0.7), PAIR)
    assert said.startswith("The target alone has not learned")
    assert "0.70" in said
    assert "min_steps" in said
    assert remarks(results(rng), PAIR) == []
    assert remarks(results(rng, training_f1=None), PAIR) == []


def test_of_two_people_no_difference_is_called_a_gain(rng):
    few, many = results(rng, people=2), results(rng, people=4)
    assert few.gain(PAIR, "D-CAT").low > 0
    assert few.gain(PAIR, "D-CAT").verdict == "unclear"
    assert many.gain(PAIR, "D-CAT").verdict == "gain"
    (said,) = remarks(few, PAIR)
    assert "2 subjects" in said
    assert said in few.table(PAIR)
