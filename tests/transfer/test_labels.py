import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.labels import (
    class_indices,
    for_classification,
    is_one_hot,
    over_labelled,
)


def numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([2, 0, -1], [2, 0, -1]),
        ([[2], [0], [-1]], [2, 0, -1]),
        ([[0, 0, 1], [1, 0, 0], [0, 0, 0]], [2, 0, -1]),
        ([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [2, 0, -1]),
    ],
)
def test_classes_are_the_same_in_every_form(labels, expected):
    labels = np.array(labels)
    kind = "int32" if labels.dtype.kind == "i" else "float32"
    found = class_indices(ops.convert_to_tensor(labels.astype(kind)), 3)
    assert numpy(found).tolist() == expected


def test_one_hot_labels_have_a_column_for_each_class():
    assert is_one_hot(np.zeros((5, 3)), 3)
    assert not is_one_hot(np.zeros((5, 1)), 3)
    assert not is_one_hot(np.zeros(5), 3)


@pytest.mark.parametrize("one_hot", [False, True])
def test_windows_without_a_label_weigh_nothing(one_hot):
    labels = np.array([1, -1, 0])
    y = np.eye(2)[labels] * (labels >= 0)[:, None] if one_hot else labels
    y = ops.convert_to_tensor(y.astype("float32" if one_hot else "int32"))
    known, weights = for_classification(y, None, 2)
    assert numpy(weights).tolist() == [1, 0, 1]
    assert (numpy(known) >= 0).all()
    _, weights = for_classification(y, ops.array([[2.0], [3.0], [4.0]]), 2)
    assert numpy(weights).tolist() == [2, 0, 4]


def test_a_mean_over_a_batch_is_one_over_its_labelled_windows(rng):
    values = rng.normal(size=8)
    classes = np.array([0, 1, -1, 2, -1, -1, 0, 1])
    weights = (classes >= 0).astype("float32")
    found = over_labelled(
        ops.convert_to_tensor(weights), ops.convert_to_tensor(classes)
    )
    assert (numpy(found) * values).mean() == pytest.approx(values[classes >= 0].mean())


def test_where_nothing_has_a_label_the_mean_is_zero_and_finite():
    found = over_labelled(ops.zeros(3), ops.array([-1, -1, -1]))
    assert numpy(found).tolist() == [0, 0, 0]
