"""What every public class that Keras saves must do, whichever it is.

Classes are found by looking, so that a new one fails here until it has an example.
"""

import copy
import inspect
import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat import (
    AttentionKV,
    MaskedCrossAttentionLoss,
    encoders,
    metrics,
    transfer,
)
from tests.test_public_api import PUBLIC, value_of


def labels(rng):
    return rng.integers(0, 3, 4)


def logits(rng):
    return rng.normal(size=(4, 3)).astype("float32")


def probabilities(rng):
    return rng.dirichlet(np.ones(3), size=4).astype("float32")


def features(rng):
    return rng.normal(size=(4, 5)).astype("float32")


def steps(rng):
    return rng.normal(size=(4, 6, 5)).astype("float32")


def projections(rng):
    return tuple(rng.normal(size=(4, 6, 2, 3)).astype("float32") for _ in "kv")


# An instance of each, with nothing left at its default, and what it is called with.
EXAMPLES = {
    "AttentionKV": (lambda: AttentionKV(3, num_heads=2, attention="linear"), [steps]),
    "MeanMaxPooling": (lambda: encoders.MeanMaxPooling(name="pool"), [steps]),
    "LevelAndSpread": (lambda: encoders.LevelAndSpread(1e-2, name="level"), [steps]),
    "FixedConvolution": (
        lambda: encoders.FixedConvolution(20, dilation=2, seed=1),
        [steps],
    ),
    "ShareAbove": (lambda: encoders.ShareAbove((-0.5, 0.5)), [steps]),
    "RunningNormalization": (
        lambda: encoders.RunningNormalization(limit=2.0, epsilon=1e-2),
        [steps],
    ),
    "StochasticDepth": (lambda: encoders.StochasticDepth(0.5, seed=1), [steps]),
    "MaskedCrossAttentionLoss": (
        lambda: MaskedCrossAttentionLoss("unit", reduction="sum"),
        [projections] * 2,
    ),
    "AgreementPseudoLabels": (
        lambda: transfer.AgreementPseudoLabels(name="agreed"),
        [logits] * 2,
    ),
    "FusedPseudoLabels": (lambda: transfer.FusedPseudoLabels(0.5), [logits] * 2),
    "AttentionInfoNCE": (
        lambda: transfer.AttentionInfoNCE(0.5),
        [projections] * 2,
    ),
    "CrossEntropy": (
        lambda: transfer.CrossEntropy(from_logits=True),
        [labels, logits],
    ),
    "FeatureInfoNCE": (lambda: transfer.FeatureInfoNCE(0.5), [features] * 2),
    "LogitsDistillation": (lambda: transfer.LogitsDistillation(3.0), [logits] * 2),
    "Calibrated": (
        lambda: transfer.Calibrated(transfer.source_confidence, 2.0),
        [labels, probabilities],
    ),
    "Confident": (lambda: transfer.Confident(0.5), [labels, probabilities]),
    "CorrectOrConfident": (
        lambda: transfer.CorrectOrConfident(0.5),
        [labels, probabilities],
    ),
    "ErrorBelow": (lambda: transfer.ErrorBelow(0.5), [features] * 2),
    "ExpectedCalibrationError": (
        lambda: metrics.ExpectedCalibrationError(5),
        [labels, probabilities],
    ),
    "F1PerClass": (lambda: metrics.F1PerClass(["a", "b", "c"]), [labels, logits]),
    "MacroF1": (lambda: metrics.MacroF1(3), [labels, logits]),
}
CLASSES = {name: value_of(namespace, name) for namespace, name in PUBLIC}
SAVED = {
    name
    for name, value in CLASSES.items()
    if inspect.isclass(value)
    and hasattr(value, "get_config")
    and not issubclass(value, keras.Model)
    # What is there to derive from computes nothing.
    and getattr(value, "call", None) is not keras.losses.Loss.call
}
LAYERS = sorted(n for n in SAVED if issubclass(CLASSES[n], keras.layers.Layer))
LOSSES = sorted(n for n in SAVED if issubclass(CLASSES[n], keras.losses.Loss))
every_class = pytest.mark.parametrize("name", sorted(SAVED))


def made(name, rng):
    """An instance that is built, and what to call it with."""
    make, kinds = EXAMPLES[name]
    inputs = [kind(rng) for kind in kinds]
    own = make()
    called(own, inputs)
    return own, inputs


def called(own, inputs):
    return keras.tree.map_structure(ops.convert_to_numpy, own(*inputs))


def equal(one, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    )


def test_every_class_that_keras_saves_is_tried_here():
    assert set(EXAMPLES) == SAVED


@every_class
def test_a_class_survives_json(name, rng):
    own, inputs = made(name, rng)
    text = json.dumps(keras.saving.serialize_keras_object(own))
    again = keras.saving.deserialize_keras_object(json.loads(text), safe_mode=True)
    assert type(again) is type(own)
    assert again.get_config() == own.get_config()
    called(again, inputs)
    if name in LAYERS:
        again.set_weights(own.get_weights())
    if not isinstance(own, keras.metrics.Metric):
        assert equal(called(own, inputs), called(again, inputs))


@every_class
def test_a_class_can_be_copied(name, rng):
    own, inputs = made(name, rng)
    again = copy.deepcopy(own)
    assert again is not own
    assert equal(called(own, inputs), called(again, inputs))


@every_class
def test_a_call_leaves_its_inputs_as_they_were(name, rng):
    own, inputs = made(name, rng)
    before = copy.deepcopy(inputs)
    called(own, inputs)
    assert equal(inputs, before)


@every_class
def test_a_class_says_what_it_is(name, rng):
    assert name in repr(made(name, rng)[0])


@pytest.mark.parametrize("name", LAYERS)
def test_shapes_are_known_before_there_are_values(name, rng):
    own, inputs = made(name, rng)
    symbolic = own(keras.KerasTensor((None, *inputs[0].shape[1:])))
    assert tuple(symbolic.shape) == (None, *called(own, inputs).shape[1:])
    assert tuple(own.compute_output_shape(inputs[0].shape)) == tuple(
        called(own, inputs).shape
    )


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_as_it_was_behind_a_file(name, rng, tmp_path):
    own, inputs = made(name, rng)
    start = keras.Input(inputs[0].shape[1:])
    model = keras.Model(start, own(start))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert equal(called(model, inputs), called(again, inputs))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_layer_computes_in_half_precision(name, policy, rng):
    own, inputs = made(name, rng)
    config = {**own.get_config(), "dtype": policy}
    half = type(own).from_config(config)
    half.build(inputs[0].shape)
    half.set_weights(own.get_weights())
    found = half(inputs[0])
    assert keras.backend.standardize_dtype(found.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.cast(found, "float32")),
        called(own, inputs),
        rtol=0.05,
        atol=0.05,
    )


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_float32_whatever_comes(name, rng):
    own, inputs = made(name, rng)
    half = keras.tree.map_structure(
        lambda x: ops.cast(x, "float16") if x.dtype == np.float32 else x, inputs
    )
    found = own(*half)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(found, called(own, inputs), rtol=0.02)


@pytest.mark.parametrize("name", LAYERS)
def test_a_seed_decides(name, rng):
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        own, inputs = made(name, np.random.default_rng(0))
        is_told = "training" in inspect.signature(own.call).parameters
        options = {"training": True} if is_told else {}
        found.append(ops.convert_to_numpy(own(inputs[0], **options)))
    np.testing.assert_array_equal(*found)
