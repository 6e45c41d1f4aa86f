import keras
import numpy as np
import pytest

from keras_dcat.transfer.gating.predictions import (
    checked_predictions,
    predicted_probabilities,
)
from tests.models import CLASSES, branch

ROWS = np.full((3, 4), 0.25)


@pytest.mark.parametrize("softmax", [True, False])
def test_probabilities_are_the_softmax_of_logits(rng, softmax):
    model = branch(3, softmax=softmax)
    windows = rng.normal(size=(5, 20, 3)).astype("float32")
    probabilities = predicted_probabilities(model, windows, batch_size=2)
    outputs = model.predict(windows, verbose=0).astype("float64")
    expected = outputs
    if not softmax:
        expected = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4)
    assert probabilities.shape == (5, CLASSES)


def test_a_classifier_of_huge_logits_is_certain():
    """`exp(1000)` is infinite."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    logits = np.array([[1000.0, 0.0, -1000.0], [-2000.0, -1000.0, -3000.0]])
    probabilities = predicted_probabilities(model, logits.astype("float32"))
    assert probabilities.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_one_window_of_two_classes_is_enough_and_may_be_certain():
    labels, probabilities = checked_predictions(np.array([1]), np.array([[0.0, 1.0]]))
    assert (labels.tolist(), probabilities.tolist()) == ([1], [[0.0, 1.0]])
    assert probabilities.dtype == "float32"


def test_labels_of_any_form_become_classes():
    one_hot = np.eye(4)[[0, 3, 1]]
    one_hot[2] = 0
    forms = [0, 3, -1], np.array([[0], [3], [-1]]), one_hot
    for form in forms:
        labels, _ = checked_predictions(np.asarray(form), keras.ops.array(ROWS))
        assert labels.tolist() == [0, 3, -1]


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        (np.zeros(3, int), np.zeros(3), r"shape \(3,\).*row for each window"),
        (np.zeros(0, int), np.zeros((0, 4)), r"shape \(0, 4\)"),
        (np.zeros(3, int), np.ones((3, 1)), r"two classes at least.*shape \(3, 1\)"),
        (np.zeros(3, int), ROWS * [[1], [0.9375], [1]], "sums from 0.9375 to 1.0"),
        (np.zeros(3, int), ROWS * 2, "sums from 2.0 to 2.0.*keras.ops.softmax"),
        (np.zeros(3, int), ROWS * np.nan, "from nan to nan.*keras.ops.softmax"),
        (np.zeros(3, int), ROWS - [[0.5, -0.5, 0, 0]], "from -0.25 to 0.75"),
        (np.zeros(2, int), ROWS, "2 labels and 3 rows.*same order"),
        (np.array([0, 1, 4]), ROWS, r"from 0 to 3.*\[4\].*Number the classes"),
        (np.array([0, 1, -2]), ROWS, r"\[-2\]"),
        (np.array([0, 1, 1.5]), ROWS, r"\[1.5\]"),
        (np.array(["sit", "fall", "sit"]), ROWS, r"\['sit'.*class_names.index"),
        (np.array([[1, 1, 0, 0]] * 3), ROWS, "must add up to 1"),
    ],
)
def test_what_are_no_predictions_is_refused(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        checked_predictions(labels, probabilities)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("units", [1, 3])
def test_a_sigmoid_says_no_and_yes(rng, units, from_logits):
    activation = None if from_logits else "sigmoid"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation)])
    inputs = rng.normal(size=(5, 4)).astype("float32")
    task = "binary" if units == 1 else "multilabel"
    found = predicted_probabilities(model, inputs, batch_size=2, task=task)
    yes = inputs.astype("float64") @ keras.ops.convert_to_numpy(model.layers[0].kernel)
    yes = 1 / (1 + np.exp(-yes))
    expected = np.stack([1 - yes, yes], axis=-1)
    assert found.dtype == "float32"
    np.testing.assert_allclose(
        found, expected[:, 0] if units == 1 else expected, rtol=1e-4
    )


def test_one_unit_of_unknown_meaning_and_a_value_are_refused():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="task='binary'"):
        predicted_probabilities(model, np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"are of classes.*1 value \(regression\)"):
        predicted_probabilities(model, np.zeros((2, 4)), task="regression")


def test_of_yes_and_no_nan_is_no_label():
    both = np.array([[0.5, 0.5]] * 3)
    labels, _ = checked_predictions(np.array([1.0, np.nan, -1.0]), both)
    assert labels.tolist() == [1, -1, -1]
    answers = np.array([[1.0, np.nan], [0, 1], [-1, 0]])
    labels, _ = checked_predictions(answers, np.full((3, 2, 2), 0.5))
    assert labels.tolist() == [[1, -1], [0, 1], [-1, 0]]
    with pytest.raises(ValueError, match=r"\(3, 2\) labels and \(3, 4\) rows"):
        checked_predictions(answers, np.full((3, 4, 2), 0.5))
    with pytest.raises(ValueError, match=r"yes or no must be 1 or 0.*\[-2.0, 2.0\]"):
        checked_predictions(answers * 2, np.full((3, 2, 2), 0.5))
