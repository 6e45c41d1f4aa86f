import json

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import f1_score

import keras_dcat
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
    metrics.F1PerClass(NAMES, multi_label=True, from_logits=True),
]


@pytest.mark.parametrize("metric", MADE, ids=lambda metric: type(metric).__name__)
def test_a_metric_is_the_same_after_a_round_trip_through_json(rng, metric):
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(metric)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == metric.get_config()
    labels, scores = scored(rng)
    if getattr(metric, "multi_label", False):
        labels = one_hot(labels)
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


def of_one_sigmoid(rng, count=90):
    labels = rng.integers(-1, 2, count).astype("float32")
    labels[::9] = np.nan
    return labels, rng.random((count, 1)).astype("float32")


@pytest.mark.parametrize("from_logits", [False, True])
def test_one_sigmoid_has_two_classes(rng, from_logits):
    labels, probable = of_one_sigmoid(rng)
    known = labels >= 0
    classes, said = labels[known].astype(int), probable[known]
    given = np.log(probable / (1 - probable)) if from_logits else probable
    f1 = metrics.MacroF1(2, from_logits=from_logits)
    expected = f1_score(classes, said[:, 0] > 0.5, average="macro")
    assert float(in_batches(f1, labels, given)) == pytest.approx(expected, abs=1e-6)
    error = metrics.ExpectedCalibrationError(10, from_logits=from_logits)
    expected = metrics.expected_calibration_error(
        classes, np.concatenate([1 - said, said], axis=-1), bins=10
    )
    found = float(in_batches(error, labels, given))
    assert found == pytest.approx(expected, abs=1e-5)


def test_several_labels_are_averaged_as_scikit_learn_does(rng):
    labels = rng.integers(-1, 2, (90, 3)).astype("float32")
    labels[::9, 1] = np.nan
    probable = rng.random((90, 3)).astype("float32")
    expected = metrics.f1_per_class(labels, probable, 3, multi_label=True)
    macro = metrics.MacroF1(3, multi_label=True)
    found = float(in_batches(macro, labels, probable))
    assert found == pytest.approx(expected.mean(), abs=1e-6)
    each = metrics.F1PerClass("abc", multi_label=True)
    values = in_batches(each, labels, probable).values()
    np.testing.assert_allclose([*map(float, values)], expected, atol=1e-6)
    error = metrics.ExpectedCalibrationError(multi_label=True)
    found = float(in_batches(error, labels, probable))
    both = np.stack([1 - probable, probable], axis=-1)
    expected = metrics.expected_calibration_error(labels, both)
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("labels", [1, 3])
def test_a_transfer_shows_them_of_what_has_a_label(rng, labels):
    """A row of which one label is not known has no part in an F1 over labels."""

    def branch(channels):
        inputs = keras.Input((channels,))
        x = keras.layers.Dense(4, activation="relu")(inputs)
        return keras.Model(inputs, keras.layers.Dense(labels, "sigmoid")(x))

    model = keras_dcat.DCATModel(branch(5), branch(3), recipe="info_nce")
    several = {"multi_label": True} if labels > 1 else {}
    own = [
        metrics.MacroF1(max(labels, 2), **several),
        metrics.ExpectedCalibrationError(),
    ]
    model.compile("sgd", weighted_metrics=own)
    pair = tuple(rng.normal(size=(60, c)).astype("float32") for c in (5, 3))
    answers = rng.integers(0, 2, (60, labels)).astype("float32")
    answers[::7, 0] = -1
    found = model.evaluate(pair, answers, verbose=0, return_dict=True)
    said = model.predict(pair[1], verbose=0)
    whole = (answers >= 0).all(axis=-1)
    expected = f1_score(answers[whole], said[whole] > 0.5, average="macro")
    assert found["macro_f1"] == pytest.approx(expected, abs=1e-6)
    known = answers >= 0
    both = np.stack([1 - said, said], axis=-1)[known]
    expected = metrics.expected_calibration_error(answers[known].astype(int), both)
    assert found["calibration_error"] == pytest.approx(expected, abs=1e-5)
