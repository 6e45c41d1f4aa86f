import keras
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, normalization_layer


def test_training_windows_come_out_with_mean_zero_and_variance_one(rng, tmp_path):
    values = rng.normal([5.0, -3.0], [2.0, 0.1], size=(500, 2)).astype("float32")
    recordings = [Recording({"a": Stream(values, 50.0)}, 0, "A")]
    index = index_windows(recordings, length=2.0, stride=2.0)
    model = keras.Sequential(
        [keras.Input(index.shape("a")), normalization_layer(index, "a")]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    outputs = keras.ops.convert_to_numpy(loaded(index.gather("a")))
    assert outputs.mean(axis=(0, 1)) == pytest.approx([0.0, 0.0], abs=1e-4)
    assert outputs.std(axis=(0, 1)) == pytest.approx([1.0, 1.0], rel=1e-4)


def test_all_pixels_of_a_colour_are_one_channel(rng):
    frames = rng.normal([5.0, -3.0, 1.0], [2.0, 0.1, 0.0], size=(100, 4, 5, 3))
    frames[:, 0] += 10.0  # a bright row: of each pixel alone nothing would be left
    index = index_windows([Recording({"a": Stream(frames, 50.0)}, 0, "A")], 1.0, 1.0)
    outputs = normalization_layer(index, "a")(index.gather("a"))
    outputs = keras.ops.convert_to_numpy(outputs)
    assert outputs.mean(axis=(0, 1, 2, 3)) == pytest.approx([0.0] * 3, abs=1e-4)
    assert outputs.std(axis=(0, 1, 2, 3)) == pytest.approx([1.0] * 3, rel=1e-4)
    assert outputs[:, :, 0].mean() > 1.0
