import numpy as np
import pytest

from keras_dcat.evaluation import (
    CONTROLS,
    DCAT,
    Alone,
    Misaligned,
    Mispaired,
    OutOfFoldMask,
    RandomSource,
    ShuffledMask,
)
from keras_dcat.evaluation.repetition import Repetition
from tests.evaluation.studies import SOURCES, TARGET, assert_trains_otherwise, study


@pytest.fixture(scope="module")
def repetition():
    return Repetition(study(epochs=2), "official", seed=0)


@pytest.fixture(scope="module")
def alone(repetition):
    return Alone().run(repetition, (), TARGET)


METHODS = {
    **CONTROLS,
    "out of fold": OutOfFoldMask(gate="all"),
    "late": Misaligned(seconds=0.25),
    "half wrong": Mispaired(share=0.5),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_control_changes_the_training_and_predicts_the_test(
    repetition, alone, name
):
    pair = SOURCES, TARGET
    losses = assert_trains_otherwise(METHODS[name], repetition, pair, alone[0])
    assert len(losses) == 2


def joined(repetition, method):
    learner = repetition.build(TARGET, repetition.train)
    return method.joined(repetition, SOURCES, TARGET, learner, repetition.train, 16)


def test_a_random_source_is_as_it_was_initialised(repetition):
    model, _ = joined(repetition, RandomSource())
    fresh = repetition.build("camera", repetition.train, seed=1000)
    for one, other in zip(model.sources[0].weights, fresh.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_masks_made_before_training_say_which_windows_teach(repetition, monkeypatch):
    right = np.arange(len(repetition.train)) % 3 == 0
    wrong = (repetition.train.labels + 1) % 3
    predicted = np.where(right, repetition.train.labels, wrong)
    monkeypatch.setattr(repetition, "out_of_fold", lambda *_: np.eye(3)[predicted])
    for kind, is_same in ((OutOfFoldMask, True), (ShuffledMask, False)):
        _, dataset = joined(repetition, kind(gate="all"))
        batches = [(x["transfer_mask"], y) for x, y in dataset]
        shares, labels = (np.concatenate(each) for each in zip(*batches, strict=True))
        assert shares.sum() == right.sum()
        labels = labels.argmax(axis=-1)
        taught = np.bincount(labels, weights=shares).tolist()
        expected = np.bincount(repetition.train.labels, weights=right).tolist()
        assert (taught == expected) == is_same


def test_a_control_differs_from_the_default_in_what_it_is_about_alone():
    plain = DCAT()
    for method in METHODS.values():
        assert isinstance(method, DCAT)
        assert method.recipe == plain.recipe
        assert method.transfer_weight == plain.transfer_weight
        assert method.baseline() == Alone()


def test_a_mask_of_all_windows_is_not_asked_for_some_people():
    with pytest.raises(ValueError, match="num_unlabelled_people=1 with ShuffledMask"):
        ShuffledMask(gate="all", num_unlabelled_people=1)


@pytest.mark.parametrize("kind", [OutOfFoldMask, ShuffledMask])
def test_a_mask_of_labels_needs_labels(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} with target_labels=False"):
        kind(gate="soft", target_labels=False)
