import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer import PairOutputs, gates
from keras_dcat.transfer.terms import transfer_terms


class Difference(keras.losses.Loss):
    """How far apart the projections are, times what may teach."""

    reads = "projections"

    def call(self, y_true, y_pred):
        return y_pred - y_true


def outputs(may_teach):
    source_logits = np.log([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]).astype("float32")
    numbers = (np.array([1.0, 2.0, 6.0], "float32"), np.zeros(3, "float32"))
    values = (source_logits, numbers[0], source_logits, numbers[1], may_teach)
    return PairOutputs(*map(ops.convert_to_tensor, values))


def terms(labels, losses, sample_weight=None, may_teach=(1.0, 1.0, 1.0)):
    labels = ops.convert_to_tensor(np.array(labels, "int32"))
    may_teach = np.array(may_teach, "float32")
    total, shown = transfer_terms(
        outputs(may_teach),
        labels,
        sample_weight,
        gates.get("correct"),
        losses,
        (True, True),
    )
    return float(total), {k: (float(v), float(n)) for k, (v, n) in shown.items()}


def test_losses_are_weighed_and_shown_one_by_one():
    losses = {
        "a_loss": (Difference(), 2.0),
        "b_loss": (Difference(reduction="sum"), 0.5),
    }
    total, shown = terms([0, 0, 0], losses)  # the third is wrong
    assert shown["a_loss"] == (1.0, 3.0)
    assert shown["b_loss"] == (3.0, 3.0)
    assert total == pytest.approx(2 * 1.0 + 0.5 * 3.0)
    assert shown["unmasked_share"] == (pytest.approx(2 / 3), 3.0)


def test_weights_and_shares_multiply_the_gate():
    losses = {"a_loss": (Difference(reduction="sum"), 1.0)}
    weight = np.array([[2.0], [3.0], [5.0]])
    total, shown = terms([0, 0, 1], losses, weight, may_teach=(0.5, 1.0, 0.0))
    assert total == pytest.approx(0.5 * 2 * 1 + 1 * 3 * 2 + 0)
    assert shown["unmasked_share"][0] == pytest.approx(0.5)


def test_the_source_is_judged_where_there_are_labels():
    _, shown = terms([0, 1, -1], {})
    assert shown["source_accuracy"] == (0.5, 2.0)
    assert shown["unmasked_share"][0] == pytest.approx(1 / 3)
    assert terms([-1, -1, -1], {})[1]["source_accuracy"] == (0.0, 0.0)
