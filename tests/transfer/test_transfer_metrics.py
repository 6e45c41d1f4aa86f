import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.transfer_metrics import TransferMetrics


def test_an_accuracy_of_nothing_is_not_a_number_and_a_loss_of_nothing_is_zero():
    metrics = TransferMetrics(["a_loss"], ["source_accuracy"], None)
    metrics.add({"a_loss": (3.0, 0.0), "source_accuracy": (0.0, 0.0)})
    found = metrics.result()
    assert float(found["a_loss"]) == 0
    assert np.isnan(float(found["source_accuracy"]))
    metrics.add({"a_loss": (3.0, 1.0), "source_accuracy": (0.5, 2.0)})
    metrics.add({"a_loss": (1.0, 3.0), "source_accuracy": (0.0, 0.0)})
    found = metrics.result()
    assert float(found["a_loss"]) == 1.5
    assert float(found["source_accuracy"]) == 0.5


def test_a_batch_that_no_step_has_added_is_evaluated():
    def evaluate(labels, outputs, sample_weight):
        return {"a_loss": (float(ops.sum(labels)), 2.0), "source_accuracy": (1.0, 2.0)}

    class Outputs:
        sources = ("one",)

    metrics = TransferMetrics(["a_loss"], ["source_accuracy"], evaluate)
    metrics.update_state(ops.array([1.0, 2.0]), Outputs())
    metrics.update_state(ops.array([5.0]), ops.array([0.0]))  # the target alone
    assert float(metrics.result()["a_loss"]) == pytest.approx(3.0)
    metrics.reset_state()
    assert np.isnan(float(metrics.result()["source_accuracy"]))
