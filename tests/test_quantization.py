import json
import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat.quantization import quantize_inside, quantized_inside

pytestmark = pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")


class Composed(keras.layers.Layer):
    """A layer whose configuration says nothing of the layers inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(6), layers.Dense(3)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], 6))

    def call(self, inputs):
        return self.second(self.first(inputs))


def quantized(mode, config=None):
    layer = Composed()
    inputs = keras.Input((5,))
    model = keras.Model(inputs, layer(inputs))
    model.quantize(mode, config=config)
    return layer


def as_json(saved):
    return json.loads(json.dumps(saved))


CONFIGS = {
    "int8": ("int8", None),
    "weights only": (
        "int8",
        keras.quantizers.Int8QuantizationConfig(activation_quantizer=None),
    ),
    "int4": ("int4", None),
    "float8": ("float8", None),
}


@pytest.mark.each_value
@pytest.mark.parametrize("is_built", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
def test_layers_inside_are_quantized_as_they_were(rng, name, is_built):
    one = quantized(*CONFIGS[name])
    saved = as_json(quantized_inside(one))
    other = Composed()
    if is_built:
        other.build((None, 5))
    quantize_inside(other, saved)
    inputs = rng.normal(size=(4, 5)).astype("float32")
    other(inputs)
    for layer in ("first", "second"):
        store = {}
        getattr(one, layer).save_own_variables(store)
        getattr(other, layer).load_own_variables(store)
    np.testing.assert_array_equal(
        *(ops.convert_to_numpy(layer(inputs)) for layer in (one, other))
    )
    assert as_json(quantized_inside(other)) == saved


def test_what_is_not_quantized_is_not_listed():
    layer = Composed()
    layer.build((None, 5))
    assert quantized_inside(layer) == {}
    layer.second.quantize("int8")
    assert list(quantized_inside(layer)) == ["1"]


def test_what_is_quantized_already_stays():
    layer = quantized("int4")
    saved = quantized_inside(layer)
    quantize_inside(layer, saved)
    assert quantized_inside(layer) == saved


@pytest.mark.parametrize("name", CONFIGS)
def test_a_quantized_attention_is_saved_and_loaded(rng, tmp_path, name):
    inputs = keras.Input((9, 5))
    model = keras.Model(inputs, keras_dcat.AttentionKV(4)(inputs))
    assert "quantized" not in model.layers[-1].get_config()
    mode, config = CONFIGS[name]
    model.quantize(mode, config=config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's, of int8
        model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    windows = rng.normal(size=(2, 9, 5)).astype("float32")
    np.testing.assert_array_equal(
        *(ops.convert_to_numpy(each(windows)) for each in (model, loaded))
    )
    again = keras.models.clone_model(loaded)
    modes = [each.layers[-1].key.quantization_mode for each in (loaded, again)]
    assert modes == [mode, mode]
