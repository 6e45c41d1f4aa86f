"""Some people's training windows have no labels: only a source can use them."""

import numpy as np
import pytest

from keras_dcat.evaluation import DCAT, Alone, Features, LateFusion
from keras_dcat.evaluation.trial import Trial
from keras_dcat.windows import split_by_subject
from tests.evaluation.studies import PAIR, study, windows


def splits(index):
    """Of four people in training, two keep their labels; or only these two train."""
    train, test = split_by_subject(index, ["p4", "p5"])
    hidden = np.isin(train.subjects, ["p2", "p3"])
    return {
        "half": (train.without_labels(hidden), test),
        "two": (train.subset(~hidden), test),
    }


@pytest.fixture(scope="module")
def trials():
    index = windows()
    both = study(index, splits(index), epochs=3)
    return {name: Trial(both, name, seed=1) for name in both.splits}


@pytest.mark.parametrize("method", [Alone(), Alone(build={"dropout": 0.3})])
def test_alone_a_target_is_as_if_they_were_not_there(trials, method):
    half, two = (method.run(trials[name], *PAIR)[0] for name in ("half", "two"))
    np.testing.assert_allclose(half, two, atol=1e-6)


def test_a_source_is_trained_without_them_too(trials):
    half, two = (LateFusion().run(trials[name], *PAIR)[0] for name in ("half", "two"))
    np.testing.assert_allclose(half, two, atol=1e-6)


def test_a_step_sees_as_many_labels_and_all_the_pairs(trials, monkeypatch):
    seen = []
    real = Trial.pairs

    def pairs(self, *args, **options):
        seen.append(real(self, *args, **options))
        return seen[-1]

    monkeypatch.setattr(Trial, "pairs", pairs)
    DCAT(gate=None).run(trials["half"], *PAIR)
    batches = [labels.numpy().sum(axis=-1) for _, labels in seen[-1]]
    alone = trials["half"].windows("imu", trials["half"].labelled(1.0), 16)
    assert len(batches) == len(alone)
    assert sum(len(batch) for batch in batches) == len(trials["half"].train)
    assert sum(batch.sum() for batch in batches) == len(trials["two"].train)


@pytest.mark.parametrize(
    "method",
    [DCAT(gate="sure"), DCAT(transfer_weight=0.0, distillation=1.0), Features()],
)
def test_methods_learn_from_them(trials, method):
    half, losses = method.run(trials["half"], *PAIR)
    two, _ = method.run(trials["two"], *PAIR)
    assert np.isfinite(losses).all()
    assert np.abs(half - two).max() > 1e-3


def test_the_source_itself_says_what_they_are(trials):
    trial = trials["half"]
    probabilities = trial.out_of_fold("camera")
    hidden = trial.train.labels < 0
    source, _ = trial.unimodal("camera")
    own = trial.predict(source, "camera", trial.train.subset(hidden))
    np.testing.assert_allclose(probabilities[hidden], own, atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)


def test_tests_need_labels_and_training_some():
    index = windows()
    train, test = split_by_subject(index, ["p4", "p5"])
    with pytest.raises(ValueError, match="labels from -1 .*only training windows"):
        study(index, {"a": (train, test.without_labels([0]))})
    with pytest.raises(ValueError, match="none in split 'a'.*Leave some"):
        study(index, {"a": (train.without_labels(slice(None)), test)})
