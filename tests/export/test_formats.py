import keras
import numpy as np
import pytest

from keras_dcat.export import formats, runner
from tests.export.exports import branch, people


def test_windows_to_calibrate_with_are_spread_over_all():
    chosen = formats.calibration_rows(1000)
    assert len(chosen) == formats.CALIBRATION_WINDOWS
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert (np.diff(chosen) > 0).all()
    assert formats.calibration_rows(3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("softmax", [True, False])
def test_a_serving_model_gives_probabilities_and_shares_all_weights(softmax):
    train, _ = people()
    target = branch(train, "imu")
    logits = target(train.gather("imu"))
    if softmax:
        outputs = keras.layers.Softmax()(target.outputs[0])
        target = keras.Model(target.inputs, outputs)
    serving = formats.serving_model(target)
    found = keras.ops.convert_to_numpy(serving(train.gather("imu")))
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits, axis=-1))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert {id(v) for v in serving.variables} == {id(v) for v in target.variables}


def test_a_target_of_two_inputs_is_refused():
    inputs = [keras.Input((4, 2)), keras.Input((4, 2))]
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Add()(inputs))
    with pytest.raises(ValueError, match=r"with 2 inputs.*Join them"):
        formats.serving_model(keras.Model(inputs, keras.layers.Dense(3)(x)))


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
def test_an_onnx_export_leaves_the_model_as_it_was(tmp_path):
    train, _ = people()
    target = branch(train, "imu")
    normalization = target.layers[1]
    before = normalization.mean
    serving = formats.serving_model(target)
    serving(train.gather("imu"))
    formats.FORMATS["onnx"].write(serving, tmp_path / "target.onnx", (), None)
    assert normalization.mean is before


@pytest.mark.tensorflow
def test_int8_of_channels_of_very_different_sizes_says_what_the_model_says(tmp_path):
    """As an accelerometer beside a gyroscope: one range for both leaves nothing."""
    pytest.importorskip("ai_edge_litert")
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(64, 8, 2)).astype("float32")
    windows[..., 1] *= 5000
    inputs = keras.Input((8, 2))
    scaled = keras.layers.Normalization(mean=[0, 0], variance=[1, 25e6])(inputs)
    means = keras.layers.GlobalAveragePooling1D()(scaled)
    head = keras.layers.Dense(2)
    logits = head(means)
    head.set_weights([np.array([[9.0, -9.0], [0.0, 0.0]]), np.zeros(2)])
    serving = formats.serving_model(keras.Model(inputs, logits))
    path = tmp_path / "target.tflite"
    formats.FORMATS["litert_int8"].write(serving, path, ("a", "b"), windows)
    run, _, _owner = runner.load(path)
    expected = windows[..., 0].mean(axis=1) < 0
    found = run(windows)[0].argmax(axis=-1) == 1
    assert (found == expected).mean() >= 0.98
