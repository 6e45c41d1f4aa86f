import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from keras_dcat.recordings.resampling import Resampler, finite, float_type, held

RATES = [(64.0, 50.0), (50.0, 64.0), (100.0, 20.0), (49.97, 50.0), (20 * np.pi, 50.0)]


def resampled(values, own_rate, rate, offset=0.0, cuts=()):
    """All values, each part computed by itself."""
    resampler = Resampler(own_rate, rate, offset)
    borders = [0, *sorted(cuts), resampler.count(len(values))]
    parts = []
    for first, last in zip(borders, borders[1:], strict=False):
        if first < last:
            reach = resampler.reach(first, last)
            samples = held(lambda a, b: values[a:b], len(values), *reach)
            parts.append(resampler(samples, first, last))
    return np.concatenate(parts)


def tone(hertz, rate, count, start=0.0):
    return np.sin(2 * np.pi * hertz * (start + np.arange(count) / rate))[:, None]


def signal_to_noise(found, expected, inner=slice(40, -40)):
    """In dB, away from the ends."""
    error = found[inner] - expected[inner]
    return 10 * np.log10(np.mean(expected[inner] ** 2) / np.mean(error**2))


@pytest.mark.parametrize(
    ("own_rate", "rate", "hertz", "least"),
    [
        (64.0, 50.0, 15.0, 80),
        (50.0, 64.0, 15.0, 75),
        (44_100.0, 16_000.0, 1000.0, 55),
        (44_100.0, 16_000.0, 5000.0, 55),
        (102.4, 50.0, 10.0, 80),
        (20 * np.pi, 50.0, 10.0, 55),
    ],
)
def test_a_tone_comes_out_as_the_same_tone(own_rate, rate, hertz, least):
    values = tone(hertz, own_rate, 20_000)
    found = resampled(values, own_rate, rate)
    expected = tone(hertz, rate, len(found))
    assert signal_to_noise(found, expected) > least
    noisy = resampled(values.astype("float32"), own_rate, rate)
    assert noisy.dtype == "float32"
    np.testing.assert_allclose(noisy, found, atol=3e-6)


@pytest.mark.parametrize(("up", "down"), [(25, 32), (32, 25), (1, 5), (3, 1)])
def test_values_are_those_of_scipy(up, down, rng):
    values = rng.normal(size=(300, 2, 3))
    found = resampled(values, 10.0 * down, 10.0 * up)
    peer = signal.resample_poly(values, up, down, axis=0, padtype="edge")
    # Phases of SciPy's own filter sum to 1 within 0.07 % only.
    np.testing.assert_allclose(found, peer[: len(found)], atol=4e-3)
    assert abs(len(found) - len(peer)) <= 1


@pytest.mark.parametrize(("own_rate", "rate"), RATES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_constant_stays_so_up_to_the_ends(own_rate, rate, dtype):
    found = resampled(np.full((30, 1), 9.81, dtype), own_rate, rate)
    np.testing.assert_allclose(found, 9.81, rtol=5e-7)


@pytest.mark.parametrize(("own_rate", "rate"), RATES)
@given(cuts=st.lists(st.integers(0, 300), max_size=6))
def test_any_part_is_that_of_the_whole(own_rate, rate, cuts):
    values = np.random.default_rng(0).normal(size=(400, 2))
    whole = resampled(values, own_rate, rate)
    cuts = [cut for cut in cuts if cut < len(whole)]
    parts = resampled(values, own_rate, rate, cuts=cuts)
    np.testing.assert_allclose(parts, whole, atol=1e-12)


@pytest.mark.parametrize("rate", [50.0, 50.000_001, 49.97, 50 * np.sqrt(1.01)])
def test_nothing_drifts_in_a_day(rate):
    own_rate, hertz, last = 20 * np.pi, 5.0, round(86_400 * rate)
    resampler = Resampler(own_rate, rate)
    begin, end = resampler.reach(last - 500, last)
    samples = tone(hertz, own_rate, end - begin, start=begin / own_rate)
    found = resampler(samples, last - 500, last)
    expected = tone(hertz, rate, 500, start=(last - 500) / rate)
    # A hundredth of a step late, it would be 44 dB.
    assert signal_to_noise(found, expected, slice(None)) > 52


@pytest.mark.parametrize("offset", [0.37, 0.5, 2.0, 1 / 3])
def test_the_first_value_lies_at_the_offset(offset):
    found = resampled(tone(7.0, 100.0, 1000), 100.0, 50.0, offset)
    expected = tone(7.0, 50.0, len(found), start=offset / 100)
    assert signal_to_noise(found, expected) > 55


@pytest.mark.parametrize(("own_rate", "rate"), RATES)
def test_values_are_ready_when_all_that_they_are_made_of_is_there(own_rate, rate):
    resampler = Resampler(own_rate, rate)
    for samples in range(120):
        ready = resampler.ready(samples)
        assert resampler.reach(ready, ready + 1)[1] > samples
        assert not ready or resampler.reach(ready - 1, ready)[1] <= samples


def test_a_filter_stays_small_whatever_the_ratio():
    for own_rate, rate in ((44_100.0, 47.123), (1.0, np.e * 1000), (1e5, 1.0)):
        resampler = Resampler(own_rate, rate)
        assert 2 * resampler.half <= 2_000_000
    with pytest.raises(ValueError, match=r"1e\+09 and 50 Hz.*in two steps"):
        Resampler(1e9, 50.0)


def test_ends_are_held_outside_of_what_there_is():
    values = np.array([[1.0], [2.0], [3.0]])
    found = held(lambda first, last: values[first:last], 3, -2, 5)
    assert found[:, 0].tolist() == [1, 1, 1, 2, 3, 3, 3]
    behind = held(lambda first, last: values[first:last], 3, 5, 7)
    assert behind[:, 0].tolist() == [3, 3]


def test_values_that_are_not_finite_are_counted():
    with pytest.raises(ValueError, match="2 of 3 that are not"):
        finite(np.array([np.nan, 1.0, np.inf]))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float16", "float16"), ("float64", "float64"), ("int64", "float32")],
)
def test_floats_keep_their_type_and_ints_become_float32(dtype, expected):
    assert float_type(dtype) == expected


@pytest.mark.parametrize("dtype", ["complex64", "O", "U3", "datetime64[s]"])
def test_what_is_not_real_numbers_is_refused(dtype):
    with pytest.raises(ValueError, match=r"real numbers.*Convert them"):
        float_type(dtype)
