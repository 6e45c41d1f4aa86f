import numpy as np
import pytest

from keras_dcat.windows.augmentation import ColoredNoise, SpeedPerturbation

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


def test_noise_is_as_strong_as_is_said(rng):
    windows = rng.normal(0, 3, (400, 500, 2))
    varied = ColoredNoise(low=0.0, high=20.0)(windows, (0, 1)).numpy()
    noise = varied - windows
    power = np.square(windows).mean(axis=(1, 2)) / np.square(noise).mean(axis=(1, 2))
    ratios = 10 * np.log10(power)
    assert -0.2 < ratios.min() < 1
    assert 19 < ratios.max() < 20.2
    assert abs(ratios.mean() - 10) < 1
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("steps", [400, 401])
def test_noise_is_white_or_colored(rng, steps):
    windows = rng.normal(size=(200, steps, 1))
    slopes = []
    frequencies = np.fft.rfftfreq(steps)[1:]
    for color in (0.0, 3.0):
        varied = ColoredNoise(0.0, 0.0, color)(windows, (0, 1)).numpy()
        spectra = np.square(np.abs(np.fft.rfft((varied - windows)[..., 0])))[:, 1:]
        slope = np.polyfit(np.log(frequencies), np.log(spectra).T, 1)[0]
        slopes.append(slope)
    assert np.abs(slopes[0]).max() < 0.4
    assert -3.4 < slopes[1].min() < -2.6
    assert slopes[1].max() > -0.4


def test_silence_stays_silent():
    silence = np.zeros((3, 100, 1), "float32")
    np.testing.assert_array_equal(ColoredNoise()(silence, (0, 1)), silence)


def test_ratios_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match=r"low=30, high=10.*Exchange"):
        ColoredNoise(30, 10)
