import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer import LogitsDistillation
from keras_dcat.transfer.distillation import log_probabilities
from tests import references


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_loss_is_the_divergence_of_softened_probabilities(rng, temperature):
    source, target = rng.normal(scale=3, size=(2, 6, 5))
    loss = LogitsDistillation(temperature, reduction=None)
    values = ops.convert_to_numpy(loss(ops.array(source), ops.array(target)))
    expected = references.divergence(source, target, temperature)
    np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_windows_that_may_not_teach_count_nothing(rng):
    source, target = rng.normal(size=(2, 4, 3))
    weights = np.array([1.0, 0.0, 0.5, 0.0], "float32")
    value = LogitsDistillation(1.0)(source, target, weights)
    expected = (references.divergence(source, target, 1.0) * weights).mean()
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_logits_and_probabilities_have_the_same_log_probabilities(rng):
    logits = rng.normal(size=(3, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    for prediction, from_logits in ((logits, True), (probabilities, False)):
        values = log_probabilities(ops.array(prediction), from_logits)
        np.testing.assert_allclose(
            ops.convert_to_numpy(values), np.log(probabilities), rtol=1e-5
        )


def test_a_probability_of_zero_stays_finite():
    values = log_probabilities(ops.array([[0.0, 1.0]]), from_logits=False)
    assert np.isfinite(ops.convert_to_numpy(values)).all()


def test_a_temperature_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match=r"temperature=0.*Start with 2"):
        LogitsDistillation(temperature=0)
