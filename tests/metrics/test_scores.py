import numpy as np
import pytest
from sklearn.metrics import f1_score

from keras_dcat import metrics


def test_f1_is_what_scikit_learn_computes(rng):
    labels, predictions = rng.integers(0, 5, (2, 400))
    np.testing.assert_allclose(
        metrics.f1_per_class(labels, predictions, 5),
        f1_score(labels, predictions, average=None),
    )
    assert metrics.macro_f1(labels, predictions, 5) == pytest.approx(
        f1_score(labels, predictions, average="macro")
    )


def test_scores_count_as_their_largest(rng):
    labels, scores = rng.integers(0, 5, 400), rng.normal(size=(400, 5))
    np.testing.assert_array_equal(
        metrics.f1_per_class(labels, scores, 5),
        metrics.f1_per_class(labels, scores.argmax(axis=1), 5),
    )


def test_a_class_that_never_occurs_has_no_f1_and_does_not_count():
    f1 = metrics.f1_per_class([0, 1], [0, 1], num_classes=3)
    np.testing.assert_array_equal(f1, [1.0, 1.0, np.nan])
    assert metrics.macro_f1([0, 1], [0, 1], num_classes=3) == 1.0


def test_a_class_that_is_missed_altogether_has_an_f1_of_zero():
    assert metrics.f1_per_class([0, 1], [0, 0], num_classes=2)[1] == 0.0


def test_counts_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"labels \(3,\), predictions \(2,\).*Predict"):
        metrics.f1_per_class([0, 1, 1], [0, 1], num_classes=2)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy(rng):
    confidence = np.repeat([0.55, 0.75, 0.95], 100)
    accuracy = {0.55: 0.5, 0.75: 0.9, 0.95: 0.95}
    right = np.concatenate([np.arange(100) < 100 * a for a in accuracy.values()])
    probabilities = np.stack([confidence, 1 - confidence], axis=-1)
    error = metrics.expected_calibration_error(1 - right.astype(int), probabilities)
    assert error == pytest.approx((0.05 + 0.15 + 0.0) / 3, abs=1e-6)


def test_windows_of_one_bin_are_averaged_before_they_are_compared():
    probabilities = np.array([[0.9, 0.1], [0.91, 0.09]])
    # Right once, at confidences that fall into one bin: |1 - 0.5| and not more.
    error = metrics.expected_calibration_error([0, 1], probabilities, bins=2)
    assert error == pytest.approx(abs(0.905 - 0.5))


def test_calibration_needs_probabilities_of_each_window():
    with pytest.raises(ValueError, match=r"labels \(2,\).*\(2,\).*belong to"):
        metrics.expected_calibration_error([0, 1], [0.5, 0.5])


def test_a_window_without_a_label_counts_nowhere():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    for predictions in (scores, scores.argmax(axis=-1)):
        f1 = metrics.f1_per_class([0, 1, -1], predictions, num_classes=2)
        np.testing.assert_array_equal(f1, [1.0, 1.0])
    error = metrics.expected_calibration_error([0, 1, -1], scores)
    assert error == pytest.approx((0.1 + 0.2) / 2)


@pytest.mark.parametrize("score", [metrics.f1_per_class, metrics.macro_f1])
@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        (["sit", "walk"], [0, 1], r"\['sit', 'walk'\].*class_names.index"),
        ([0.5, 1], [0, 1], r"Labels must be whole numbers from 0 to 1.*\[0.5\]"),
        ([0, 2], [0, 1], r"Labels must be whole numbers from 0 to 1.*\[2\]"),
        ([0, 1], [0, -1], r"Predictions must be classes.*from 0 to 1.*\[-1\].*Leave"),
        ([0, 1], [0, 2], r"Predictions must be classes.*\[2\]"),
        ([0, 1], ["sit", "walk"], r"Predictions must be classes.*\['sit', 'walk'\]"),
    ],
)
def test_what_is_no_class_is_refused(score, labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        score(labels, predictions, num_classes=2)


def test_a_column_of_classes_is_not_taken_for_scores():
    column = np.array([[0], [1], [1]])
    assert metrics.macro_f1(column, column, num_classes=2) == 1.0


def test_calibration_of_labels_in_words_is_refused():
    with pytest.raises(ValueError, match="class_names.index"):
        metrics.expected_calibration_error(["sit"], [[0.5, 0.5]])


def answered(rng, count=200, labels=3):
    """Labels of yes and no of which some are not known, and how probable yes is."""
    answers = rng.integers(0, 2, (count, labels)).astype("float64")
    answers[rng.random(answers.shape) < 0.2] = np.nan
    return answers, rng.random((count, labels))


@pytest.mark.parametrize("form", ["of yes", "of both", "answers"])
def test_f1_of_labels_is_what_scikit_learn_computes_of_those_that_are_known(rng, form):
    answers, probable = answered(rng)
    expected = []
    for own, said in zip(answers.T, probable.T > 0.5, strict=True):
        known = ~np.isnan(own)
        expected.append(f1_score(own[known], said[known]))
    given = {
        "of yes": probable,
        "of both": np.stack([1 - probable, probable], axis=-1),
        "answers": (probable > 0.5).astype(int),
    }[form]
    f1 = metrics.f1_per_class(answers, given, 3, multi_label=True)
    np.testing.assert_allclose(f1, expected)
    unknown = np.where(np.isnan(answers), -1, answers).astype(int)
    found = metrics.macro_f1(unknown, given, 3, multi_label=True)
    assert found == pytest.approx(np.mean(expected))


def test_macro_f1_of_labels_is_that_of_scikit_learn_for_several_labels(rng):
    answers = rng.integers(0, 2, (100, 4))
    said = rng.integers(0, 2, (100, 4))
    found = metrics.macro_f1(answers, said, 4, multi_label=True)
    assert found == pytest.approx(f1_score(answers, said, average="macro"))


def test_one_sigmoid_is_the_probability_of_the_second_class(rng):
    labels, probable = rng.integers(0, 2, 100), rng.random((100, 1))
    expected = f1_score(labels, probable[:, 0] > 0.5, average=None)
    np.testing.assert_allclose(metrics.f1_per_class(labels, probable, 2), expected)
    with pytest.raises(ValueError, match="Predictions must be classes"):
        metrics.f1_per_class(labels, probable, 3)


def test_calibration_counts_every_entry_of_several_labels(rng):
    answers, probable = answered(rng)
    both = np.stack([1 - probable, probable], axis=-1)
    known = ~np.isnan(answers)
    expected = metrics.expected_calibration_error(
        answers[known].astype(int), both[known]
    )
    found = metrics.expected_calibration_error(answers, both)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([[0, 2]], [[0.1, 0.2]], r"yes or no must be 1 or 0.*\[2\]"),
        ([[0, 1]], [[0.1, 2.0]], r"must be probabilities.*keras.ops.sigmoid"),
        ([[0, 1]], [[0.1, 0.2, 0.3]], r"labels \(1, 2\), predictions \(1, 3\)"),
        ([0, 1], [[0.1, 0.2]], r"labels \(2,\), predictions \(1, 2\)"),
    ],
)
def test_what_are_no_answers_is_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        metrics.macro_f1(labels, predictions, 2, multi_label=True)
