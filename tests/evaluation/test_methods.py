import dataclasses

import numpy as np
import pytest

from keras_dcat.evaluation import DCAT, Alone
from keras_dcat.evaluation.job import Job
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.metrics import macro_f1
from keras_dcat.transfer import (
    DCATModel,
    FeatureInfoNCE,
    MaskedCrossAttentionLoss,
    source_confidence,
)
from keras_dcat.transfer.recipes import RECIPES
from keras_dcat.windows import split_by_subject
from tests.evaluation.studies import SOURCES, TARGET, assert_trains_otherwise, study


@pytest.fixture(scope="module")
def repetition():
    return Repetition(study(epochs=3), "official", seed=0)


@pytest.fixture(scope="module")
def alone(repetition):
    return Alone().run(repetition, (), TARGET)


def test_without_weight_the_target_is_trained_as_if_it_were_alone(repetition, alone):
    probabilities, losses, *_ = DCAT(transfer_weight=0.0).run(
        repetition, SOURCES, TARGET
    )
    np.testing.assert_allclose(probabilities, alone[0], atol=1e-5)
    np.testing.assert_allclose(losses, alone[1], rtol=1e-5)


METHODS = {
    "D-CAT": DCAT(),
    "paper": DCAT("paper", transfer_weight=1.0),
    "soft": DCAT(gate="soft"),
    "without agreement": DCAT(loss_weights={"agreement": 0.0}),
    "InfoNCE of KᵀV that fades": DCAT("attention_info_nce", decay=True),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_changes_the_training_and_predicts_the_test(
    repetition, alone, name
):
    losses = assert_trains_otherwise(
        METHODS[name], repetition, (SOURCES, TARGET), alone[0]
    )
    assert len(losses) == 3


@pytest.mark.slow
def test_the_baseline_may_be_restored_by_who_judges():
    one = study(epochs=3)
    train, judge = split_by_subject(one.splits["official"][0], ["p0", "p1"])
    splits = {"official": (train, one.splits["official"][1])}
    judged = dataclasses.replace(one, splits=splits, judges={"official": judge})
    repetition = Repetition(judged, "official", seed=0)
    taught, alone = (
        DCAT().train(repetition, SOURCES, TARGET)[0],
        repetition.unimodal("imu")[0],
    )
    scores = [
        macro_f1(judge.labels, repetition.predict(model, "imu", judge), 3)
        for model in (taught, alone)
    ]
    expected = repetition.predict(taught if scores[0] > scores[1] else alone, "imu")
    kept, *_ = DCAT(restores_baseline=True).run(repetition, SOURCES, TARGET)
    np.testing.assert_allclose(kept, expected, atol=1e-5)


def test_without_a_judge_no_baseline_can_be_restored(repetition):
    with pytest.raises(ValueError, match=r"`judges`.*none of split 'official'"):
        DCAT(restores_baseline=True).run(repetition, SOURCES, TARGET)


def test_a_baseline_has_the_same_changes_as_its_method():
    method = DCAT(build={"filters": 4}, training={"epochs": 1}, data_fraction=0.5)
    assert method.baseline() == Alone(
        build={"filters": 4}, training={"epochs": 1}, data_fraction=0.5
    )
    assert Alone().baseline() == Alone()


def test_changes_of_target_and_training_are_used(repetition):
    changed = Alone(build={"filters": 4}, training={"epochs": 1}, data_fraction=0.34)
    probabilities, losses, *_ = changed.run(repetition, (), TARGET)
    assert len(losses) == 1
    assert len(probabilities) == len(repetition.test)


def joined(repetition, method):
    """The model and the batches of a method, for all training windows."""
    learner = repetition.build(TARGET, repetition.train)
    return method.joined(repetition, SOURCES, TARGET, learner, repetition.train, 16)


def partly_labelled():
    """A repetition whose first person who trains has labels; three have none."""
    one = study(epochs=1)
    train, test = one.splits["official"]
    splits = {"official": (train.keep_labels_of(["p0"]), test)}
    return Repetition(dataclasses.replace(one, splits=splits), "official", seed=1)


def test_pairs_of_fewer_people_are_among_those_of_more():
    repetition = partly_labelled()
    seen = [
        set(DCAT(num_unlabelled_people=number).seen(repetition).subjects.tolist())
        for number in range(4)
    ]
    assert [len(people) for people in seen] == [1, 2, 3, 4]
    assert seen[0] == {"p0"}
    assert seen[0] < seen[1] < seen[2] < seen[3]
    assert set(DCAT().seen(repetition).subjects.tolist()) == seen[3]
    assert set(Alone().seen(repetition).subjects.tolist()) == seen[0]


@pytest.mark.parametrize("number", [-1, 4])
def test_more_people_than_there_are_without_a_label_are_refused(number):
    method = DCAT(num_unlabelled_people=number)
    with pytest.raises(ValueError, match=rf"{number} of 3.*Ask for fewer"):
        method.seen(partly_labelled())


def weights(model):
    return {term.loss.name: term.weight for term in model.terms.values()}


def test_without_options_it_is_the_model_with_its_defaults(repetition):
    model, _ = joined(repetition, DCAT())
    source, target = (repetition.build(s, repetition.train) for s in (*SOURCES, TARGET))
    default = DCATModel(source, target)
    assert model.transfer_weight == default.transfer_weight
    assert model.get_config()["gate"] == default.get_config()["gate"]
    assert model.get_config()["loss"] == default.get_config()["loss"]
    assert weights(model) == weights(default)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_has_the_weight_and_the_losses_that_the_model_gives_it(
    repetition, recipe
):
    model, _ = joined(repetition, DCAT(recipe))
    assert model.transfer_weight == pytest.approx(RECIPES[recipe].transfer_weight)
    assert list(weights(model).values()) == list(RECIPES[recipe].losses.values())


def test_single_losses_are_left_out_weighed_otherwise_and_added(repetition):
    changed = {"agreement": 0.0, "fused": 2.5, "distillation": 1.5}
    model, _ = joined(repetition, DCAT(loss_weights=changed))
    own = RECIPES["extended"].losses
    assert weights(model) == {
        "info_nce": own[FeatureInfoNCE],
        "fused": 2.5,
        "cross_attention": own[MaskedCrossAttentionLoss],
        "distillation": 1.5,
    }


def test_losses_of_ones_own_take_the_place_of_a_recipe(repetition):
    own = FeatureInfoNCE(temperature=0.3, name="near"), MaskedCrossAttentionLoss("unit")
    method = DCAT(loss=own, loss_weights={"near": 4.0})
    models = [joined(repetition, method)[0] for _ in range(2)]
    assert weights(models[0]) == {"near": 4.0, "cross_attention": 1.0}
    found, other = (next(iter(model.terms.values())).loss for model in models)
    assert found.get_config() == own[0].get_config()
    # A training leaves nothing behind in what the next one is made of.
    assert found is not own[0]
    assert found is not other


def test_a_weight_of_no_loss_of_ones_own_is_refused():
    with pytest.raises(ValueError, match=r"'agreement'.*\['info_nce'\].*Name each"):
        DCAT(loss=(FeatureInfoNCE(),), loss_weights={"agreement": 1.0})


def test_runs_with_other_losses_have_other_names():
    names = {
        Job("a", 0, SOURCES, TARGET, DCAT(loss=(FeatureInfoNCE(t),))).key
        for t in (0.1, 0.1, 0.2)
    }
    assert len(names) == 2


def test_a_changed_recipe_keeps_its_gate_and_its_weight(repetition):
    method = DCAT("no_labels", loss_weights={"agreement": 0.0})
    model, _ = joined(repetition, method)
    assert {term.gate for term in model.terms.values()} == {source_confidence}
    method = DCAT("paper", loss_weights={"agreement": 1.0})
    model, _ = joined(repetition, method)
    assert model.transfer_weight == pytest.approx(RECIPES["paper"].transfer_weight)


def test_a_weight_that_decays_starts_where_it_would_stay(repetition):
    model, dataset = joined(repetition, DCAT(decay=True, transfer_weight=0.5))
    (schedule,) = [model.get_config()["transfer_weight"]["config"]]
    assert schedule["initial_learning_rate"] == 0.5
    assert schedule["end_learning_rate"] == 0.0
    assert schedule["decay_steps"] == 3 * len(dataset)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"recipe": "papers"}, "recipe='papers'.*'paper'"),
        ({"gate": "sure"}, "gate='sure'"),
        ({"combination": "worst"}, "worst"),
        ({"loss_weights": {"joint": 1.0}}, "'joint'.*'fused'"),
        ({"loss_weights": {"fused": -1.0}}, "at least 0.*-1.0"),
        ({"recipe": "paper", "loss_weights": {"cross_attention": 0}}, "more than 0"),
        ({"recipe": "paper", "target_labels": False}, "'paper'.*Choose 'soft'"),
        ({"gate": "correct", "target_labels": False}, "gate='correct'.*Choose 'soft'"),
    ],
)
def test_what_is_no_method_is_refused_when_it_is_written(options, message):
    with pytest.raises(ValueError, match=message):
        DCAT(**options)
