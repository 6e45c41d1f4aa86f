import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.gating.calibration import Calibrated, calibration_temperature
from tests.models import pair_of_branches


def called(gate, labels, probabilities):
    labels, probabilities = np.asarray(labels, "int32"), np.asarray(probabilities)
    tensors = map(ops.convert_to_tensor, (labels, probabilities.astype("float32")))
    return ops.convert_to_numpy(gate(*tensors))


def negative_log_likelihood(probabilities, labels, temperature):
    powers = probabilities ** (1 / temperature)
    tempered = powers / powers.sum(axis=-1, keepdims=True)
    return -np.log(tempered[np.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_gate_sees_powers_of_the_probabilities(rng, temperature):
    probabilities = rng.dirichlet(np.ones(4), size=9)
    labels = rng.integers(0, 4, 9)
    powers = probabilities ** (1 / temperature)
    tempered = powers / powers.sum(axis=-1, keepdims=True)
    shares = called(Calibrated("soft", temperature), labels, probabilities)
    np.testing.assert_allclose(shares, tempered[np.arange(9), labels], rtol=1e-4)


def test_a_confident_source_is_no_more_so_at_a_high_temperature():
    probabilities = [[0.96, 0.04], [0.9999, 0.0001]]
    sure = [called(gate, [-1, -1], probabilities) for gate in (
        gates.Confident(0.9), Calibrated(gates.Confident(0.9), 2.0)
    )]  # fmt: skip
    # At 2, odds become their roots: 24 to 4.9, 9999 to 100.
    assert [s.tolist() for s in sure] == [[True, True], [False, True]]


def test_a_probability_of_zero_stays_finite():
    shares = called(Calibrated("soft", 0.5), [0, 1], [[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(shares, [1, 0], atol=1e-6)


def test_a_temperature_of_numpy_is_a_number_in_the_config():
    config = Calibrated("soft", np.float32(1.5)).get_config()
    assert type(config["temperature"]) is float


def test_a_calibrated_gate_is_loaded_with_its_model(tmp_path):
    gate = Calibrated(gates.CorrectOrConfident(0.8), 1.5)
    model = keras_dcat.DCATModel(*pair_of_branches(), gate=gate)
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    terms = keras.models.load_model(tmp_path / "model.keras").terms
    (loaded,) = {term.gate for term in terms.values()}
    assert isinstance(loaded, Calibrated)
    assert (loaded.temperature, loaded.gate.threshold) == (1.5, 0.8)


def test_a_gate_that_is_a_function_survives_the_config():
    config = keras.saving.serialize_keras_object(Calibrated("soft", 2.0))
    assert keras.saving.deserialize_keras_object(config).gate is gates.source_confidence


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
def test_a_temperature_must_be_above_zero(temperature):
    with pytest.raises(ValueError, match=f"temperature={temperature}.*Find it with"):
        Calibrated("soft", temperature)


@pytest.mark.parametrize(("right", "expected"), [(3, 2.0), (9, 1.0), (81, 0.5)])
def test_confidence_becomes_the_share_that_is_right(right, expected):
    """Odds of 9 that are right with odds of 3, 9, 81: roots and squares of 9."""
    labels = np.array([0] * right + [1])
    probabilities = np.tile([0.9, 0.1], (len(labels), 1))
    found = calibration_temperature(probabilities, labels)
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_class_that_the_source_rules_out_does_not_change_the_temperature():
    probabilities = np.array([[0.9, 0.1, 0.0]] * 4)
    found = calibration_temperature(probabilities, np.array([0, 0, 0, 1]))
    assert found == pytest.approx(2.0, rel=1e-6)


def test_no_other_temperature_is_likelier(rng):
    labels = rng.integers(0, 5, 300)
    logits = 6 * np.eye(5)[labels] + rng.normal(scale=5, size=(300, 5))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    found = calibration_temperature(probabilities, labels)
    assert found > 1.5
    least = negative_log_likelihood(probabilities, labels, found)
    for other in np.geomspace(0.05, 20, 101):
        assert least <= negative_log_likelihood(probabilities, labels, other) + 1e-7


def test_windows_without_a_label_do_not_count(rng):
    labels = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet(np.ones(3), size=60)
    partly = np.where(np.arange(60) < 40, labels, -1)
    alone = calibration_temperature(probabilities[:40], labels[:40])
    assert calibration_temperature(probabilities, partly) == alone
    with pytest.raises(ValueError, match=r"60 windows without a label.*out-of-fold"):
        calibration_temperature(probabilities, np.full(60, -1))


def test_the_ends_of_the_range_are_reached_where_nothing_can_be_fitted():
    sure = np.eye(2)[[0, 1]] * 0.8 + 0.1
    assert calibration_temperature(sure, [0, 1]) == pytest.approx(0.05)
    assert calibration_temperature(sure, [1, 0]) == pytest.approx(20)


def test_of_a_sigmoid_the_logit_is_divided_by_the_temperature(rng):
    logits = rng.normal(size=7)
    yes = 1 / (1 + np.exp(-logits))
    shares = called(Calibrated("soft", 2.5), [1] * 7, np.stack([1 - yes, yes], -1))
    np.testing.assert_allclose(shares, 1 / (1 + np.exp(-logits / 2.5)), rtol=1e-5)


def test_one_temperature_is_fitted_to_all_labels_that_are_known(rng):
    yes = rng.random((40, 3))
    answers = (rng.random((40, 3)) < yes**3).astype("float32")
    answers[::4, 1] = np.nan
    both = np.stack([1 - yes, yes], axis=-1)
    known = ~np.isnan(answers)
    expected = calibration_temperature(both[known], answers[known].astype(int))
    assert calibration_temperature(both, answers) == expected
