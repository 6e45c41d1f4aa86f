import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.labels import (
    class_indices,
    for_classification,
    over_labelled,
)
from keras_dcat.transfer.losses.cross_entropy import CrossEntropy
from tests import references


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("form", ["flat", "column", "one-hot"])
def test_it_takes_logits_or_probabilities_and_labels_of_any_form(
    rng, from_logits, form
):
    logits = rng.normal(size=(6, 3))
    labels = np.array([0, 2, 1, 1, 0, 2])
    scores = logits if from_logits else np.exp(logits) / np.exp(logits).sum(1)[:, None]
    y = {"flat": labels, "column": labels[:, None], "one-hot": np.eye(3)[labels]}[form]
    loss = CrossEntropy(from_logits=from_logits)(y, scores.astype("float32"))
    assert float(loss) == pytest.approx(
        references.cross_entropy(logits, labels), rel=1e-5
    )


def test_labels_of_any_form_become_classes():
    for labels in ([2, 0, 1], [[2], [0], [1]], np.eye(3)[[2, 0, 1]]):
        classes = class_indices(ops.convert_to_tensor(np.array(labels)), num_classes=3)
        assert ops.convert_to_numpy(classes).tolist() == [2, 0, 1]


def test_no_label_is_a_negative_class_or_a_row_of_zeros():
    one_hot = np.concatenate([np.eye(3)[[2, 0]], np.zeros((1, 3))])
    for labels in (np.array([2, 0, -1]), one_hot):
        classes = class_indices(ops.convert_to_tensor(labels), num_classes=3)
        assert ops.convert_to_numpy(classes).tolist() == [2, 0, -1]
        known, weights = for_classification(
            ops.convert_to_tensor(labels), np.array([[1.0], [2.0], [4.0]]), 3
        )
        assert ops.convert_to_numpy(class_indices(known, 3)).tolist()[:2] == [2, 0]
        assert float(ops.min(known)) == 0
        np.testing.assert_array_equal(ops.convert_to_numpy(weights), [1.0, 2.0, 0.0])
        weights = ops.convert_to_numpy(over_labelled(weights, classes))
        np.testing.assert_allclose(weights, [1.5, 3.0, 0.0], rtol=1e-6)


def test_a_mean_is_over_the_windows_with_a_label_whatever_it_is():
    weights = over_labelled(ops.array([1.0, 1.0, 0.0]), ops.array([2, 1, -1]))
    np.testing.assert_allclose(ops.convert_to_numpy(weights), [1.5, 1.5, 0.0])


def test_its_reduction_and_dtype_are_those_asked_for(rng):
    labels, logits = np.array([0, 2, 1]), rng.normal(size=(3, 3)).astype("float32")
    each = CrossEntropy(True, reduction=None, dtype="bfloat16")(labels, logits)
    assert tuple(each.shape) == (3,)
    assert keras.backend.standardize_dtype(each.dtype) == "bfloat16"
    total = CrossEntropy(True, reduction="sum")(labels, logits)
    expected = 3 * references.cross_entropy(logits, labels)
    assert float(total) == pytest.approx(expected, rel=1e-5)


def test_it_takes_probabilities_unless_told():
    usual = {"from_logits": False, "name": "cross_entropy"}
    assert CrossEntropy().get_config().items() >= usual.items()


def test_it_survives_its_config():
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(CrossEntropy(from_logits=True, name="mine"))
    )
    assert restored.from_logits is True
    assert restored.name == "mine"
