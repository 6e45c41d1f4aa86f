import keras
import numpy as np
import pytest

from keras_dcat.export import Description, formats, runner
from keras_dcat.transfer.head import Head
from tests.export.exports import branch, people

layers = keras.layers
LOGITS = Head("multiclass", 3)


def of_layer(build, steps=6, policy=None):
    """Windows of 6 × 3 to logits, by a layer that a function builds under a policy."""
    keras.utils.set_random_seed(0)
    if policy is not None:
        keras.config.set_dtype_policy(policy)
    try:
        inputs = keras.Input((steps, 3))
        return keras.Model(inputs, layers.Dense(3)(build()(inputs)))
    finally:
        keras.config.set_dtype_policy("float32")


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
    head = Head("multiclass", 3, from_logits=not softmax)
    serving = formats.serving_model(target, (16, 2), head)
    found = keras.ops.convert_to_numpy(serving(train.gather("imu")))
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(logits, axis=-1))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert {id(v) for v in serving.variables} == {id(v) for v in target.variables}


def test_a_target_of_two_inputs_is_refused():
    inputs = [keras.Input((4, 2)), keras.Input((4, 2))]
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Add()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    with pytest.raises(ValueError, match=r"with 2 inputs.*Join them"):
        formats.serving_model(model, (4, 2), LOGITS)


def test_one_unit_gives_the_probability_of_yes_whether_it_ends_in_logits_or_not():
    windows = np.random.default_rng(0).normal(size=(5, 6, 3)).astype("float32")
    inputs = keras.Input((6, 3))
    logits = layers.Dense(1)(layers.Flatten()(inputs))
    z = keras.ops.convert_to_numpy(keras.Model(inputs, logits)(windows))
    for outputs, from_logits in ((logits, True), (keras.ops.sigmoid(logits), False)):
        head = Head("binary", 1, from_logits=from_logits)
        serving = formats.serving_model(keras.Model(inputs, outputs), (6, 3), head)
        found = keras.ops.convert_to_numpy(serving(windows))
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-z)), atol=1e-6)


def test_steps_that_a_model_leaves_open_are_those_of_the_windows():
    target = of_layer(lambda: layers.GRU(4), steps=None)
    assert formats.serving_model(target, (6, 3), LOGITS).input_shape == (None, 6, 3)
    with pytest.raises(ValueError, match=r"\(6, 2\), for .*\(None, 3\).*`stream`"):
        formats.serving_model(target, (6, 2), LOGITS)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (Head("regression", 3, from_logits=False), r"3 values \(regression\)"),
        (Head("multiclass", 3, steps=6), "3 classes at each of 6 steps"),
    ],
)
def test_what_says_no_class_of_a_window_is_refused(head, words):
    target = of_layer(lambda: layers.GRU(4))
    with pytest.raises(ValueError, match=f"{words}.*keras.Model.export"):
        formats.serving_model(target, (6, 3), head)


def test_a_stateful_target_is_refused_and_can_be_built_anew():
    def built(**options):
        inputs = keras.Input(batch_shape=(2, 6, 3))
        x = layers.GRU(4, name="over_time", **options)(inputs)
        return keras.Model(inputs, layers.Dense(3)(x))

    old, new = built(stateful=True), built()
    with pytest.raises(ValueError, match="'over_time' is stateful.*set_weights"):
        formats.serving_model(old, (6, 3), LOGITS)
    new.set_weights(old.get_weights())
    formats.serving_model(new, (6, 3), LOGITS)


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
def test_an_onnx_export_leaves_the_model_as_it_was(tmp_path):
    train, _ = people()
    target = branch(train, "imu")
    normalization = target.layers[1]
    before = normalization.mean
    serving = formats.serving_model(target, (16, 2), LOGITS)
    serving(train.gather("imu"))
    formats.FORMATS["onnx"].write(serving, tmp_path / "target.onnx", None, None)
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
    model = keras.Model(inputs, logits)
    serving = formats.serving_model(model, (8, 2), Head("multiclass", 2))
    path = tmp_path / "target.tflite"
    description = Description(("a", "b"), "imu", 8.0, 1.0, 1.0, (8, 2))
    formats.FORMATS["litert_int8"].write(serving, path, description, windows)
    run, _, _owner = runner.load(path)
    expected = windows[..., 0].mean(axis=1) < 0
    found = run(windows)[0].argmax(axis=-1) == 1
    assert (found == expected).mean() >= 0.98


class Wrapped(layers.Layer):
    """A layer of one's own, which holds a recurrent one."""

    def __init__(self):
        super().__init__()
        self.inner = layers.GRU(4)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x)


RECURRENT = {
    "nested": lambda: keras.Sequential(
        [layers.GRU(4, return_sequences=True), layers.LSTM(4)]
    ),
    "sum": lambda: layers.Bidirectional(layers.LSTM(4), merge_mode="sum"),
    "stacked": lambda: layers.RNN([layers.GRUCell(4), layers.LSTMCell(4)]),
    "masked": lambda: keras.Sequential([layers.Masking(), layers.SimpleRNN(4)]),
    "own": Wrapped,
    "convolutional": lambda: keras.Sequential(
        [layers.Reshape((6, 3, 1)), layers.ConvLSTM1D(2, 2), layers.Flatten()]
    ),
    "each step": lambda: keras.Sequential(
        [
            layers.Reshape((3, 2, 3)),
            layers.TimeDistributed(layers.LSTM(4)),
            layers.GRU(4),
        ]
    ),
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layers_run_in_litert_as_in_the_model(tmp_path, kind):
    pytest.importorskip("ai_edge_litert")
    windows = np.random.default_rng(0).normal(size=(16, 6, 3)).astype("float32")
    windows[:4, 3:] = 0  # which `Masking` leaves out
    serving = formats.serving_model(of_layer(RECURRENT[kind]), (6, 3), LOGITS)
    path = tmp_path / "target.tflite"
    assert formats.has_loop(serving)
    formats.FORMATS["litert"].write(serving, path, None, None)
    run, _, _owner = runner.load(path)
    expected = keras.ops.convert_to_numpy(serving(windows))
    np.testing.assert_allclose(run(windows)[0], expected, atol=1e-5)


@pytest.mark.tensorflow
def test_in_int8_a_loop_keeps_its_computation_and_its_weights_are_small(tmp_path):
    pytest.importorskip("ai_edge_litert")
    windows = np.random.default_rng(0).normal(size=(32, 6, 3)).astype("float32")
    serving = formats.serving_model(of_layer(lambda: layers.LSTM(64)), (6, 3), LOGITS)
    paths = {n: tmp_path / f"{n}.tflite" for n in ("litert", "litert_int8")}
    for name, path in paths.items():
        formats.FORMATS[name].write(serving, path, None, windows)
    run, _, _owner = runner.load(paths["litert_int8"])
    expected = keras.ops.convert_to_numpy(serving(windows))
    np.testing.assert_allclose(run(windows)[0], expected, atol=0.02)
    sizes = [path.stat().st_size for path in paths.values()]
    assert sizes[1] < 0.6 * sizes[0]


@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning")
@pytest.mark.parametrize("name", ["litert", "onnx"])
def test_mixed_precision_is_written_in_float32_and_stays_what_it_is(tmp_path, name):
    pytest.importorskip("ai_edge_litert")
    target = of_layer(lambda: layers.GRU(4), policy="mixed_bfloat16")
    windows = np.random.default_rng(0).normal(size=(16, 6, 3)).astype("float32")
    serving = formats.serving_model(target, (6, 3), LOGITS)
    path = tmp_path / formats.FORMATS[name].file
    formats.FORMATS[name].write(serving, path, None, None)
    run, _, _owner = runner.load(path)
    expected = keras.ops.convert_to_numpy(serving(windows))
    assert expected.dtype == "float32"
    np.testing.assert_allclose(run(windows)[0], expected, atol=0.02)
    assert {layer.compute_dtype for layer in target.layers} == {"bfloat16"}


@pytest.mark.tensorflow
def test_only_what_loops_is_bound_to_one_window():
    unrolled = of_layer(lambda: layers.GRU(4, unroll=True))
    assert not formats.has_loop(formats.serving_model(unrolled, (6, 3), LOGITS))
