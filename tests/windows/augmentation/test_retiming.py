import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.windows.augmentation import (
    Crop,
    TimeWarp,
)

SEEDS = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))


def shown(augmentation, steps, seed=(3, 4), batch=8):
    """The times, from 0 to 1, that an augmentation shows at each step."""
    times = np.linspace(0, 1, steps)
    windows = np.broadcast_to(times[:, None], (batch, steps, 1))
    return augmentation(windows, seed).numpy()[..., 0]


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 0.99), st.integers(2, 300), SEEDS)
def test_warped_time_rises_within_its_speeds_and_keeps_both_ends(strength, steps, seed):
    times = shown(TimeWarp(strength), steps, seed)
    np.testing.assert_allclose(times[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(times[:, -1], 1, atol=1e-12)
    speeds = np.diff(times) * (steps - 1)
    assert speeds.min() >= 1 - strength - 1e-9
    assert speeds.max() <= 1 + strength + 1e-9
    assert speeds.min() > 0


def test_a_strong_warp_moves_the_middle():
    middle = shown(TimeWarp(0.9), 101, batch=500)[:, 50]
    assert middle.min() < 0.43
    assert middle.max() > 0.57


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 1), st.integers(2, 300), SEEDS)
def test_a_crop_is_a_straight_part_of_the_window(share, steps, seed):
    times = shown(Crop(share), steps, seed)
    np.testing.assert_allclose(np.diff(times) * (steps - 1), share, atol=1e-9)
    assert times.min() >= 0
    assert times.max() <= 1 + 1e-12


def test_crops_are_taken_from_the_whole_window():
    begins = shown(Crop(0.4), 11, batch=500)[:, 0]
    assert begins.min() < 0.02
    assert begins.max() > 0.58


@pytest.mark.parametrize("augmentation", [TimeWarp(0.8), Crop(0.3)], ids=str)
def test_values_are_those_of_linear_interpolation(augmentation, rng):
    windows = rng.normal(size=(8, 40, 2, 3))
    varied = augmentation(windows, (3, 4)).numpy()
    times = shown(augmentation, 40)
    for window, moments, actual in zip(windows, times, varied, strict=True):
        for channel in np.ndindex(2, 3):
            at = (slice(None), *channel)
            expected = np.interp(moments, np.linspace(0, 1, 40), window[at])
            np.testing.assert_allclose(actual[at], expected, atol=1e-9)
