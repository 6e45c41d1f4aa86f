import warnings

import numpy as np
import pytest
import tensorflow as tf

from keras_dcat.windows.log_mel import log_mel_dataset

RATE = 8000


def batches(audio, side=None):
    inputs = audio if side is None else {"source": audio, "target": audio[:, :5]}
    return tf.data.Dataset.from_tensors((inputs, np.zeros(len(audio))))


def spectrograms(audio, **options):
    ((values, _),) = log_mel_dataset(batches(audio), RATE, **options)
    return values.numpy()


def tone(frequency, seconds=0.5):
    times = np.arange(round(seconds * RATE)) / RATE
    return np.sin(2 * np.pi * frequency * times).astype("float32")[None, :, None]


def test_it_is_what_tensorflow_io_computes(rng):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its native readers do not load everywhere
        audio_ops = pytest.importorskip("tensorflow_io").audio
    audio = rng.normal(size=(1, 4000, 1)).astype("float32")
    values = audio_ops.spectrogram(audio[0, :, 0], nfft=256, window=200, stride=80)
    values = audio_ops.melscale(values, rate=RATE, mels=40, fmin=50, fmax=4000)
    expected = audio_ops.dbscale(values, top_db=60)
    actual = spectrograms(audio, mels=40, lowest=50, dynamic_range=60)
    np.testing.assert_allclose(actual[0], expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 3000.0])
def test_a_tone_is_loudest_in_its_own_band(frequency):
    def mel(hertz):
        return 1127 * np.log1p(hertz / 700)

    values = spectrograms(tone(frequency), mels=40)[0, 5:-5]
    edges = np.linspace(mel(0), mel(4000), 42)
    band = np.abs(edges[1:-1] - mel(frequency)).argmin()
    assert np.abs(values.argmax(axis=-1) - band).max() <= 1


def test_a_window_looks_the_same_in_any_company():
    quiet, loud = 0.1 * tone(500.0), 100.0 * tone(900.0)
    alone = spectrograms(quiet)
    beside = spectrograms(np.concatenate([quiet, loud]))
    np.testing.assert_allclose(beside[:1], alone, atol=1e-4)
    assert alone.max() - alone.min() == pytest.approx(80.0, abs=0.01)


def test_one_side_of_a_pair_is_converted_and_the_other_left_alone(rng):
    audio = rng.normal(size=(2, 4000, 1)).astype("float32")
    dataset = log_mel_dataset(batches(audio, side="source"), RATE, "source", mels=16)
    ((pair, _),) = dataset
    assert pair["source"].shape == (2, 50, 16)
    np.testing.assert_array_equal(pair["target"], audio[:, :5])


def test_stereo_and_bands_above_half_the_rate_are_refused(rng):
    with pytest.raises(ValueError, match=r"shape \(2, 4000, 2\).*Mix the channels"):
        spectrograms(rng.normal(size=(2, 4000, 2)))
    with pytest.raises(ValueError, match=r"highest=5000 at rate=8000.*lower it"):
        spectrograms(tone(500.0), highest=5000)
