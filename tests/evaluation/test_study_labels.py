import keras
import numpy as np
import pytest
from keras import layers

from keras_dcat.evaluation import (
    DCAT,
    RIVALS,
    Alone,
    OutOfFoldMask,
    compare,
    foresight,
    write_report,
)
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.evaluation.study_labels import (
    answers,
    check_head,
    check_labels,
    second_of_two,
)
from keras_dcat.metrics import expected_calibration_error, macro_f1
from tests.evaluation.studies import (
    LABELS,
    PAIR,
    of_sigmoids,
    study,
    windows,
)

tf = pytest.importorskip("tensorflow")
METHODS = {"alone": Alone(), "D-CAT": DCAT(guarded=False)}


def test_a_row_says_which_labels_hold_of_a_class_and_the_last_that_none_is_known():
    rows = answers({"a": [0, 1, 1], "b": [1, 0, 1]})
    assert rows[[0, 1, 2, -1]].tolist() == [[0, 1], [1, 0], [1, 1], [-1, -1]]
    index = windows().without_labels(np.arange(54) < 3)
    found = of_sigmoids(LABELS, index)
    train, _ = found.splits["official"]
    targets = found.targets(train)
    assert targets[:3].tolist() == [[-1, -1]] * 3
    for row, number in zip(targets[3:], train.labels[3:], strict=True):
        assert row.tolist() == [each[number] for each in LABELS.values()]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"a": [0, 1], "b": [0, 1, 1]}, r"'a': \[0, 1\] for 3 classes.*in their order"),
        ({"a": [0, 1, 2], "b": [0, 1, 1]}, r"by 0 or 1.*'a': \[0, 1, 2\]"),
        ({"a": [0, 1, 1]}, r"two or more.*\['a'\].*Leave them out"),
    ],
)
def test_labels_that_do_not_say_it_of_each_class_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        check_labels(labels, 3)
    with pytest.raises(ValueError, match=message):
        study(labels=labels)


def ending(units, activation=None):
    return keras.Sequential([keras.Input((4,)), layers.Dense(units, activation)])


@pytest.mark.parametrize(
    ("model", "classes", "labels"),
    [
        ((3,), 3, 0),
        ((3, "softmax"), 3, 0),
        ((2, "softmax"), 2, 0),
        ((1, "sigmoid"), 2, 0),
        ((4, "sigmoid"), 3, 4),
    ],
)
def test_models_that_predict_what_is_asked_are_taken(model, classes, labels):
    check_head(ending(*model), classes, labels)


@pytest.mark.parametrize(
    ("model", "classes", "labels", "message"),
    [
        ((4,), 3, 0, "3 units, one for each class.*4 classes"),
        ((3, "sigmoid"), 3, 0, "3 labels .*say `labels` of the study"),
        ((1, "sigmoid"), 3, 0, "one label"),
        ((1,), 2, 0, r"or in one sigmoid.*without an activation.*'sigmoid'\)"),
        ((3,), 3, 3, "3 sigmoids.*without an activation"),
        ((2, "sigmoid"), 3, 3, "3 sigmoids.*2 labels"),
    ],
)
def test_others_are_refused_before_they_are_trained(model, classes, labels, message):
    with pytest.raises(ValueError, match=f"The models of this study.*{message}"):
        check_head(ending(*model), classes, labels)


def test_one_sigmoid_is_told_the_second_of_two_classes():
    rows = tf.constant([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    inputs, labels = second_of_two("x", rows)
    assert inputs == "x"
    assert labels.numpy().tolist() == [[0], [1], [-1]]


def test_one_sigmoid_is_trained_as_a_softmax_of_two_classes_is():
    """A logit is the difference of two: the loss, smoothed alike, is the same."""
    labels = np.array([0, 1, 1, 0])
    inputs = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    losses = []
    for units, activation in ((1, "sigmoid"), (2, "softmax")):
        inside = keras.Input((3,))
        kernel = np.zeros((3, units))
        kernel[:, -1] = [1.0, -2.0, 0.5]
        layer = layers.Dense(units, activation)
        model = keras.Model(inside, layer(inside))
        layer.kernel.assign(kernel)
        data = tf.data.Dataset.from_tensor_slices((inputs, np.eye(2)[labels])).batch(4)
        losses.append(of_sigmoids().training.fit(model, data)[0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("labels", [None, LABELS], ids=["one", "several"])
def test_methods_are_compared_by_what_sigmoids_predict(labels, tmp_path):
    found = of_sigmoids(labels)
    results = compare(found, [PAIR], METHODS, range(2), tmp_path, verbose=0)
    names = tuple(LABELS) if labels else ("wave", "other")
    assert results.class_names == names
    _, test = found.splits["official"]
    several = bool(labels)
    for run in results.runs.values():
        shape = (len(test), 2, 2) if several else (len(test), 2)
        assert run.probabilities.shape == shape
        np.testing.assert_allclose(run.probabilities.sum(axis=-1), 1, rtol=1e-5)
        np.testing.assert_array_equal(run.labels, found.targets(test))
        predicted = run.probabilities.argmax(axis=-1)
        assert run.accuracy == np.mean(predicted == run.labels)
        f1 = macro_f1(run.labels, predicted, 2, multi_label=several)
        assert run.macro_f1 == pytest.approx(f1)
        error = expected_calibration_error(run.labels, run.probabilities)
        assert run.calibration_error == error
    again = compare(found, [PAIR], METHODS, range(2), tmp_path, verbose=0)
    assert again.table(PAIR) == results.table(PAIR)
    scores = [run.macro_f1 for runs in results.of(PAIR, "alone") for run in runs]
    assert results.score(PAIR, "alone").mean == pytest.approx(np.mean(scores))
    twice = results.score([PAIR, PAIR], "alone")
    assert twice.mean == pytest.approx(np.mean(scores))
    counts = results.confusion(PAIR, "alone")
    assert counts.sum() == pytest.approx(len(test) * (2 if several else 1))
    assert np.trace(counts, axis1=-2, axis2=-1).sum() / counts.sum() == pytest.approx(
        np.mean([run.accuracy for runs in results.of(PAIR, "alone") for run in runs])
    )
    write_report(tmp_path / "report.html", {"sigmoids": results})
    page = (tmp_path / "report.html").read_text()
    assert ("which class is taken for which" in page) != several
    assert f"F1 {names[1]}" in (tmp_path / "report.csv").read_text()


@pytest.mark.each_value
@pytest.mark.parametrize("labels", [None, LABELS], ids=["one", "several"])
@pytest.mark.parametrize(
    "method",
    [
        RIVALS["feature distillation"],
        OutOfFoldMask(gate="all", guarded=False),
        DCAT(recipe="distillation", guarded=False),
        DCAT(recipe="no_labels", target_labels=False, guarded=False),
    ],
    ids=lambda method: type(method).__name__,
)
def test_other_methods_train_sigmoids_too(labels, method):
    found = of_sigmoids(labels)
    repetition = Repetition(found, "official", 0)
    alone, _ = repetition.unimodal(PAIR[1])
    alone = repetition.predict(alone, PAIR[1])
    probabilities, losses, *_ = method.run(repetition, PAIR[:1], PAIR[1])
    assert probabilities.shape == (len(repetition.test), *found.belief_shape)
    assert np.isfinite(losses).all()
    assert np.abs(probabilities - alone).max() > 1e-5  # more than rounding, of one step


def test_windows_without_a_label_teach_several_sigmoids():
    index = windows()
    found = of_sigmoids(LABELS, index.without_labels(index.subjects == "p0"))
    method = DCAT(guarded=False)
    repetition = Repetition(found, "official", 0)
    probabilities, losses, *_ = method.run(repetition, PAIR[:1], PAIR[1])
    assert np.isfinite(probabilities).all()
    assert np.isfinite(losses).all()


def test_a_study_of_other_labels_is_another_study():
    one, two = of_sigmoids(LABELS), of_sigmoids({**LABELS, "claps": (0, 0, 1)})
    prints = [each.fingerprint("official", PAIR, {}) for each in (one, two)]
    assert prints[0] != prints[1]


def test_several_labels_are_diagnosed_as_they_are_compared():
    found = of_sigmoids(LABELS, windows(repetitions=4))
    results = compare(found, [PAIR], METHODS, [0], verbose=0)
    (verdict,) = foresight(found, results, "D-CAT", verbose=0).verdicts[PAIR]
    assert verdict in ("help", "neutral", "harm")
