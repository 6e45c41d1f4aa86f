import numpy as np

from keras_dcat.windows.augmentation import SpeedPerturbation

RATE = 8000
TIMES = np.arange(RATE) / RATE


def tone(frequency, begin=0.3, end=0.7):
    sound = np.sin(2 * np.pi * frequency * TIMES) * ((TIMES > begin) & (TIMES < end))
    return np.repeat(sound[None, :, None], 40, axis=0)


def test_speed_changes_pitch_and_length_alike():
    varied = SpeedPerturbation(strength=0.2, shift=0.0)(tone(400), (0, 1)).numpy()
    spectra = np.abs(np.fft.rfft(varied[..., 0], axis=1))
    pitches = spectra.argmax(axis=1)
    lengths = (np.abs(varied[..., 0]) > 0.05).sum(axis=1) / RATE
    assert 400 * np.exp(-0.2) - 3 <= pitches.min() < 350
    assert 450 < pitches.max() <= 400 * np.exp(0.2) + 3
    whole = pitches < 440  # a slower tone may leave the window
    product = pitches * lengths
    np.testing.assert_allclose(product[~whole], product[~whole][0], rtol=0.03)


def test_sound_moves_by_a_share_of_the_window():
    varied = SpeedPerturbation(strength=0.0, shift=0.1)(tone(400), (0, 1)).numpy()
    first = (np.abs(varied[..., 0]) > 0.05).argmax(axis=1) / RATE
    assert np.all(np.abs(first - 0.3) <= 0.1 + 1e-3)
    assert np.ptp(first) > 0.15
    np.testing.assert_allclose(np.abs(varied).max(axis=(1, 2)), 1, atol=0.05)


def test_what_is_not_in_the_window_is_silence():
    loud = np.ones((40, 1000, 1))
    varied = SpeedPerturbation(strength=0.0, shift=0.2)(loud, (0, 1)).numpy()
    heard = varied[..., 0] > 0.99
    assert 0.79 <= heard.mean(axis=1).min() < 0.85
    assert set(np.unique(varied.round(6))[[0, -1]]) == {0.0, 1.0}


def test_without_strength_nothing_changes(rng):
    windows = rng.normal(size=(4, 30, 6))
    varied = SpeedPerturbation(0.0, 0.0)(windows, (0, 1))
    np.testing.assert_allclose(varied, windows, atol=1e-12)
