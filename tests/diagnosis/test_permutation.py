import numpy as np
import pytest

from keras_dcat.diagnosis import permutation


def test_folds_keep_groups_whole_and_are_of_much_the_same_size(rng):
    groups = np.sort(rng.integers(0, 25, size=500))
    fold = permutation.fold_of_windows(len(groups), groups, rng)
    assert all(len(np.unique(fold[groups == g])) == 1 for g in range(25))
    sizes = np.bincount(fold)
    assert len(sizes) == 10
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()


def test_without_groups_every_window_is_in_one_of_five_folds(rng):
    fold = permutation.fold_of_windows(52, None, rng)
    assert sorted(np.bincount(fold)) == [10, 10, 10, 11, 11]
    assert len(np.unique(fold[:10])) > 1  # not one after the other


def test_a_single_group_counts_as_none(rng):
    fold = permutation.fold_of_windows(52, np.zeros(52, int), rng)
    assert sorted(np.bincount(fold)) == [10, 10, 10, 11, 11]


def test_units_are_groups_or_at_most_200_blocks_of_neighbours():
    groups = np.array([1, 0, 1])
    assert permutation.units_of_windows(3, groups) is groups
    assert permutation.units_of_windows(3, None).tolist() == [0, 1, 2]
    units = permutation.units_of_windows(1001, None)
    assert (np.diff(units) >= 0).all()
    assert set(np.bincount(units)) == {5, 6}


def test_the_interval_of_a_mean_is_two_standard_errors_either_way(rng):
    values = rng.normal(size=400)
    low, high = permutation.interval(lambda w: w @ values / 400, 400, seed=0)
    error = values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.25 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.25 * error)


def test_swaps_stay_in_their_stratum_and_are_not_always_the_same(rng):
    strata = rng.integers(0, 3, size=60)
    orders = [permutation.swapped(strata, rng) for _ in range(2)]
    for order in orders:
        assert sorted(order) == list(range(60))
        np.testing.assert_array_equal(strata[order], strata)
    assert not np.array_equal(*orders)
