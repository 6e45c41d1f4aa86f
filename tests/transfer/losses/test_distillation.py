import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer import LogitsDistillation
from keras_dcat.transfer.losses.distillation import (
    KerasDistillation,
    log_probabilities,
)
from tests import references
from tests.gradients import value_and_gradients
from tests.models import pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


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


def test_what_a_classifier_says_in_float16_is_told_in_float32():
    prediction = ops.array([[12.0, 0.0]], "float16")
    values = log_probabilities(prediction, from_logits=True)
    assert keras.backend.standardize_dtype(values.dtype) == "float32"
    expected = [[-np.log1p(np.exp(-12.0)), -12.0 - np.log1p(np.exp(-12.0))]]
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-2)


def test_it_softens_by_a_temperature_of_two_unless_told():
    assert LogitsDistillation().temperature == 2.0


def test_a_probability_of_zero_stays_finite():
    values = log_probabilities(ops.array([[0.0, 1.0]]), from_logits=False)
    assert np.isfinite(ops.convert_to_numpy(values)).all()


@pytest.mark.parametrize("temperature", [1e-30, 1e30, -1.0])
def test_a_temperature_whose_square_float32_does_not_hold_is_refused(temperature):
    with pytest.raises(ValueError, match=r"from 1e-9 to 1e9.*Start with 2"):
        LogitsDistillation(temperature=temperature)


def test_a_temperature_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match=r"temperature=0.*Start with 2"):
        LogitsDistillation(temperature=0)


def test_a_loss_of_keras_is_taken_as_it_is_and_gated(rng):
    pair, labels = windows(rng)
    source, target = pair_of_branches()
    own = keras_dcat.DCATModel(
        source,
        target,
        gate="all",
        loss=keras.distillation.LogitsDistillation(3.0, keras.losses.KLDivergence()),
    )
    results = own.evaluate(pair, labels, verbose=0, return_dict=True)
    logits = (
        ops.convert_to_numpy(model(windows_of_side))
        for model, windows_of_side in zip((source, target), pair, strict=True)
    )
    divergence = references.divergence(*logits, 3.0)
    value = results["keras_distillation_loss"]
    assert value == pytest.approx(divergence.mean(), rel=1e-3)
    gated = keras_dcat.DCATModel(
        source, target, gate="correct", loss=own.transfer_losses
    )
    results = gated.evaluate(pair, labels, verbose=0, return_dict=True)
    right = np.argmax(source.predict(pair[0], verbose=0), axis=-1) == labels
    value = results["keras_distillation_loss"]
    assert 0 < right.mean() < 1
    assert value == pytest.approx((divergence * right).mean(), rel=1e-3)


def test_a_model_with_a_loss_of_keras_is_loaded_with_it(rng, tmp_path):
    pair, labels = windows(rng)
    loss = keras.distillation.FeatureDistillation(loss="mse")
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="all", loss=loss)
    model.fit(pair, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    results = (m.evaluate(pair, labels, verbose=0) for m in (model, loaded))
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_a_loss_of_keras_has_the_name_and_the_dtype_asked_for():
    loss = KerasDistillation(
        keras.distillation.LogitsDistillation(), name="mine", dtype="bfloat16"
    )
    again = KerasDistillation.from_config(loss.get_config())
    assert (again.name, again.dtype) == (loss.name, loss.dtype) == ("mine", "bfloat16")


def test_another_loss_is_none_of_keras_distillation():
    with pytest.raises(ValueError, match=r"keras\.distillation.*KLDivergence"):
        KerasDistillation(keras.losses.KLDivergence())


def test_a_loss_of_keras_that_reads_layers_is_refused():
    loss = keras.distillation.FeatureDistillation(
        teacher_layer_name="dense", student_layer_name="dense"
    )
    with pytest.raises(ValueError, match=r"'dense'.*Leave the layer names out"):
        keras_dcat.DCATModel(*pair_of_branches(), loss=loss)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_class_that_the_source_rules_out_costs_nothing(temperature):
    source = np.array([[0.0, -np.inf, 1.0]], "float32")
    target = np.array([[0.5, 2.0, 1.0]], "float32")

    def loss(y_pred):
        own = LogitsDistillation(temperature=temperature)
        return own(keras.ops.convert_to_tensor(source), y_pred)

    value, (slopes,) = value_and_gradients(loss, [target])
    believed = np.array([1, np.exp(1 / temperature)])
    believed = believed / believed.sum()
    odds = np.exp(target[0].astype("float64") / temperature)
    odds = odds / odds.sum()
    expected = (believed * np.log(believed / odds[[0, 2]])).sum()
    assert value == pytest.approx(temperature**2 * expected, rel=1e-5)
    expected = temperature * (odds - [believed[0], 0, believed[1]])
    np.testing.assert_allclose(slopes[0], expected, rtol=1e-4, atol=1e-6)


def test_what_a_source_rules_out_has_a_finite_logarithm():
    logits = np.array([[0.0, -np.inf]], "float32")
    found = keras.ops.convert_to_numpy(log_probabilities(logits, from_logits=True))
    assert found[0, 0] == 0
    assert np.isfinite(found).all()
    assert np.exp(found[0, 1]) == 0
