import keras
import numpy as np
import pytest
from keras.optimizers.schedules import CosineDecay, PolynomialDecay

import keras_dcat
from keras_dcat.transfer.transfer_weight import TransferWeight
from tests.models import pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")

FALLING = PolynomialDecay(0.8, decay_steps=8, end_learning_rate=0.0)


def trained(model, pair, labels, epochs=1):
    """Four steps an epoch that change no weight, so that only λ moves."""
    guard = keras_dcat.transfer.NegativeTransferGuard(only_warn=True)
    options = {"batch_size": 8, "shuffle": False, "callbacks": [guard], "verbose": 0}
    return model.fit(pair, labels, epochs=epochs, **options).history


def still(model):
    model.compile(keras.optimizers.SGD(0.0))
    return model


def test_steps_are_counted_in_training_alone_and_a_number_ends_a_schedule():
    weight = TransferWeight(FALLING)
    asked = [
        float(weight(training=training)) for training in (True, True, False, False)
    ]
    assert asked == pytest.approx([0.8, 0.7, 0.6, 0.6])
    assert weight.described() == keras.saving.serialize_keras_object(FALLING)
    weight.assign(np.float32(0.25))
    assert float(weight(training=True)) == weight.described() == 0.25


@pytest.mark.parametrize("number", [0, 0.0, 2, np.float32(0.5), np.array(0.5)])
def test_any_number_of_at_least_0_is_a_weight(number):
    keras.config.set_dtype_policy("mixed_float16")
    weight = TransferWeight(number)
    assert keras.backend.standardize_dtype(weight().dtype) == "float32"
    assert float(weight(training=True)) == weight.described() == float(number)
    assert type(weight.described()) is float


def test_a_schedule_is_asked_at_every_step_of_training_and_not_in_evaluation(rng):
    pair, labels = windows(rng)
    loss = keras_dcat.MaskedCrossAttentionLoss()
    model = still(
        keras_dcat.DCATModel(
            *pair_of_branches(), transfer_weight=FALLING, gate="all", loss=loss
        )
    )
    assert model.transfer_weight == pytest.approx(0.8)
    model.evaluate(pair, labels, verbose=0)
    assert model.transfer_weight == pytest.approx(0.8)
    history = trained(model, pair, labels, epochs=2)
    assert model.transfer_weight == pytest.approx(0.0)
    transfer = np.subtract(history["loss"], history["classification_loss"])
    means = np.mean([[0.8, 0.7, 0.6, 0.5], [0.4, 0.3, 0.2, 0.1]], axis=1)
    # The windows are the same in both epochs, so λ alone tells them apart.
    ratio = (transfer / history["cross_attention_loss"]).round(2)
    np.testing.assert_allclose(ratio, means, atol=0.03)


def test_a_number_takes_the_place_of_a_schedule_in_the_middle_of_a_training(rng):
    pair, labels = windows(rng)
    model = still(
        keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=FALLING, gate="all")
    )
    trained(model, pair, labels)
    model.transfer_weight = 0.0
    history = trained(model, pair, labels)
    assert model.transfer_weight == 0.0
    assert history["loss"] == pytest.approx(history["classification_loss"])


def test_a_saved_model_goes_on_in_its_schedule(rng, tmp_path):
    pair, labels = windows(rng)
    model = still(keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=FALLING))
    trained(model, pair, labels)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.transfer_weight == pytest.approx(0.4)
    trained(loaded, pair, labels)
    assert loaded.transfer_weight == pytest.approx(0.0)


def test_a_number_that_was_assigned_is_what_is_saved(rng, tmp_path):
    model = keras_dcat.DCATModel(
        *pair_of_branches(), transfer_weight=CosineDecay(0.5, 10)
    )
    trained(model, *windows(rng))
    model.transfer_weight = 0.25
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.transfer_weight == pytest.approx(0.25)


def test_what_is_neither_a_number_nor_a_schedule_is_refused():
    with pytest.raises(ValueError, match=r"transfer_weight=often.*Start with 0\.1"):
        keras_dcat.DCATModel(*pair_of_branches(), transfer_weight="often")


def test_only_a_number_can_be_assigned():
    model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=0.5)
    for value in (CosineDecay(0.5, 10), -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"can be assigned.*schedule to `DCAT"):
            model.transfer_weight = value
    assert model.transfer_weight == 0.5
