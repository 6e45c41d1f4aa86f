import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.encoders import audio
from keras_dcat.export.formats import serving_model
from keras_dcat.export.micro.lowering import float_model
from keras_dcat.export.micro.spectrum import split
from keras_dcat.transfer.head import Head
from tests.export.micro.models import operations, run, serving

pytestmark = pytest.mark.tensorflow


def sounds(rng, **options):
    keras.utils.set_random_seed(0)
    model = audio((4000, 1), 4, "tiny", sampling_rate=8000, **options)
    windows = rng.normal(0, 0.1, (3, 4000, 1)).astype("float32")
    return serving_model(model, (4000, 1), Head("multiclass", 4)), windows


def mel_spectrum(samples, recipe):
    """By the recipe alone, in NumPy float64."""
    half = recipe.fft // 2
    padded = np.pad(samples.astype("float64"), half, mode="reflect")
    angles = 2 * np.pi * np.arange(recipe.frame) / recipe.frame
    weights = 0.5 - 0.5 * np.cos(angles)
    assert recipe.window == "hann"
    frames = np.stack(
        [
            padded[at : at + recipe.frame] * weights
            for at in range(0, recipe.step * recipe.frames, recipe.step)
        ]
    )
    power = np.abs(np.fft.rfft(frames, recipe.fft)) ** recipe.exponent

    def mel(hertz):
        return 1127 * np.log(1 + np.asarray(hertz) / 700)

    edges = np.linspace(*mel([recipe.lowest, recipe.highest]), recipe.bands + 2)
    bins = mel(np.arange(half + 1) * recipe.sampling_rate / recipe.fft)[:, None]
    rises = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falls = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0, np.minimum(rises, falls))
    bands[0] = 0  # HTK leaves out what does not vary
    found = np.maximum(power @ bands, recipe.least)
    return (10 * np.log10(found) if recipe.decibels else found).T


def test_the_recipe_makes_what_the_model_takes(rng):
    model, windows = sounds(rng)
    front, behind, recipe = split(model)
    expected = mel_spectrum(windows[0, :, 0], recipe)
    found = ops.convert_to_numpy(front(windows))[0]
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert "256 points of FFT" in str(recipe)
    assert behind.input_shape == (None, *expected.shape)


def test_the_two_halves_say_what_the_whole_says(rng):
    model, windows = sounds(rng)
    front, behind, _ = split(model)
    lowered = float_model(behind)
    assert "RFFT2D" not in operations(lowered)
    found = run(lowered, ops.convert_to_numpy(front(windows)))
    expected = ops.convert_to_numpy(model(windows))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_model_that_also_reads_samples_is_refused_with_the_remedy(rng):
    model, _ = sounds(rng, padded=True)
    with pytest.raises(ValueError, match=r"'audio', which reads samples.*padded=False"):
        split(model)


def test_a_model_without_a_spectrum_stays_whole():
    model, _ = serving("imu")
    assert split(model) == (None, model, None)
