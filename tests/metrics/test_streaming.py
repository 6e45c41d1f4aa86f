import json

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import f1_score

from keras_dcat import metrics

NAMES = ["sit", "stand", "walk", "run"]


def scored(rng, count=90):
    return rng.integers(0, 4, count), rng.random((count, 4)).astype("float32")


def in_batches(metric, labels, scores, weights=None):
    for rows in np.array_split(np.arange(len(labels)), 4):
        own = None if weights is None else weights[rows]
        metric.update_state(labels[rows], ops.convert_to_tensor(scores[rows]), own)
    return metric.result()


def one_hot(labels):
    return np.eye(4, dtype="float32")[labels] * (labels >= 0)[:, None]


FORMS = {
    "integers": lambda labels: labels,
    "a column": lambda labels: labels[:, None],
    "one-hot": one_hot,
}


@pytest.mark.parametrize("form", FORMS)
def test_macro_f1_over_batches_is_that_of_all_windows(rng, form):
    labels, scores = scored(rng)
    found = in_batches(metrics.MacroF1(4), FORMS[form](labels), scores)
    expected = f1_score(labels, scores.argmax(axis=1), average="macro")
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_macro_f1_is_not_the_mean_of_those_of_batches(rng):
    labels, scores = scored(rng)
    batches = np.array_split(np.arange(len(labels)), 4)
    means = [metrics.macro_f1(labels[rows], scores[rows], 4) for rows in batches]
    found = float(in_batches(metrics.MacroF1(4), labels, scores))
    assert abs(found - np.mean(means)) > 1e-4


@pytest.mark.parametrize("form", FORMS)
def test_windows_without_a_label_count_nowhere(rng, form):
    labels, scores = scored(rng)
    labels[::3] = -1
    known = labels >= 0
    for metric in (metrics.MacroF1(4), metrics.ExpectedCalibrationError()):
        all_of_them = float(in_batches(metric, FORMS[form](labels), scores))
        metric.reset_state()
        alone = float(in_batches(metric, labels[known], scores[known]))
        assert all_of_them == pytest.approx(alone, abs=1e-6)


def test_weights_count_as_scikit_learn_counts_them(rng):
    labels, scores = scored(rng)
    weights = rng.random(len(labels)).astype("float32")
    expected = f1_score(
        labels, scores.argmax(axis=1), average="macro", sample_weight=weights
    )
    found = in_batches(metrics.MacroF1(4), labels, scores, weights)
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_a_class_that_never_occurs_does_not_count():
    metric = metrics.MacroF1(3)
    metric.update_state([0, 1], ops.eye(3)[:2])
    assert float(metric.result()) == pytest.approx(1.0)
    assert float(metrics.MacroF1(3).result()) == 0.0  # of nothing


def test_f1_of_every_class_is_found_under_its_name(rng):
    labels, scores = scored(rng)
    found = in_batches(metrics.F1PerClass(NAMES), labels, scores)
    assert list(found) == [f"f1_{name}" for name in NAMES]
    np.testing.assert_allclose(
        [float(value) for value in found.values()],
        f1_score(labels, scores.argmax(axis=1), average=None),
        atol=1e-6,
    )


def test_calibration_error_over_batches_is_that_of_all_windows(rng):
    labels, scores = scored(rng, 300)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    expected = metrics.expected_calibration_error(labels, probabilities, bins=10)
    metric = metrics.ExpectedCalibrationError(bins=10)
    assert float(in_batches(metric, labels, probabilities)) == pytest.approx(
        expected, abs=1e-5
    )
    of_logits = metrics.ExpectedCalibrationError(bins=10, from_logits=True)
    assert float(in_batches(of_logits, labels, np.log(probabilities))) == pytest.approx(
        expected, abs=1e-5
    )


MADE = [
    metrics.MacroF1(4, name="f"),
    metrics.F1PerClass(NAMES),
    metrics.ExpectedCalibrationError(5, from_logits=True),
]


@pytest.mark.parametrize("metric", MADE, ids=lambda metric: type(metric).__name__)
def test_a_metric_is_the_same_after_a_round_trip_through_json(rng, metric):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == metric.get_config()
    labels, scores = scored(rng)
    metric.reset_state()
    for found, expected in zip(
        keras.tree.flatten(in_batches(again, labels, scores)),
        keras.tree.flatten(in_batches(metric, labels, scores)),
        strict=True,
    ):
        assert float(found) == float(expected)


def test_a_model_reports_them_in_its_history(rng):
    labels, inputs = rng.integers(0, 4, 64), rng.normal(size=(64, 8))
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "softmax")])
    own = [metrics.MacroF1(4), metrics.F1PerClass(NAMES)]
    model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=own)
    held_out = inputs[:32], labels[:32]
    history = model.fit(
        inputs, labels, validation_data=held_out, epochs=2, verbose=0
    ).history
    predicted = model.predict(held_out[0], verbose=0).argmax(axis=1)
    expected = f1_score(held_out[1], predicted, average=None, zero_division=np.nan)
    assert history["val_macro_f1"][-1] == pytest.approx(np.nanmean(expected), abs=1e-6)
    assert history["val_f1_walk"][-1] == pytest.approx(expected[2], abs=1e-6)
    assert len(history["macro_f1"]) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.MacroF1(1), "two classes.*Received: 1.*Count"),
        (lambda: metrics.F1PerClass(["a", "a"]), r"\['a', 'a'\].*in the order"),
    ],
)
def test_classes_that_cannot_be_told_apart_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_predictions_of_other_classes_are_refused():
    with pytest.raises(ValueError, match=r"\(batch, 3\).*\(2, 4\).*as many classes"):
        metrics.MacroF1(3).update_state([0, 1], ops.ones((2, 4)))
