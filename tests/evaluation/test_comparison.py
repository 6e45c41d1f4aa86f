import dataclasses

import keras
import numpy as np
import pytest

from keras_dcat.evaluation import DCAT, Alone, compare, environment
from keras_dcat.evaluation.training import Training
from keras_dcat.windows import (
    leave_one_subject_out,
    split_by_session,
    split_by_subject,
)
from tests.evaluation.studies import PAIR, study, windows

METHODS = {"alone": Alone(), "D-CAT": DCAT()}


def predictions(results):
    return {key: run.probabilities for key, run in results.runs.items()}


def test_all_pairs_seeds_and_methods_are_there_and_a_baseline_is_trained_once(
    tmp_path, monkeypatch
):
    fitted, fit = [], Training.fit

    def count(self, model, dataset, callbacks=()):
        fitted.append(model)
        return fit(self, model, dataset)

    monkeypatch.setattr(Training, "fit", count)
    results = compare(study(), None, METHODS, seeds=[0, 1], path=tmp_path, verbose=0)
    assert results.pairs == [("camera", "imu"), ("imu", "camera")]
    assert results.seeds == [0, 1]
    assert results.splits == ["official"]
    assert len(results.runs) == 2 * 2 * 2
    # Each window of this study is a recording of its own.
    for run in results.runs.values():
        assert run.stretches.tolist() == list(range(len(run.labels)))
    # Per seed: each modality alone, which also teaches, and each with the other's help.
    assert len(fitted) == 2 * 4
    assert len(list((tmp_path / "runs").iterdir())) == 2 * 4


def test_a_comparison_that_died_goes_on_where_it_stopped(tmp_path, monkeypatch):
    fit, left = Training.fit, [2]

    def dies(self, model, dataset, callbacks=()):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return fit(self, model, dataset)

    options = {"seeds": [0, 1], "path": tmp_path, "verbose": 0}
    monkeypatch.setattr(Training, "fit", dies)
    with pytest.raises(KeyboardInterrupt):
        compare(study(), [PAIR], METHODS, **options)
    left[0] = 4  # of 6: source, target and transfer for each seed
    resumed = compare(study(), [PAIR], METHODS, **options)
    assert left[0] == 0
    monkeypatch.setattr(Training, "fit", fit)
    at_once = compare(study(), [PAIR], METHODS, seeds=[0, 1], verbose=0)
    for key, expected in predictions(at_once).items():
        np.testing.assert_allclose(predictions(resumed)[key], expected, atol=1e-5)


def test_a_study_that_changed_is_not_given_old_results(tmp_path):
    options = {"seeds": [0], "path": tmp_path, "verbose": 0}
    compare(study(), [PAIR], {"alone": Alone()}, **options)
    changed = compare(study(epochs=1), [PAIR], {"alone": Alone()}, **options)
    (run,) = changed.runs.values()
    assert len(run.losses) == 1


def test_folds_are_put_together(tmp_path):
    index = windows(subjects=3)
    splits = {who: sides for who, *sides in leave_one_subject_out(index)}
    results = compare(
        study(splits=splits, epochs=1), [PAIR], METHODS, seeds=[0], verbose=0
    )
    assert results.splits == ["p0", "p1", "p2"]
    row = results.rows()[1]
    labels = np.concatenate([run.labels for run in results.of(PAIR, "D-CAT")[0]])
    assert len(labels) == len(index)
    tested = [run.subjects for run in results.of(PAIR, "D-CAT")[0]]
    assert [set(subjects) for subjects in tested] == [{"p0"}, {"p1"}, {"p2"}]
    assert 0 <= row["p"] <= 1


def test_what_a_result_was_made_with_is_kept():
    results = compare(study(epochs=1), [PAIR], {"alone": Alone()}, [0], verbose=0)
    (run,) = results.runs.values()
    assert run.environment == environment()
    assert run.seconds > 0
    assert run.environment["backend"] == keras.backend.backend()
    assert {"keras", "keras_dcat", "numpy", "python", "machine"} <= set(run.environment)


def test_pairs_and_methods_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"\['radar'\].*\['camera', 'imu'\]"):
        compare(study(), [("radar", "imu")], METHODS)
    with pytest.raises(ValueError, match=r"\['radar'\]"):
        compare(study(), [(("camera", "radar"), "imu")], METHODS)
    with pytest.raises(ValueError, match="'D-CAT' without Alone.*Add the baseline"):
        compare(study(), [PAIR], {"D-CAT": DCAT()})


def test_a_comparison_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"seeds=\[\].*Leave them out"):
        compare(study(), [PAIR], METHODS, seeds=[])


def test_methods_are_plain_values():
    assert dataclasses.replace(DCAT(), recipe="extended") == DCAT()


def test_of_a_single_subject_intervals_are_over_sessions():
    index = windows(subjects=1)
    last = [s for s in np.unique(index.sessions).tolist() if s.endswith("2")]
    splits = {"official": split_by_session(index, last)}
    one = study(splits=splits, epochs=1, new_subjects=False)
    results = compare(one, [PAIR], {"alone": Alone()}, [0, 1], verbose=0)
    (run, _) = results.runs.values()
    assert sorted(run.subjects) == last
    assert results.score(PAIR, "alone").low >= 0


def test_one_session_of_one_person_is_refused_before_anything_is_trained():
    index = windows(repetitions=2)
    train, test = split_by_subject(index, ["p0"])
    one = test.subset(test.sessions == test.sessions[0])
    with pytest.raises(ValueError, match=r"'subjects': 1, 'sessions': 1.*Hold out"):
        compare(study(splits={"official": (train, one)}))
