"""Pairs without a label teach without being classified."""

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.metrics import MacroF1, macro_f1
from keras_dcat.transfer import LogitsDistillation
from tests.models import CLASSES, beliefs, branch, pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def half_labelled(rng, form):
    pair, labels = windows(rng)
    known = np.arange(len(labels)) % 2 == 0
    partly = np.where(known, labels, -1)
    if form == "one-hot":
        partly = np.eye(CLASSES, dtype="float32")[labels] * known[:, None]
    return pair, labels, partly, known


def evaluate(model, x, y, **options):
    size = len(y)
    return model.evaluate(x, y, batch_size=size, verbose=0, return_dict=True, **options)


@pytest.mark.each_value
@pytest.mark.parametrize("form", ["integers", "one-hot"])
@pytest.mark.parametrize("weigh", [False, True])
def test_classification_is_as_if_they_were_not_there(rng, form, weigh):
    pair, labels, partly, known = half_labelled(rng, form)
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="all")
    weights = rng.uniform(0.5, 2, len(labels)) if weigh else None
    options = {} if weights is None else {"sample_weight": weights}
    results = evaluate(model, pair, partly, **options)
    options = {} if weights is None else {"sample_weight": weights[known]}
    alone = tuple(x[known] for x in pair)
    expected = evaluate(model, alone, partly[known], **options)
    for name in ("classification_loss", "accuracy", "source_accuracy"):
        assert results[name] == pytest.approx(expected[name], rel=1e-5), name


@pytest.mark.parametrize("form", ["integers", "one-hot"])
def test_a_batch_of_few_labels_counts_for_as_many_as_it_has(rng, form):
    pair, _ = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(weighted_metrics=["accuracy", MacroF1(CLASSES)])
    predicted = model.predict(pair[1], verbose=0).argmax(axis=-1)
    labels = np.full(32, -1)
    labels[0] = predicted[0]  # of its batch the only one, and right
    labels[16:] = predicted[16:]
    labels[20:] = (labels[20:] + 1) % CLASSES  # 4 of 16 are right
    known = labels >= 0
    y = labels if form == "integers" else np.eye(CLASSES)[labels] * known[:, None]
    found = model.evaluate(pair, y, batch_size=16, verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx(5 / 17)
    assert found["macro_f1"] == pytest.approx(
        macro_f1(labels[known], np.eye(CLASSES)[predicted[known]], CLASSES)
    )
    assert found["labelled_share"] == pytest.approx(17 / 32)


def test_the_transfer_takes_all_of_them(rng):
    pair, labels, partly, known = half_labelled(rng, "integers")
    model = keras_dcat.DCATModel(*pair_of_branches(), "info_nce")
    results, expected = (evaluate(model, pair, y) for y in (partly, labels))
    assert results["info_nce_loss"] == pytest.approx(expected["info_nce_loss"])
    assert results["unmasked_share"] == 1


def test_a_gate_that_needs_labels_keeps_them_out(rng):
    pair, labels, partly, known = half_labelled(rng, "integers")
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="correct")
    right = np.argmax(model.sources[0].predict(pair[0], verbose=0), -1) == labels
    results = evaluate(model, pair, partly)
    assert results["unmasked_share"] == pytest.approx((right & known).mean())


@pytest.mark.parametrize("kind", ["arrays", "dataset"])
def test_without_any_label_only_the_source_teaches(rng, kind):
    pair, labels = windows(rng)
    options = beliefs(transfer_weight=1.0, gate="all")
    model = keras_dcat.DCATModel(*pair_of_branches(), **options)
    nothing = np.full(len(labels), -1)
    x, y, options = pair, nothing, {"batch_size": 8}
    if kind == "dataset":
        tf = pytest.importorskip("tensorflow")
        x, y, options = tf.data.Dataset.from_tensor_slices((pair, y)).batch(8), None, {}
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(x, y, epochs=4, verbose=0, **options).history
    assert history["classification_loss"] == [0, 0, 0, 0]
    assert (
        history["cross_attention_loss"][-1] < 0.9 * history["cross_attention_loss"][0]
    )
    assert all(np.isfinite(w).all() for w in model.target.get_weights())


def test_a_target_that_nobody_tells_of_classes_is_an_error(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    nothing = np.full(len(labels), -1)
    with pytest.raises(ValueError, match="windows without any label.*no_labels"):
        model.fit(pair, nothing, verbose=0)
    nothing[0] = 0
    model.fit(pair, nothing, verbose=0)


def regularized():
    target = branch(3, kernel_regularizer="l2")
    return branch(5, steps=12), target


def test_what_weights_cost_is_not_taken_for_a_label(rng):
    pair, labels = windows(rng)
    nothing = np.full(len(labels), -1)
    model = keras_dcat.DCATModel(
        *regularized(), transfer_weight=0.5, loss=LogitsDistillation()
    )
    # The guard has nothing to judge by; its warning would be an error here.
    history = model.fit(pair, nothing, verbose=0).history
    assert history["classification_loss"][0] > 0
    assert model.transfer_weight == 0.5
    with pytest.raises(ValueError, match="windows without any label"):
        keras_dcat.DCATModel(*regularized()).fit(pair, nothing, verbose=0)


def test_a_target_that_is_certain_and_right_has_seen_labels(rng):
    pair, _ = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    kernel, bias = model.target.layers[-1].get_weights()
    model.target.layers[-1].set_weights([0 * kernel, 99 * np.eye(CLASSES)[2]])
    history = model.fit(pair, np.full(32, 2), verbose=0).history
    assert history["classification_loss"] == [0]


def test_a_loss_that_weighs_nothing_tells_nobody_of_classes(rng):
    pair, labels = windows(rng)
    losses = [keras_dcat.MaskedCrossAttentionLoss(), LogitsDistillation()]
    model = keras_dcat.DCATModel(
        *pair_of_branches(), loss=losses, loss_weights=[1.0, 0.0]
    )
    assert model.transfer_losses == losses
    assert model.active_losses == losses[:1]
    with pytest.raises(ValueError, match="windows without any label"):
        model.fit(pair, np.full(len(labels), -1), verbose=0)
