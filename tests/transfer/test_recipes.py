import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer.gating.gates import (
    all_teach,
    source_confidence,
    source_correct,
)
from keras_dcat.transfer.recipes import DEFAULT, RECIPES, named
from tests import references
from tests.models import CLASSES, branch, pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_builds_and_trains_as_it_says(rng, name):
    pair, labels = windows(rng)
    recipe = RECIPES[name]
    model = keras_dcat.DCATModel(*pair_of_branches(), name)
    assert model.transfer_weight == pytest.approx(recipe.transfer_weight)
    assert [term.weight for term in model.terms.values()] == list(
        recipe.losses.values()
    )
    before = model.target.get_weights()
    shown = model.train_on_batch(pair, labels, return_dict=True)
    transfer = sum(t.weight * shown[name] for name, t in model.terms.items())
    expected = shown["classification_loss"] + recipe.transfer_weight * transfer
    assert shown["loss"] == pytest.approx(expected, rel=1e-5)
    assert not all(map(np.array_equal, before, model.target.get_weights()))


def test_the_paper_is_the_printed_formula_and_mask(rng):
    pair, labels = windows(rng)
    source, target = pair_of_branches()
    believes = keras.ops.convert_to_numpy(source(pair[0])).argmax(axis=-1)
    labels[::2] = believes[::2]  # right on half of them, at least
    labels[1] = (believes[1] + 1) % CLASSES
    labels[::4] = -1
    model = keras_dcat.DCATModel(source, target, "paper")
    outputs = model({"source": pair[0], "target": pair[1]}, training=False)
    believed, ((source, target),), *_ = keras.tree.map_structure(
        keras.ops.convert_to_numpy, outputs.sources[0]
    )
    mask = believed.argmax(axis=-1) == labels
    assert 0 < mask.sum() < (labels >= 0).sum()
    distances = references.loss(source, target, "none")
    found = model.evaluate(pair, labels, batch_size=32, verbose=0, return_dict=True)
    assert list(model.terms) == ["cross_attention_loss"]
    alignment = (distances * mask).mean()
    assert found["cross_attention_loss"] == pytest.approx(alignment, rel=1e-4)
    expected = found["classification_loss"] + 0.01 * alignment
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_default_extends_the_paper():
    assert DEFAULT == "extended"
    model = keras_dcat.DCATModel(*pair_of_branches())
    gates_of = {name: term.gate for name, term in model.terms.items()}
    assert gates_of == {
        "info_nce_loss": all_teach,
        "agreement_loss": all_teach,
        "fused_loss": all_teach,
        "cross_attention_loss": source_correct,
    }


def test_a_gate_or_weights_of_ones_own_take_the_place_of_the_recipes():
    model = keras_dcat.DCATModel(
        *pair_of_branches(), gate="all", loss_weights=[1.0, 2.0, 3.0, 4.0]
    )
    assert {term.gate for term in model.terms.values()} == {all_teach}
    assert [term.weight for term in model.terms.values()] == [1.0, 2.0, 3.0, 4.0]
    model = keras_dcat.DCATModel(*pair_of_branches(), "no_labels")
    assert {term.gate for term in model.terms.values()} == {source_confidence}


@pytest.mark.traced
def test_a_target_without_any_label_learns_classes_by_its_recipe(rng):
    classes = np.arange(64) % CLASSES
    seen = rng.normal(size=(64, 12, CLASSES)) / 9 + np.eye(CLASSES)[classes][:, None]
    moved = rng.normal(size=(64, 20, 3)) / 9 + np.eye(CLASSES, 3)[classes][:, None]
    source = keras.Sequential(
        [
            keras.Input((12, CLASSES)),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(CLASSES),
        ]
    )
    source.layers[-1].set_weights([9 * np.eye(CLASSES), np.zeros(CLASSES)])
    target = branch(3)
    model = keras_dcat.DCATModel(source, target, "no_labels", transfer_weight=1.0)
    model.compile(keras.optimizers.Adam(1e-2))
    options = {"epochs": 60, "batch_size": 32, "verbose": 0}
    history = model.fit((seen, moved), np.full(64, -1), **options).history
    assert history["classification_loss"][0] == 0
    assert history["distillation_loss"][-1] < history["distillation_loss"][0]
    said = target.predict(moved, verbose=0).argmax(axis=-1)
    assert (said == classes).mean() > 0.6  # by guessing 0.25


def test_a_name_that_is_no_recipe_is_refused_with_those_there_are():
    for ask in (named, lambda name: keras_dcat.DCATModel(*pair_of_branches(), name)):
        with pytest.raises(ValueError, match=r"recipe='D-CAT'. Choose from .*'paper'"):
            ask("D-CAT")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_what_it_is(name):
    recipe = RECIPES[name]
    assert recipe.about.endswith(".")
    names = [make().name for make in recipe.losses]
    assert len(set(names)) == len(names)
