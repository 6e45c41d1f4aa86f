import keras
import numpy as np
import pytest

from keras_dcat.encoders import audio
from keras_dcat.encoders.audio import audio_mask
from tests.encoders import contract


def build(size="tiny", **options):
    return audio((4000, 1), 5, size, sampling_rate=8000, **options)


def test_it_is_an_ordinary_model_that_ends_in_attention(rng):
    contract.check(build, rng)
    contract.check(lambda: build(num_mels=20, key_dim=8, depth_dropout=0.1), rng)


def test_it_computes_in_mixed_precision(rng):
    contract.check_mixed_precision(build, rng)


def test_its_table_says_what_it_costs():
    contract.check_costs(
        audio, lambda size: audio((8000, 1), 10, size, sampling_rate=8000)
    )


@pytest.mark.slow
def test_it_learns_which_tone_it_hears(rng):
    times = np.arange(4000) / 8000
    labels = np.repeat(np.arange(5), 6)
    tones = np.sin(2 * np.pi * times * (300 * 1.5 ** labels[:, None] + 10))
    tones = tones + 0.3 * rng.normal(size=tones.shape)
    model = build()
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    tones = tones[..., None].astype("float32")
    losses = model.fit(tones, labels, epochs=30, batch_size=30, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0] / 4


def test_neither_loudness_nor_the_rest_of_the_batch_matters(rng):
    model = build()
    quiet = rng.normal(0, 1e-3, (2, 4000, 1)).astype("float32")
    loud = rng.normal(0, 1, (1, 4000, 1)).astype("float32")
    alone = model.predict(quiet, verbose=0)
    in_company = model.predict(np.concatenate([quiet, loud]), verbose=0)[:2]
    louder = model.predict(30 * quiet, verbose=0)
    assert np.ptp(alone, axis=0).max() > 1e-2
    np.testing.assert_allclose(in_company, alone, atol=1e-4)
    np.testing.assert_allclose(louder, alone, atol=1e-3)


def test_silence_around_a_sound_does_not_change_its_spectra(rng):
    sound = rng.normal(size=2000) * np.linspace(1, 0.1, 2000)
    spectra = []
    for begin, samples in ((1600, 6000), (4000, 12000)):
        window = np.zeros((1, samples, 1), "float32")
        window[0, begin : begin + 2000, 0] = sound
        model = audio(window.shape[1:], 5, "tiny", sampling_rate=8000)
        before = next(x for x in model.layers if isinstance(x, keras.layers.Permute))
        read = keras.Model(model.input, before.output)
        seen = np.array(read.predict(window, verbose=0))[0]
        spectra.append(seen[begin // 80 : begin // 80 + 25])  # a step is 10 ms
    np.testing.assert_allclose(*spectra, atol=1e-3)


@pytest.mark.parametrize("padded", [True, False])
def test_how_much_padding_follows_a_sound_matters_only_if_it_is_taken_for_sound(
    rng, padded
):
    sound = np.zeros((3, 13120, 1), "float32")
    sound[:, :5000, 0] = rng.normal(size=(3, 5000))
    short, long = (
        audio((samples, 1), 5, "tiny", sampling_rate=8000, padded=padded)
        for samples in (8000, 13120)  # 101 and 165 spectra: both halve alike
    )
    long.set_weights(short.get_weights())
    logits = short.predict(sound[:, :8000], verbose=0)
    same = np.allclose(long.predict(sound, verbose=0), logits, atol=1e-4)
    assert same == padded


@pytest.mark.parametrize("stride", [80, 1, 77])
def test_a_spectrum_is_real_if_there_is_a_sample_around_its_middle(stride):
    samples = np.zeros((1, 4000, 1), "float32")
    samples[0, 1000] = 1.0
    frames = 1 + 4000 // stride
    mask = np.array(audio_mask(samples, frames, stride))[0]
    middles = np.arange(frames) * stride
    assert np.abs(middles[mask] - 1000).tolist() == [np.abs(middles - 1000).min()]


def test_windows_of_several_channels_are_refused():
    with pytest.raises(ValueError, match=r"shape=\(4000, 2\).*Mix channels"):
        audio((4000, 2), 5)
