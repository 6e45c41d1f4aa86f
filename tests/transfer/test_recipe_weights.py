import pytest

from keras_dcat.transfer import (
    AgreementPseudoLabels,
    AttentionInfoNCE,
    FeatureInfoNCE,
    FusedPseudoLabels,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
)
from keras_dcat.transfer.recipe_weights import (
    names_of_losses,
    usual_weight,
    weighed_losses,
    weights_of,
)
from keras_dcat.transfer.recipes import RECIPES

CLASSES = {
    "info_nce": FeatureInfoNCE,
    "agreement": AgreementPseudoLabels,
    "fused": FusedPseudoLabels,
    "cross_attention": MaskedCrossAttentionLoss,
    "distillation": LogitsDistillation,
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_unless_changed_losses_and_weights_are_those_of_the_recipe(recipe):
    losses = weighed_losses(recipe, {})
    assert list(losses.values()) == list(RECIPES[recipe].losses.values())
    made = [make().get_config() for make in RECIPES[recipe].losses]
    assert [loss.get_config() for loss in losses] == made
    assert weights_of(recipe) == {loss.name: w for loss, w in losses.items()}


def test_a_weight_is_changed_in_its_place_and_others_are_not():
    losses = weighed_losses("extended", {"agreement": 0.0, "cross_attention": 2})
    assert {loss.name: weight for loss, weight in losses.items()} == {
        **weights_of("extended"),
        "agreement": 0.0,
        "cross_attention": 2,
    }


@pytest.mark.parametrize("name", CLASSES)
def test_a_loss_that_is_added_is_that_of_the_first_recipe_that_has_it(name):
    recipe = "paper" if name != "cross_attention" else "info_nce"
    *_, (loss, weight) = weighed_losses(recipe, {name: 1.5}).items()
    assert type(loss) is CLASSES[name]
    assert weight == 1.5
    first = next(r for r in RECIPES if CLASSES[name] in RECIPES[r].losses)
    assert usual_weight(name) == RECIPES[first].losses[CLASSES[name]]
    if name == "cross_attention":
        assert loss.normalization == "source"  # not the printed formula


def test_a_recipe_keeps_its_own_loss_of_a_name():
    (loss,) = weighed_losses("attention_info_nce", {"info_nce": 3.0})
    assert type(loss) is AttentionInfoNCE


def test_every_loss_of_a_recipe_has_a_name():
    assert names_of_losses() == list(CLASSES)


@pytest.mark.parametrize(
    ("recipe", "weights", "message"),
    [
        ("extended", {"joint": 1.0}, "'joint'.*Choose from.*'fused'"),
        ("extended", {"fused": -1.0}, "at least 0.*-1.0"),
        ("extended", {"fused": float("inf")}, "finite.*inf"),
        ("extended", {"fused": None}, "finite number.*None"),
        ("extendd", {}, "recipe='extendd'"),
    ],
)
def test_what_makes_no_sense_is_refused(recipe, weights, message):
    with pytest.raises(ValueError, match=message):
        weighed_losses(recipe, weights)
