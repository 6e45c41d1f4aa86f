import dataclasses

import numpy as np
import pytest

from keras_dcat.evaluation import Alone, MiniRocket, Outcome, Trees, compare
from keras_dcat.evaluation.baselines import window_features
from keras_dcat.evaluation.repetition import Repetition
from tests.evaluation.studies import (
    LABELS,
    PAIR,
    SOURCES,
    TARGET,
    of_sigmoids,
    study,
    windows,
)

pytest.importorskip("sklearn")


def test_features_know_level_spread_and_rhythm_of_every_channel():
    steps = np.arange(64)
    one = np.stack([np.full(64, 2.0), 3 * np.sin(2 * np.pi * 5 * steps / 64)], axis=-1)
    found = window_features(one[None].astype("float32"))[0]
    np.testing.assert_allclose(found[:2], [2, 0], atol=1e-6)  # level
    np.testing.assert_allclose(found[2:4], [0, 3 / np.sqrt(2)], atol=1e-6)  # spread
    assert found[11] == 4  # the fifth of the frequencies


@pytest.mark.parametrize("shape", [(2, 3, 1), (2, 5, 4), (2, 20, 3, 3, 2)])
def test_windows_of_any_shape_have_features(shape):
    assert np.isfinite(window_features(np.ones(shape))).all()


@pytest.mark.parametrize("labels", [None, LABELS], ids=["one", "several"])
def test_trees_learn_what_the_study_asks(labels):
    index = windows()
    index = index.without_labels(index.subjects == "p0")
    repetition = Repetition(of_sigmoids(labels, index), "official", 0)
    outcome = Trees(50).run(repetition, SOURCES, TARGET)
    assert isinstance(outcome, Outcome)
    shape = (len(repetition.test), *repetition.study.belief_shape)
    assert outcome.probabilities.shape == shape
    np.testing.assert_allclose(outcome.probabilities.sum(-1), 1, rtol=1e-5)
    assert outcome.training_f1 == 1.0
    right = outcome.probabilities.argmax(-1) == repetition.study.targets(
        repetition.test
    )
    assert right.mean() > 0.8


def test_a_class_that_nobody_trains_has_no_probability():
    index = windows()
    index = index.without_labels((index.labels == 1) & (index.subjects < "p4"))
    repetition = Repetition(study(index), "official", 0)
    outcome = Trees(5).run(repetition, SOURCES, TARGET)
    assert outcome.probabilities.shape[1] == 3
    assert not outcome.probabilities[:, 1].any()


def test_a_comparison_has_them_on_demand_and_says_who_is_ahead(monkeypatch):
    monkeypatch.setattr(
        "keras_dcat.evaluation.comparison.BASELINES", {"trees": Trees(50)}
    )
    index = windows(subjects=8)
    people = sorted(set(index.subjects.tolist()))
    from keras_dcat.windows import split_by_subject

    splits = {"official": split_by_subject(index, people[-4:])}
    found = compare(
        study(index, splits, epochs=1),
        [PAIR],
        {"alone": Alone()},
        [0, 1],
        verbose=0,
        baselines=True,
    )
    assert list(found.baselines) == ["alone", "trees"]
    assert found.baselines["trees"] == "alone"
    table = found.table(PAIR)
    assert "The target alone is behind trees by 0." in table
    assert "The target alone has not learned its own training windows" in table


def test_mini_rocket_is_that_of_aeon():
    pytest.importorskip("aeon")
    repetition = Repetition(study(), "official", 0)
    outcome = MiniRocket().run(repetition, SOURCES, TARGET)
    assert set(np.unique(outcome.probabilities)) == {0.0, 1.0}
    labels = repetition.test.labels
    assert np.mean(outcome.probabilities.argmax(-1) == labels) > 0.8


def test_without_its_library_a_baseline_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.ensemble", None)
    repetition = Repetition(study(), "official", 0)
    with pytest.raises(ImportError, match=r"pip install 'keras_dcat\[baselines\]'"):
        Trees().run(repetition, SOURCES, TARGET)


def test_its_baseline_is_the_target_alone():
    assert Trees().baseline() == MiniRocket().baseline() == Alone()
    assert dataclasses.replace(Trees(), count=5) != Trees()
