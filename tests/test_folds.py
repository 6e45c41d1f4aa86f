import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.folds import dealt


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=3, max_size=7), st.data())
def test_groups_stay_whole_and_folds_are_as_even_as_they_allow(sizes, data):
    folds = data.draw(st.integers(2, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 3)))
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    fold = dealt(groups, folds, rng)
    assert all(len(set(fold[groups == group])) == 1 for group in range(len(sizes)))
    counts = np.bincount(fold)
    assert len(counts) == folds
    assert counts.sum() == sum(sizes)
    assert max(counts) - min(counts) <= max(sizes)
    # Graham, 1969: the largest is at most 4/3 of what the best of all splits has
    best = min(
        np.bincount(fold_of, weights=sizes).max()
        for fold_of in itertools.product(range(folds), repeat=len(sizes))
    )
    assert max(counts) <= 4 / 3 * best


def test_the_order_of_groups_of_one_size_is_that_of_the_generator():
    groups = np.repeat(np.arange(12), 5)
    first, again, other = (
        dealt(groups, 4, np.random.default_rng(seed)).tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_that_cannot_be_are_refused(folds, rng):
    message = rf"a night for each.*folds={folds}, nights: 3.*fewer folds, or add nights"
    with pytest.raises(ValueError, match=message):
        dealt(np.array([0, 1, 2, 2]), folds, rng, kind="night")
