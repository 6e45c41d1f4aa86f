"""Pairs without a label teach without being classified."""

import keras
import numpy as np
import pytest

import keras_dcat
from tests.models import CLASSES, beliefs, pair_of_branches, windows

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


@pytest.mark.parametrize("form", ["integers", "one-hot"])
@pytest.mark.parametrize("weigh", [False, True])
def test_classification_is_as_if_they_were_not_there(rng, form, weigh):
    pair, labels, partly, known = half_labelled(rng, form)
    model = keras_dcat.DCATModel(*pair_of_branches(), gate=None)
    weights = rng.uniform(0.5, 2, len(labels)) if weigh else None
    options = {} if weights is None else {"sample_weight": weights}
    results = evaluate(model, pair, partly, **options)
    options = {} if weights is None else {"sample_weight": weights[known]}
    alone = tuple(x[known] for x in pair)
    expected = evaluate(model, alone, partly[known], **options)
    for name in ("classification_loss", "accuracy", "source_accuracy"):
        assert results[name] == pytest.approx(expected[name], rel=1e-5), name


def test_the_transfer_takes_all_of_them(rng):
    pair, labels, partly, known = half_labelled(rng, "integers")
    model = keras_dcat.DCATModel(*pair_of_branches())
    results, expected = (evaluate(model, pair, y) for y in (partly, labels))
    assert results["contrast_loss"] == pytest.approx(expected["contrast_loss"])
    assert results["unmasked_share"] == 1


def test_a_gate_that_needs_labels_keeps_them_out(rng):
    pair, labels, partly, known = half_labelled(rng, "integers")
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="correct")
    right = np.argmax(model.source.predict(pair[0], verbose=0), -1) == labels
    results = evaluate(model, pair, partly)
    assert results["unmasked_share"] == pytest.approx((right & known).mean())


@pytest.mark.parametrize("kind", ["arrays", "dataset"])
def test_without_any_label_only_the_source_teaches(rng, kind):
    pair, labels = windows(rng)
    options = beliefs(transfer_weight=1.0, gate=None)
    model = keras_dcat.DCATModel(*pair_of_branches(), **options)
    nothing = np.full(len(labels), -1)
    x, y, options = pair, nothing, {"batch_size": 8}
    if kind == "dataset":
        tf = pytest.importorskip("tensorflow")
        x, y, options = tf.data.Dataset.from_tensor_slices((pair, y)).batch(8), None, {}
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(x, y, epochs=4, verbose=0, **options).history
    assert history["classification_loss"] == [0, 0, 0, 0]
    assert history["alignment_loss"][-1] < 0.9 * history["alignment_loss"][0]
    assert all(np.isfinite(w).all() for w in model.target.get_weights())


def test_a_target_that_nobody_tells_of_classes_is_an_error(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    nothing = np.full(len(labels), -1)
    with pytest.raises(ValueError, match=r"windows without any label.*loss=\[Feature"):
        model.fit(pair, nothing, verbose=0)
    nothing[0] = 0
    model.fit(pair, nothing, verbose=0)
