import dataclasses

import numpy as np
import pytest

from keras_dcat.evaluation import CONTROLS, DCAT, RIVALS, Alone, Features, LateFusion
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.metrics import macro_f1
from keras_dcat.windows import split_by_subject
from tests.evaluation.studies import PAIR, assert_trains_otherwise, study


@pytest.fixture(scope="module")
def repetition():
    return Repetition(study(epochs=3), "official", seed=0)


@pytest.fixture(scope="module")
def alone(repetition):
    return Alone().run(repetition, None, "imu")


def test_without_weight_the_target_is_trained_as_if_it_were_alone(repetition, alone):
    probabilities, losses = DCAT(transfer_weight=0.0).run(repetition, *PAIR)
    np.testing.assert_allclose(probabilities, alone[0], atol=1e-5)
    np.testing.assert_allclose(losses, alone[1], rtol=1e-5)


METHODS = {
    **CONTROLS,
    **RIVALS,
    "D-CAT": DCAT(),
    "the paper's": DCAT(alignment="distance", gate="correct"),
    "soft": DCAT(gate="soft"),
    "out of fold": DCAT(gate="out-of-fold"),
    "late": DCAT(offset=0.25),
    "half wrong": DCAT(mispaired=0.5),
    "balanced": DCAT(gradients="balanced"),
    "contrast that fades": DCAT(alignment="contrast", decay=True),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_changes_the_training_and_predicts_the_test(
    repetition, alone, name
):
    losses = assert_trains_otherwise(METHODS[name], repetition, PAIR, alone[0])
    assert len(losses) == 3


def test_it_may_fall_back_to_the_target_alone_by_who_judges():
    one = study(epochs=3)
    train, judge = split_by_subject(one.splits["official"][0], ["p0", "p1"])
    splits = {"official": (train, one.splits["official"][1])}
    judged = dataclasses.replace(one, splits=splits, judges={"official": judge})
    repetition = Repetition(judged, "official", seed=0)
    taught, alone = DCAT().train(repetition, *PAIR)[0], repetition.unimodal("imu")[0]
    scores = [
        macro_f1(judge.labels, repetition.predict(model, "imu", judge), 3)
        for model in (taught, alone)
    ]
    expected = repetition.predict(taught if scores[0] > scores[1] else alone, "imu")
    kept, _ = DCAT(falls_back=True).run(repetition, *PAIR)
    np.testing.assert_allclose(kept, expected, atol=1e-5)


def test_without_a_judge_nothing_can_fall_back(repetition):
    with pytest.raises(ValueError, match=r"`judges`.*none of split 'official'"):
        DCAT(falls_back=True).run(repetition, *PAIR)


def test_late_fusion_is_the_mean_of_source_and_target(repetition, alone):
    source, _ = Alone().run(repetition, None, "camera")
    fused, _ = LateFusion().run(repetition, *PAIR)
    np.testing.assert_allclose(fused, (source + alone[0]) / 2, atol=1e-6)


def test_masks_made_before_training_say_which_windows_teach(repetition, monkeypatch):
    right = np.arange(len(repetition.train)) % 3 == 0
    wrong = (repetition.train.labels + 1) % 3
    predicted = np.where(right, repetition.train.labels, wrong)
    monkeypatch.setattr(repetition, "out_of_fold", lambda *_: np.eye(3)[predicted])
    learner = repetition.build("imu", repetition.train)
    for gate, is_same in (("out-of-fold", True), ("shuffled", False)):
        _, dataset = DCAT(gate=gate).joined(
            repetition, *PAIR, learner, repetition.train, 16
        )
        batches = [(x["transfer_mask"], y) for x, y in dataset]
        shares, labels = (np.concatenate(each) for each in zip(*batches, strict=True))
        assert shares.sum() == right.sum()
        labels = labels.argmax(axis=-1)
        taught = np.bincount(labels, weights=shares).tolist()
        expected = np.bincount(repetition.train.labels, weights=right).tolist()
        assert (taught == expected) == is_same


def test_a_baseline_has_the_same_changes_as_its_method():
    method = DCAT(build={"filters": 4}, training={"epochs": 1}, data_fraction=0.5)
    assert method.baseline() == Alone(
        build={"filters": 4}, training={"epochs": 1}, data_fraction=0.5
    )
    assert Features("contrast").baseline() == Alone()
    assert Alone().baseline() == Alone()


def test_changes_of_target_and_training_are_used(repetition):
    changed = Alone(build={"filters": 4}, training={"epochs": 1}, data_fraction=0.34)
    probabilities, losses = changed.run(repetition, None, "imu")
    assert len(losses) == 1
    assert len(probabilities) == len(repetition.test)


def test_a_fellow_teaches_beside_the_source_and_both_believe_together(repetition):
    learner = repetition.build("imu", repetition.train)
    method = DCAT(gate="soft", distillation=0.5, fellow=True, cached=True)
    model, dataset = method.joined(repetition, *PAIR, learner, repetition.train, 16)
    alone, _ = repetition.unimodal("imu")
    assert model.source[1] is alone
    assert model.target is learner is not alone
    assert model.get_config()["combination"] == "product"
    inputs, _ = next(iter(dataset))
    assert len(inputs["source"]) == 2
    probabilities, _ = method.run(repetition, *PAIR)
    plain, _ = dataclasses.replace(method, fellow=False).run(repetition, *PAIR)
    assert np.abs(probabilities - plain).max() > 1e-4


def test_a_fellow_is_asked_out_of_fold_as_the_source_is(repetition):
    learner = repetition.build("imu", repetition.train)
    method = DCAT(gate="out-of-fold", fellow=True, cached=True)
    _, dataset = method.joined(repetition, *PAIR, learner, repetition.train, 16)
    inputs, _ = next(iter(dataset))
    assert inputs["transfer_mask"].shape[1:] == (2,)


def test_a_setting_that_is_misspelt_is_no_other_method():
    for method, options in (
        (DCAT, {"source": "rand"}),
        (DCAT, {"alignment": "contrst"}),
        (Features, {"kind": "contrst"}),
    ):
        ((name, value),) = options.items()
        with pytest.raises(ValueError, match=f"{name}='{value}'.*misspelt"):
            method(**options)
