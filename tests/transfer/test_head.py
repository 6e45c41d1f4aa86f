import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.head import TASKS, Head, described, overlaps, whole_or_none

NOT = float("nan")


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


HEADS = [
    Head("multiclass", 4),
    Head("multiclass", 4, steps=5),
    Head("binary", 1),
    Head("binary", 1, steps=5),
    Head("multilabel", 3),
    Head("multilabel", 3, steps=5),
]


@pytest.mark.parametrize("head", HEADS, ids=described)
@pytest.mark.parametrize("from_logits", [True, False])
def test_rows_are_the_log_probabilities_of_each_decision(rng, head, from_logits):
    logits = rng.normal(size=(2, *head.output_shape))
    if head.task == "multiclass":
        exponents = np.exp(logits)
        probabilities = exponents / exponents.sum(axis=-1, keepdims=True)
        expected = np.log(probabilities).reshape(-1, head.size)
    else:
        probabilities = 1 / (1 + np.exp(-logits))
        expected = np.log(np.stack([1 - probabilities, probabilities], axis=-1))
        expected = expected.reshape(-1, 2)
    own = Head(head.task, head.size, head.steps, from_logits)
    shown = (logits if from_logits else probabilities).astype("float32")
    found = own.log_probabilities(ops.convert_to_tensor(shown))
    assert tuple(found.shape) == (2, *own.belief_shape)
    rows = numpy(own.rows(found))
    assert rows.shape == (2 * own.decisions, own.num_classes)
    np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-6)


def test_a_sigmoid_that_is_certain_stays_finite():
    logits = ops.array([[200.0], [-200.0]])
    found = numpy(Head("binary", 1).log_probabilities(logits))
    np.testing.assert_allclose(found, [[-200, 0], [0, -200]])
    sure = Head("binary", 1, from_logits=False).log_probabilities(ops.array([[1.0]]))
    assert np.isfinite(numpy(sure)).all()


@pytest.mark.parametrize(
    ("head", "labels", "expected"),
    [
        (Head("multiclass", 3), [2, -1], [2, -1]),
        (Head("multiclass", 3), [[2], [-1]], [2, -1]),
        (Head("multiclass", 2), [[0, 1], [0, 0]], [1, -1]),
        (Head("multiclass", 3, 2), [[2, -1], [0, 1]], [2, -1, 0, 1]),
        (Head("multiclass", 2, 2), [[[0, 1], [0, 0]], [[1, 0]] * 2], [1, -1, 0, 0]),
        (Head("multiclass", 2, 2), [[1, 0], [-1, 1]], [1, 0, -1, 1]),
        (Head("binary", 1), [1.0, 0.0, -1.0, NOT], [1, 0, -1, -1]),
        (Head("binary", 1), [[1], [0]], [1, 0]),
        (Head("binary", 1, 2), [[1.0, NOT], [0, -1]], [1, -1, 0, -1]),
        (Head("multilabel", 2), [[1.0, NOT], [0, -1]], [1, -1, 0, -1]),
        (Head("multilabel", 2), [[0, 0], [0, 1]], [0, 0, 0, 1]),
    ],
)
def test_the_class_of_each_decision_and_minus_one_where_there_is_none(
    head, labels, expected
):
    labels = np.array(labels)
    kind = "int32" if labels.dtype.kind == "i" else "float32"
    labels = ops.convert_to_tensor(labels.astype(kind))
    assert tuple(labels.shape)[1:] in head.label_shapes
    assert numpy(head.classes_of_rows(labels)).tolist() == expected
    known = [value >= 0 for value in expected]
    assert numpy(head.is_labelled(labels)).tolist() == known


def test_a_window_of_a_regression_is_labelled_if_one_value_is_known():
    head = Head("regression", 2, from_logits=False)
    labels = ops.array([[1.0, NOT], [NOT, NOT], [0.0, -1.0]])
    assert numpy(head.is_labelled(labels)).tolist() == [True, False, True]
    assert not head.has_beliefs
    assert head.num_classes is None


def test_numbers_of_windows_and_of_decisions_are_told_each_other():
    head = Head("multilabel", 2, steps=3)
    assert head.decisions == 6
    rows = head.of_rows(ops.array([1.0, 0.5]))
    assert numpy(rows).tolist() == [1.0] * 6 + [0.5] * 6
    shares = ops.array([1.0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0])
    np.testing.assert_allclose(numpy(head.of_windows(shares)), [1 / 6, 0.5])


def test_weights_are_of_windows_or_of_steps():
    head = Head("multilabel", 2, steps=3)
    of_windows = numpy(head.weights_of_rows(ops.array([2.0, 3.0])))
    assert of_windows.tolist() == [2.0] * 6 + [3.0] * 6
    of_steps = numpy(head.weights_of_rows(ops.array([[1.0, 2.0, 3.0]])))
    assert of_steps.tolist() == [1, 1, 2, 2, 3, 3]
    plain = Head("multiclass", 4)
    assert numpy(plain.weights_of_rows(ops.array([[2.0], [3.0]]))).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("head", "labels", "weights"),
    [
        (Head("multiclass", 3), [2, -1], [1, 0]),
        (Head("multiclass", 3, 2), [[2, -1], [0, 1]], [1, 0, 1, 1]),
        (Head("binary", 1), [1.0, NOT], [1, 0]),
        (Head("multilabel", 2), [[1.0, NOT], [0, -1]], [1, 0, 1, 0]),
        (Head("regression", 2), [[1.0, NOT], [-3, 0]], [1, 0, 1, 1]),
        (Head("regression", 1), [-1.0, NOT], [1, 0]),
    ],
)
def test_what_has_no_label_weighs_nothing_and_looks_known(head, labels, weights):
    labels = ops.convert_to_tensor(np.array(labels, "float32"))
    if head.task == "multiclass":
        labels = ops.cast(labels, "int32")
    prediction = ops.ones((2, *head.output_shape))
    known, predicted, found = head.supervised(labels, prediction, None)
    assert numpy(found).tolist() == weights
    assert np.isfinite(numpy(known)).all()
    assert len(known) == len(predicted) == len(found)
    _, _, weighed = head.supervised(labels, prediction, ops.array([2.0, 10.0]))
    own = np.repeat([2.0, 10.0], len(weights) // 2)
    np.testing.assert_allclose(numpy(weighed), np.multiply(weights, own))
    mean = numpy(head.mean_over_labelled(found, labels)).mean()
    assert mean == pytest.approx(1.0)


@pytest.mark.parametrize(("own", "other"), [(2, 3), (3, 2), (12, 20), (20, 12), (7, 7)])
def test_a_step_covers_of_another_what_lies_in_it(own, other):
    # Both are cut into as many parts as both can be cut into.
    fine = np.repeat(np.eye(own), other, axis=0).reshape(other, own, own).mean(axis=1)
    np.testing.assert_allclose(overlaps(own, other), fine, atol=1e-6)


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_a_step_of_another_rate_is_told_the_mean_of_what_covers_it(rng, task):
    size = 1 if task == "binary" else 3
    source, target = Head(task, size, 4), Head(task, size, 6)
    probabilities = rng.dirichlet(
        np.ones(source.num_classes), size=source.belief_shape[:-1]
    )
    told = source.at_steps_of(
        target, ops.convert_to_tensor(np.log(probabilities)[None].astype("float32"))
    )
    assert tuple(told.shape) == (1, *target.belief_shape)
    fine = np.repeat(probabilities, 3, axis=0)
    expected = fine.reshape(6, 2, *fine.shape[1:]).mean(axis=1)
    np.testing.assert_allclose(np.exp(numpy(told)[0]), expected, rtol=1e-4)


def test_values_of_steps_are_averaged_too():
    source, target = (Head("regression", 1, steps, False) for steps in (2, 4))
    told = source.at_steps_of(target, ops.array([[[1.0], [3.0]]]))
    assert numpy(told)[0, :, 0].tolist() == [1, 1, 3, 3]
    back = target.at_steps_of(source, told)
    assert numpy(back)[0, :, 0].tolist() == [1, 3]


def test_at_the_same_steps_nothing_is_computed():
    head, same = Head("multiclass", 3, 4), object()
    assert head.at_steps_of(Head("multiclass", 3, 4), same) is same


def test_no_label_is_negative_or_not_a_number():
    found = whole_or_none(ops.array([[1.0, NOT], [0.0, -1.0]]))
    assert keras.backend.standardize_dtype(found.dtype) == "int32"
    assert numpy(found).tolist() == [[1, -1], [0, -1]]


def test_every_task_is_said_in_words():
    words = [described(Head(task, 2)) for task in TASKS if task != "binary"]
    assert words == ["2 classes", "2 labels (each yes or no)", "2 values (regression)"]
    assert (
        described(Head("regression", 1, 9)) == "1 value (regression) at each of 9 steps"
    )


def test_a_sigmoid_of_an_infinite_logit_says_no_with_a_finite_logarithm():
    head = Head("binary", 1)
    found = ops.convert_to_numpy(head.log_probabilities(ops.array([[-np.inf]])))
    assert np.isfinite(found).all()
    assert np.exp(found[0]).tolist() == [1, 0]
