import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

from keras_dcat.recordings.interpolation import interpolated


def test_few_samples_are_joined_by_cubics_with_the_slopes_of_parabolas(rng):
    for _ in range(20):
        times = np.cumsum(rng.uniform(0.5, 1.0, 12))
        values = rng.normal(size=12)
        moments = np.linspace(times[1], times[-2], 100)
        found = interpolated(values[:, None], times, moments)[:, 0]
        slopes = np.gradient(values, times)  # of the second order, at uneven places too
        peer = CubicHermiteSpline(times, values, slopes)(moments)
        np.testing.assert_allclose(found, peer, atol=1e-12)


@pytest.mark.parametrize(("jitter", "least"), [(0.0, 65), (0.05, 40), (0.4, 23)])
def test_a_tone_at_half_of_what_the_samples_can_show_comes_out(jitter, least, rng):
    times = np.arange(1000) + rng.uniform(-jitter / 2, jitter / 2, 1000)
    moments = np.linspace(50, 950, 3001)
    hertz = 0.23
    found = interpolated(np.sin(2 * np.pi * hertz * times)[:, None], times, moments)
    expected = np.sin(2 * np.pi * hertz * moments)
    error = found[:, 0] - expected
    assert 10 * np.log10(np.mean(expected**2) / np.mean(error**2)) > least


def test_slow_movement_comes_out_however_uneven_the_clock_is(rng):
    times = np.arange(1000) + rng.uniform(-0.2, 0.2, 1000)
    moments = np.linspace(50, 950, 3001)
    found = interpolated(np.sin(0.3 * times)[:, None], times, moments)[:, 0]
    np.testing.assert_allclose(found, np.sin(0.3 * moments), atol=4e-3)


def test_what_is_constant_stays_so(rng):
    times = np.cumsum(rng.uniform(0.1, 3.0, 200))
    moments = np.linspace(-5, times[-1] + 5, 1000)
    found = interpolated(np.full((200, 1), 9.81), times, moments)
    np.testing.assert_allclose(found, 9.81, rtol=1e-12)


def test_both_ends_are_held():
    found = interpolated(
        np.array([[1.0], [4.0]]), np.array([0.0, 1.0]), np.array([-3, 9])
    )
    assert found[:, 0].tolist() == [1.0, 4.0]
    one = interpolated(np.array([[7.0, 8.0]]), np.array([0.0]), np.array([-1.0, 0.0]))
    assert one.tolist() == [[7.0, 8.0]] * 2


def test_a_gap_is_bridged_by_a_straight_line(rng):
    times = np.concatenate([np.arange(50.0), 60 + np.arange(50.0)])
    values = rng.normal(size=(100, 2))
    moments = np.linspace(49, 60, 100)
    found = interpolated(values, times, moments)
    expected = [np.interp(moments, times, channel) for channel in values.T]
    np.testing.assert_allclose(found, np.transpose(expected), atol=1e-12)


def test_noise_in_packets_is_not_blown_up(rng):
    times = (np.arange(100)[:, None] + 1e-5 * np.arange(5)).ravel()
    values = rng.normal(size=(500, 1))
    found = interpolated(values, times, np.linspace(0, 99, 5000))
    assert np.abs(found).max() <= np.abs(values).max() + 1e-9


def test_float32_stays_float32_and_channels_keep_their_shape(rng):
    values = rng.normal(size=(40, 2, 3)).astype("float32")
    found = interpolated(values, np.arange(40.0), np.arange(0, 39, 0.5))
    assert (found.dtype, found.shape) == (np.float32, (78, 2, 3))
    np.testing.assert_allclose(found[::2], values[:-1], atol=1e-6)
