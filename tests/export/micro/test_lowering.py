import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_dcat.export.formats import serving_model
from keras_dcat.export.micro import lowering
from keras_dcat.transfer.head import Head
from tests.export.micro.models import MODELS, operations, run, serving

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("name", MODELS)
def test_a_lowered_model_says_what_the_model_says(name):
    model, windows = serving(name)
    expected = ops.convert_to_numpy(model(windows))
    found = run(lowering.float_model(model), windows)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_all_statistics_of_an_imu_share_one_logarithm():
    model, _ = serving("imu")
    kinds = operations(lowering.float_model(model))
    assert kinds.count("LOG") == 1
    # Level and variance of window, changes, four quarters at once, and three stages,
    # the mean of a layer normalization and its variance, and that of the pooling;
    # shares above 11 levels, 8 changes, and 3 thresholds of kernels of 3 dilations.
    assert kinds.count("MEAN") == 2 * 6 + 3 + 11 + 8 + 3 * 3


def test_no_more_tensors_are_joined_at_once_than_small_devices_can():
    files = pytest.importorskip("ai_edge_litert.tools.flatbuffer_utils")
    content = files.read_model_from_bytearray(
        bytearray(lowering.float_model(serving("imu")[0]))
    )
    joined = [
        len(each.inputs)
        for each in content.subgraphs[0].operators
        if files.opcode_to_name(content, each.opcodeIndex) == "CONCATENATION"
    ]
    assert max(joined) == 10  # and so it would be 11 as it stands


def test_what_small_devices_do_not_have_is_not_in_it():
    for name in ("imu, padded", "gru", "video"):
        kinds = operations(lowering.float_model(serving(name)[0]))
        assert not {"REDUCE_ANY", "WHILE", "NEG"} & set(kinds)


def test_a_user_is_not_warned_of_how_it_is_converted(caplog):
    lowering.float_model(serving("attached")[0])
    assert not caplog.records


def test_recurrent_layers_are_loops_again_afterwards():
    model = keras.Sequential(
        [keras.Input((5, 2)), layers.Bidirectional(layers.LSTM(3)), layers.Dense(2)]
    )
    both = [model.layers[0].forward_layer, model.layers[0].backward_layer]
    with lowering.unrolled(model):
        assert all(layer.unroll for layer in both)
    assert not any(layer.unroll for layer in both)


def test_a_model_in_mixed_precision_is_written_in_float32_and_stays_what_it_is():
    inputs = keras.Input((6, 3))
    x = layers.Conv1D(4, 3, dtype="mixed_float16")(inputs)
    outputs = layers.Dense(3, dtype="float32")(layers.GlobalAveragePooling1D()(x))
    target = keras.Model(inputs, outputs)
    model = serving_model(target, (6, 3), Head("multiclass", 3))
    windows = np.random.default_rng(0).normal(size=(8, 6, 3)).astype("float32")
    expected = ops.convert_to_numpy(model(windows))
    found = run(lowering.float_model(model), windows)
    np.testing.assert_allclose(found, expected, atol=5e-3)
    assert target.layers[1].compute_dtype == "float16"


def test_a_layer_that_behaves_otherwise_in_training_is_in_inference():
    model = keras.Sequential(
        [keras.Input((6, 3)), layers.GaussianNoise(1.0), layers.Flatten()]
    )
    model.add(layers.Dense(3))
    target = serving_model(model, (6, 3), Head("multiclass", 3))
    windows = np.ones((2, 6, 3), "float32")
    expected = ops.convert_to_numpy(target(windows))
    found = run(lowering.float_model(target), windows)
    np.testing.assert_allclose(found, expected, atol=1e-6)
