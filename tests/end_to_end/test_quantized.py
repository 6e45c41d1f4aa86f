"""Models that are quantized before a transfer, or after: both train, save and load."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat.transfer import (
    FeatureInfoNCE,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
)
from tests.models import CLASSES, branch, pair_of_branches, windows

pytestmark = [
    pytest.mark.usefixtures("eager"),
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`"),
    pytest.mark.filterwarnings("ignore:The source should be trained"),
    # NumPy's, of int8 that h5py writes.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """Its configuration names no layer of it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.classifier = layers.Dense(CLASSES)
        self.hidden = layers.Dense(8)
        self.attention = keras_dcat.AttentionKV(6)

    def call(self, inputs, training=False):
        x = self.attention(self.hidden(inputs))
        return self.classifier(ops.mean(x, axis=1))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, 20, 3), "float32"))
    return model


def of_keras_attention():
    inputs = keras.Input((20, 3))
    x = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    x = layers.GlobalAveragePooling1D()(keras_dcat.AttentionKV(6)(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(x))


def saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "model.keras")
    return keras.saving.load_model(tmp_path / "model.keras")


@pytest.mark.parametrize(
    "mode", [pytest.param("int8", marks=pytest.mark.traced), "int4", "float8"]
)
def test_a_quantized_source_teaches_by_every_loss(rng, tmp_path, mode):
    pair, labels = windows(rng, count=16)
    source, target = pair_of_branches()
    source.quantize(mode)
    losses = [FeatureInfoNCE(), MaskedCrossAttentionLoss(), LogitsDistillation()]
    model = keras_dcat.DCATModel(source, target, loss=losses)
    before = [np.copy(w) for w in source.get_weights()]
    known = model.cache_source(pair, verbose=0)
    live = model.evaluate(pair, labels, verbose=0, return_dict=True)
    cached = model.evaluate(known, labels, verbose=0, return_dict=True)
    assert cached == pytest.approx(live, rel=1e-3)
    history = model.fit(pair, labels, verbose=0).history
    assert all(np.isfinite(history[f"{loss.name}_loss"][0]) for loss in losses)
    for one, other in zip(before, source.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    loaded = saved_and_loaded(model, tmp_path)
    results = [m.evaluate(pair, labels, verbose=0) for m in (model, loaded)]
    np.testing.assert_allclose(*results, rtol=1e-4)


@pytest.mark.parametrize("build", [lambda: branch(3), of_keras_attention, subclassed])
def test_a_target_that_is_quantized_after_training_is_the_same_loaded(
    rng, tmp_path, build
):
    pair, labels = windows(rng, count=16)
    model = keras_dcat.DCATModel(branch(5, steps=12), build())
    model.fit(pair, labels, verbose=0)
    unquantized = model.predict(pair[1], verbose=0)
    model.target.quantize("int8")
    expected = ops.convert_to_numpy(model.target(pair[1], training=False))
    np.testing.assert_allclose(model.predict(pair[1], verbose=0), expected, atol=1e-5)
    assert np.any(np.abs(expected - unquantized) > 1e-4)
    loaded = saved_and_loaded(model, tmp_path)
    found = loaded.predict(pair[1], verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    before = [np.copy(w) for w in loaded.target.get_weights()]
    with pytest.warns(UserWarning, match="Quantized weights are not trained"):
        loaded.fit(pair, labels, verbose=0)
    after = loaded.target.get_weights()
    assert any(np.any(a != b) for a, b in zip(before, after, strict=True))


@pytest.mark.traced
def test_a_model_goes_on_training_what_quantizing_leaves(rng):
    pair, labels = windows(rng, count=16)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.fit(pair, labels, verbose=0)
    steps = int(model.optimizer.iterations)
    model.target.quantize("int8")
    before = [ops.convert_to_numpy(v).copy() for v in model.target.trainable_variables]
    with pytest.warns(UserWarning, match="Quantized weights are not trained"):
        model.fit(pair, labels, verbose=0)
    after = [ops.convert_to_numpy(v) for v in model.target.trainable_variables]
    assert any(np.any(a != b) for a, b in zip(before, after, strict=True))
    assert int(model.optimizer.iterations) == 2 * steps


def test_a_target_of_quantized_weights_alone_is_refused_before_the_first_step(rng):
    inputs = keras.Input((20, 3))
    x = keras_dcat.AttentionKV(6, use_bias=False)(inputs)
    x = layers.GlobalAveragePooling1D()(x)
    target = keras.Model(inputs, layers.Dense(CLASSES, use_bias=False)(x))
    target.quantize("int8")
    model = keras_dcat.DCATModel(branch(5, steps=12), target)
    pair, labels = windows(rng, count=16)
    with pytest.raises(ValueError, match="must have weights that can be trained"):
        model.fit(pair, labels, verbose=0)
    target.layers[-1].enable_lora(2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Quantized weights are not trained")
        model.fit(pair, labels, verbose=0)
