"""Some training windows have no labels, or none has: only a source can use them."""

import dataclasses

import numpy as np
import pytest

from keras_dcat.evaluation import DCAT, Alone, Features, LateFusion
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.windows import split_by_subject
from tests.evaluation.studies import CLASSES, SOURCES, TARGET, study, windows


def splits(index):
    """Of four people in training, two keep their labels; or only these two train."""
    train, test = split_by_subject(index, ["p4", "p5"])
    hidden = np.isin(train.subjects, ["p2", "p3"])
    return {
        "half": (train.without_labels(hidden), test),
        "two": (train.subset(~hidden), test),
    }


@pytest.fixture(scope="module")
def repetitions():
    index = windows()
    both = study(index, splits(index), epochs=3, batch_size=16)
    return {name: Repetition(both, name, seed=1) for name in both.splits}


@pytest.mark.parametrize("method", [Alone(), Alone(build={"dropout": 0.3})])
def test_alone_a_target_is_as_if_they_were_not_there(repetitions, method):
    half, two = (
        method.run(repetitions[name], SOURCES, TARGET)[0] for name in ("half", "two")
    )
    np.testing.assert_allclose(half, two, atol=1e-6)


@pytest.mark.slow
def test_a_source_is_trained_without_them_too(repetitions):
    half, two = (
        LateFusion().run(repetitions[name], SOURCES, TARGET)[0]
        for name in ("half", "two")
    )
    np.testing.assert_allclose(half, two, atol=1e-6)


@pytest.fixture
def batches(monkeypatch):
    """The datasets that targets are trained on, the last of them last."""
    seen, real = [], Repetition.pairs

    def pairs(self, *args, **options):
        seen.append(real(self, *args, **options))
        return seen[-1]

    monkeypatch.setattr(Repetition, "pairs", pairs)
    return seen


def test_a_step_sees_as_many_labels_and_all_the_pairs(repetitions, batches):
    DCAT().run(repetitions["half"], SOURCES, TARGET)
    batches = [labels.numpy().sum(axis=-1) for _, labels in batches[-1]]
    alone = repetitions["half"].windows("imu", repetitions["half"].labelled(1.0), 16)
    assert len(batches) == len(alone)
    assert sum(len(batch) for batch in batches) == len(repetitions["half"].train)
    assert sum(batch.sum() for batch in batches) == len(repetitions["two"].train)


@pytest.mark.parametrize(
    "method",
    [
        DCAT(gate="correct_or_confident"),
        DCAT("distillation"),
        Features(),
    ],
)
def test_methods_learn_from_them(repetitions, method):
    half, losses, *_ = method.run(repetitions["half"], SOURCES, TARGET)
    two, *_ = method.run(repetitions["two"], SOURCES, TARGET)
    assert np.isfinite(losses).all()
    assert np.abs(half - two).max() > 1e-3


def test_the_source_itself_says_what_they_are(repetitions):
    repetition = repetitions["half"]
    probabilities = repetition.out_of_fold("camera")
    hidden = repetition.train.labels < 0
    source, _ = repetition.unimodal("camera")
    own = repetition.predict(source, "camera", repetition.train.subset(hidden))
    np.testing.assert_allclose(probabilities[hidden], own, atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-4)


def test_windows_without_a_label_are_left_out_of_a_test_with_a_warning():
    train, test = split_by_subject(windows(), ["p4", "p5"])
    with pytest.warns(UserWarning, match="1 of 18 windows have no label in the tests"):
        one = study(None, {"a": (train, test.without_labels([0]))})
    assert one.splits["a"][1].labels.tolist() == test.labels[1:].tolist()


def test_tests_need_labels_and_training_some():
    train, test = split_by_subject(windows(), ["p4", "p5"])
    nobody = slice(None)
    with pytest.raises(ValueError, match="18 windows without any.*Choose people"):
        study(None, {"a": (train, test.without_labels(nobody))})
    with pytest.raises(ValueError, match="none in split 'a'.*Leave some"):
        study(None, {"a": (train.without_labels(nobody), test)})


def test_labels_mean_the_same_in_a_study_and_in_its_windows():
    train, test = split_by_subject(windows(), ["p4", "p5"])
    sides = [dataclasses.replace(x, class_names=CLASSES) for x in (train, test)]
    study(None, {"a": sides})
    turned = dataclasses.replace(test, class_names=CLASSES[::-1])
    with pytest.raises(ValueError, match=r"\['wave', 'clap', 'sit'\].*\('sit', 'clap'"):
        study(None, {"a": (train, turned)})


@pytest.mark.parametrize("split", ["half", "two"])
def test_a_target_without_labels_sees_the_pairs_that_it_would_see_with_them(
    repetitions, batches, split
):
    method = DCAT("no_labels")
    with_labels, *_ = method.run(repetitions[split], SOURCES, TARGET)
    hidden = dataclasses.replace(method, target_labels=False)
    without, losses, *_ = hidden.run(repetitions[split], SOURCES, TARGET)
    assert losses.tolist() == [0.0] * 3
    assert np.abs(with_labels - without).max() > 1e-3
    known, unknown = (
        [(x["source"], x["target"], y) for x, y in dataset]
        for dataset in (batches[-2], batches[-1])
    )
    assert sum(labels.numpy().sum() for *_, labels in known) == 18
    assert sum(labels.numpy().sum() for *_, labels in unknown) == 0
    for one, other in zip(known, unknown, strict=True):
        for side in (0, 1):
            np.testing.assert_array_equal(one[side], other[side])


@pytest.mark.slow
def test_a_target_may_learn_without_any_label():
    one = study(epochs=15, batch_size=16)
    training = dataclasses.replace(one.training, learning_rate=0.05)
    repetition = Repetition(
        dataclasses.replace(one, training=training), "official", seed=0
    )
    untaught = repetition.predict(
        repetition.build("camera", repetition.train), "camera"
    )
    method = DCAT("distillation", 1.0, "soft", target_labels=False)
    taught, *_ = method.run(repetition, ("imu",), "camera")
    labels = repetition.test.labels
    before, after = (np.mean(p.argmax(axis=-1) == labels) for p in (untaught, taught))
    assert before < 0.5 < after


def test_without_labels_a_target_is_compared_with_one_that_has_them():
    method = DCAT(gate="soft", target_labels=False, build={"dropout": 0.3})
    assert method.baseline() == Alone(build={"dropout": 0.3})
