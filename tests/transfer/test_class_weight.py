import keras
import numpy as np
import pytest
from keras.src.trainers.data_adapters import data_adapter_utils

from keras_dcat.transfer.class_weight import ClassWeights, check_not_both
from keras_dcat.transfer.head import Head


def test_an_integer_label_weighs_as_in_keras_with_arrays():
    given, labels = {0: 0.5, 2: 3.0}, np.array([0, 1, 2, -1, 2])
    expected = data_adapter_utils.class_weight_to_sample_weights(labels, given)
    weights = ClassWeights(given, Head("multiclass", 4))
    np.testing.assert_array_equal(weights.of_arrays(labels), expected)
    np.testing.assert_array_equal(weights.of_arrays(labels[:, None]), expected)
    tensor = keras.ops.convert_to_tensor(labels.astype("float32"))
    np.testing.assert_array_equal(weights.of_arrays(tensor), expected)


def test_a_row_of_zeros_weighs_1_and_no_class():
    rows = np.array([[0, 1, 0], [0, 0, 0], [0.2, 0.2, 0.6]])
    weights = ClassWeights({0: 7.0, 1: 2.0, 2: 3.0}, Head("multiclass", 3))
    assert weights.of_arrays(rows).tolist() == [2, 1, 3]


@pytest.mark.parametrize("form", ["integers", "column", "one-hot"])
def test_tensors_of_a_dataset_weigh_as_arrays_do(form):
    tf = pytest.importorskip("tensorflow")
    labels = np.array([0, 1, 2, -1])
    if form == "column":
        labels = labels[:, None]
    elif form == "one-hot":
        labels = np.eye(3)[labels] * (labels >= 0)[:, None]
    weights = ClassWeights({0: 7.0, 2: 3.0}, Head("multiclass", 3))
    found = weights.of_tensors(tf.constant(labels)).numpy()
    assert found.tolist() == weights.of_arrays(labels).tolist() == [7, 1, 3, 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({7: 1.0}, r"0 to 2.*the keys \[7\].*leave out those"),
        ({"0": 1.0}, r"the keys \['0'\].*by their numbers"),
        ({-1: 1.0}, r"the keys \[-1\]"),
        ({0: -1.0}, r"Received: \{0: -1.0\}.*Give a class 0"),
        ({1: np.nan}, r"Received: \{1: nan\}"),
        ({1: np.inf}, r"Received: \{1: inf\}"),
        ({1: "2"}, r"Received: \{1: '2'\}"),
        ({1: None}, r"Received: \{1: None\}"),
        ([1.0, 2.0, 3.0], r"Received: a list. Make a dict.*dict\(enumerate\(weights"),
    ],
)
def test_what_is_no_weight_of_a_class_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        ClassWeights(given, Head("multiclass", 3))


def test_the_cures_of_a_list_and_of_two_weights_work():
    weights = ClassWeights(dict(enumerate([1.0, 2.0, 3.0])), Head("multiclass", 3))
    assert weights.of_arrays(np.array([2, 0])).tolist() == [3, 1]
    with pytest.raises(ValueError, match=r"Received: both. Multiply them yourself"):
        check_not_both(np.ones(3))
    check_not_both(None)
    class_weight, labels, sample_weight = {1: 2.0}, [0, 1], np.array([3.0, 3.0])
    each = sample_weight * np.array([class_weight.get(label, 1.0) for label in labels])
    assert each.tolist() == [3, 6]


@pytest.mark.parametrize(
    "head", [Head("multilabel", 3), Head("binary", 1, 5), Head("regression", 1)]
)
def test_windows_of_several_decisions_are_weighed_otherwise(head):
    with pytest.raises(ValueError, match="each has one class.*Pass `sample_weight`"):
        ClassWeights({0: 1.0}, head)


def test_yes_and_no_are_classes_and_no_label_weighs_1():
    weights = ClassWeights({1: 20.0}, Head("binary", 1))
    labels = np.array([0.0, 1.0, -1.0, np.nan])
    assert weights.of_arrays(labels).tolist() == [1.0, 20.0, 1.0, 1.0]
