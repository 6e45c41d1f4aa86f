import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.cross_entropy import CrossEntropy, class_indices
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


def test_it_survives_its_config():
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(CrossEntropy(from_logits=True, name="mine"))
    )
    assert restored.from_logits is True
    assert restored.name == "mine"
