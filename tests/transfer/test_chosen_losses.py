"""What models cannot be compared by is left out of a recipe, or refused by name."""

import logging

import keras
import numpy as np
import pytest
from keras import layers

import keras_dcat
from keras_dcat.transfer import (
    AgreementPseudoLabels,
    FeatureInfoNCE,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
)
from tests.models import CLASSES, branch, pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def plain(features, steps, *head):
    """A model without an `AttentionKV`, which ends in features or in a head."""
    inputs = keras.Input((steps, features))
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(8, 3)(inputs))
    for layer in head:
        x = layer(x)
    return keras.Model(inputs, x)


def classifier(features, steps):
    return plain(features, steps, layers.Dense(CLASSES))


def two_attentions(features, steps):
    inputs = keras.Input((steps, features))
    x = keras_dcat.AttentionKV(6, name="early")(inputs)
    x = keras_dcat.AttentionKV(6, name="late")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(CLASSES)(x))


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO, logger="keras_dcat")
    return lambda: [record.getMessage() for record in caplog.records]


def trains(rng, model, sources=1):
    pair, labels = windows(rng)
    x = ([pair[0]] * sources if sources > 1 else pair[0], pair[1])
    history = model.fit(x, labels, batch_size=16, verbose=0).history
    found = {n: v for n, v in history.items() if not n.startswith("source_")}
    assert all(np.isfinite(values).all() for values in found.values())
    assert set(model.terms) <= set(history)
    return history


def test_nothing_is_said_where_nothing_is_left_out(said):
    keras_dcat.DCATModel(*pair_of_branches())
    assert said() == []


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        (lambda: classifier(5, 12), lambda: branch(3), "has no `AttentionKV`"),
        (lambda: branch(5, 12), lambda: classifier(3, 20), "has no `AttentionKV`"),
        (lambda: branch(5, 12, key_dim=7), lambda: branch(3), "'key_dim': 7"),
        (lambda: two_attentions(5, 12), lambda: branch(3), r"['early', 'late']"),
    ],
    ids=["no attention in the source", "nor the target", "other sizes", "several"],
)
def test_attentions_that_cannot_be_compared_are_left_out_in_one_line(
    rng, said, source, target, why
):
    model = keras_dcat.DCATModel(source(), target())
    (line,) = said()
    assert line.startswith("Recipe 'extended' leaves out cross_attention_loss (")
    assert why in line
    assert "\n" not in line
    assert list(model.terms) == ["info_nce_loss", "agreement_loss", "fused_loss"]
    trains(rng, model)


def test_sizes_that_are_adapted_are_compared(rng, said):
    source, target = branch(5, 12, key_dim=7), branch(3)
    model = keras_dcat.DCATModel(source, target, adapt_sizes=True)
    assert said() == []
    assert "cross_attention_loss" in model.terms
    trains(rng, model)


@pytest.mark.parametrize("options", [{"recipe": "paper"}, {"loss": "own"}])
def test_what_is_asked_for_by_name_is_never_left_out(said, options):
    if options.get("loss"):
        options = {"loss": [FeatureInfoNCE(), MaskedCrossAttentionLoss()]}
    with pytest.raises(
        ValueError, match=r"has no `AttentionKV`\. Put an `AttentionKV`"
    ):
        keras_dcat.DCATModel(classifier(5, 12), branch(3), **options)
    assert said() == []


def test_a_layer_that_is_named_and_not_there_is_refused_under_a_recipe():
    with pytest.raises(ValueError, match=r"is named 'lat'.*Pass one of these names"):
        keras_dcat.DCATModel(two_attentions(5, 12), branch(3), source_attention="lat")
    model = keras_dcat.DCATModel(
        two_attentions(5, 12), branch(3), source_attention="late"
    )
    assert "cross_attention_loss" in model.terms


def test_an_encoder_teaches_by_contrast_and_the_log_says_what_is_left_out(rng, said):
    encoder = plain(5, 12)
    model = keras_dcat.DCATModel(encoder, branch(3), source_output="features")
    (line,) = said()
    assert line.startswith("Recipe 'extended' leaves out agreement_loss (")
    assert "fused_loss" in line
    assert "cross_attention_loss" in line
    assert list(model.terms) == ["info_nce_loss"]
    history = trains(rng, model)
    assert np.isnan(history["source_accuracy"][0])
    assert history["unmasked_share"] == [1.0]


def test_sources_of_both_kinds_teach_together(rng):
    sources = [plain(5, 12), branch(5, 12)]
    model = keras_dcat.DCATModel(
        sources, branch(3), source_output=["features", "predictions"]
    )
    assert {"info_nce_loss", "agreement_loss", "fused_loss"} <= set(model.terms)
    pair, labels = windows(rng)
    x = [pair[0], pair[0]], pair[1]
    found = model.evaluate(x, labels, verbose=0, return_dict=True)
    right = sources[1].predict(pair[0], verbose=0).argmax(axis=-1) == labels
    assert found["source_accuracy_1"] == pytest.approx(right.mean())
    alone = keras_dcat.DCATModel(sources[1], model.target, "extended")
    expected = alone.evaluate(pair, labels, verbose=0, return_dict=True)
    # One of the two has nothing to say of classes, and takes nothing from the other.
    for name in ("agreement_loss", "fused_loss"):
        assert found[name] == pytest.approx(expected[name], rel=1e-4)
    trains(rng, model, sources=2)


@pytest.mark.parametrize("loss", [LogitsDistillation, AgreementPseudoLabels])
def test_a_loss_of_beliefs_needs_a_source_that_predicts(loss):
    with pytest.raises(
        ValueError, match=r"output are features\..*\[FeatureInfoNCE\(\)\]"
    ):
        keras_dcat.DCATModel(
            plain(5, 12), branch(3), source_output="features", loss=loss()
        )
    keras_dcat.DCATModel(
        plain(5, 12), branch(3), source_output="features", loss=[FeatureInfoNCE()]
    )


def test_a_gate_needs_a_source_that_predicts():
    options = {"source_output": "features", "loss": FeatureInfoNCE()}
    with pytest.raises(ValueError, match=r"behind a gate.*gate='all'"):
        keras_dcat.DCATModel(plain(5, 12), branch(3), gate="soft", **options)
    keras_dcat.DCATModel(plain(5, 12), branch(3), gate="all", **options)


def test_an_encoder_is_combined_with_others_as_a_mean_only():
    options = {"source_output": ["features", "predictions"], "combination": "best"}
    with pytest.raises(ValueError, match=r"gives features.*Choose 'mean'"):
        keras_dcat.DCATModel([plain(5, 12), branch(5, 12)], branch(3), **options)


def test_an_encoder_is_saved_and_loaded_and_cached(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(plain(5, 12), branch(3), source_output="features")
    model.fit(pair, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected = model.evaluate(pair, labels, verbose=0, return_dict=True)
    for each, x in (
        (loaded, pair),
        (model, model.cache_source(pair, verbose=0)),
    ):
        found = each.evaluate(x, labels, verbose=0, return_dict=True)
        assert found == pytest.approx(expected, rel=1e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate": ["all", "all"]}, r"2 gates for 4 losses\. Leave it out"),
        ({"gate": "often"}, r"gate='often'. Use 'correct'"),
        ({"loss": []}, r"`loss` must be a transfer loss"),
        ({"loss_weights": [1, 2, 3, float("inf")]}, "finite"),
    ],
)
def test_gates_losses_and_weights_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        keras_dcat.DCATModel(*pair_of_branches(), **options)


def test_a_gate_may_be_given_for_each_loss():
    losses = [FeatureInfoNCE(), MaskedCrossAttentionLoss()]
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=losses, gate=["soft", None])
    soft, usual = (term.gate for term in model.terms.values())
    assert soft is keras_dcat.transfer.source_confidence
    assert usual is keras_dcat.transfer.source_correct


def test_a_recipe_and_losses_of_ones_own_are_not_both_taken():
    loss = keras_dcat.MaskedCrossAttentionLoss()
    with pytest.raises(ValueError, match="both, recipe='paper'.*Leave one of them out"):
        keras_dcat.DCATModel(*pair_of_branches(), "paper", loss=loss)
    with pytest.raises(ValueError, match="recipe=0.5.*Choose from"):
        keras_dcat.DCATModel(*pair_of_branches(), 0.5, loss=loss)
