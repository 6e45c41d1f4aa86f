import numpy as np
import pytest

from keras_dcat.windows.augmentation import (
    FrequencyMask,
    Jitter,
    Scaling,
    TimeMask,
)


def test_noise_has_the_deviation_asked_for_in_each_channel():
    noise = Jitter((0.5, 0.0, 4.0))(np.full((50, 200, 3), 7.0), (1, 2)).numpy() - 7
    np.testing.assert_allclose(noise.std(axis=(0, 1)), [0.5, 0.0, 4.0], rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=(0, 1)), 0.0, atol=0.1)


def test_a_channel_is_scaled_by_one_positive_factor_for_the_whole_window(rng):
    windows = rng.normal(size=(2000, 5, 3))
    factors = Scaling(0.3)(windows, (1, 2)).numpy() / windows
    np.testing.assert_allclose(factors, factors[:, :1] * np.ones((5, 1)))
    assert factors.min() > 0
    logarithms = np.log(factors[:, 0])
    np.testing.assert_allclose(logarithms.std(axis=0), 0.3, rtol=0.05)
    correlation = np.corrcoef(logarithms.T) - np.eye(3)
    np.testing.assert_allclose(correlation, 0, atol=0.1)


def hidden_runs(varied, windows, axis):
    """Where each window was changed along an axis: bool `(batch, size)`."""
    is_hidden = np.swapaxes(varied != windows, 1, axis)
    mean = np.swapaxes(windows.mean(axis=axis, keepdims=True), 1, axis)
    swapped = np.swapaxes(varied, 1, axis)
    np.testing.assert_array_equal(is_hidden.all(axis=2), is_hidden.any(axis=2))
    expected = np.broadcast_to(mean, swapped.shape)
    np.testing.assert_allclose(swapped[is_hidden], expected[is_hidden])
    return is_hidden.all(axis=2)


@pytest.mark.parametrize(("mask", "axis"), [(TimeMask, 1), (FrequencyMask, 2)])
def test_a_mask_hides_one_run_of_any_length_up_to_its_share(mask, axis, rng):
    windows = rng.normal(size=(2000, 20, 20))
    hidden = hidden_runs(mask(0.29)(windows, (1, 2)).numpy(), windows, axis)
    lengths = hidden.sum(axis=1)
    assert np.unique(lengths).tolist() == [0, 1, 2, 3, 4, 5]  # ⌊0.29 · 20⌋
    np.testing.assert_allclose(np.bincount(lengths) / 2000, 1 / 6, atol=0.03)
    edges = np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int))
    np.testing.assert_array_equal((edges == 1).sum(axis=1), lengths > 0)
    assert hidden.any(axis=0).all()  # at both ends, too


def test_as_many_runs_are_hidden_as_asked_for_and_at_most_all(rng):
    windows = rng.normal(size=(500, 60, 2))
    hidden = hidden_runs(TimeMask(0.1, count=3)(windows, (1, 2)).numpy(), windows, 1)
    runs = (np.diff(np.pad(hidden, ((0, 0), (1, 0))).astype(int)) == 1).sum(axis=1)
    assert runs.max() == 3
    assert hidden.sum(axis=1).max() <= 18
    whole = hidden_runs(TimeMask(1.0)(windows, (1, 2)).numpy(), windows, 1)
    assert whole.sum(axis=1).max() == 60
