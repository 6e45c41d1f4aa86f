import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.transfer.losses.statistics import SourceStatistics
from keras_dcat.windows.augmentation import (
    Compose,
    Crop,
    Jitter,
    Rotation3D,
    Scaling,
    TimeMask,
    TimeWarp,
    augment_pairs,
    augment_windows,
)


def pairs_of_clocks(steps, count=10, batch_size=4):
    """Both sides of a pair show the time, a window from 0 to 1; labels count."""
    windows = {
        side: np.tile((np.arange(n) / n)[:, None], (count, 1, 1))
        for side, n in zip(("source", "target"), steps, strict=True)
    }
    labels, weights = np.arange(count), np.arange(count) / 10
    dataset = tf.data.Dataset.from_tensor_slices((windows, labels, weights))
    return dataset.batch(batch_size)


def passed_over(dataset):
    """One pass over the dataset: source, target, labels and weights."""
    batches = [
        (inputs["source"], inputs["target"], labels, weights)
        for inputs, labels, weights in dataset.as_numpy_iterator()
    ]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


@settings(max_examples=12, deadline=None)
@given(
    st.integers(2, 40),
    st.integers(1, 5),
    st.one_of(
        st.builds(TimeWarp, st.floats(0, 0.99)), st.builds(Crop, st.floats(0.01, 1))
    ),
    st.integers(0, 1000),
    st.booleans(),
)
def test_a_pair_shows_the_same_moments_after_a_warp(steps, times, change, seed, turn):
    counts = (steps * times, steps) if turn else (steps, steps * times)
    dataset = augment_pairs(pairs_of_clocks(counts), together=change, seed=seed)
    fast, slow = sorted(passed_over(dataset)[:2], key=lambda side: -side.shape[1])
    np.testing.assert_allclose(fast[:, ::times], slow, atol=1e-9)
    assert np.all(np.diff(fast[..., 0]) > 0)
    assert fast.max() <= 1 - 1 / (steps * times) + 1e-9


def test_a_target_is_warped_alike_whatever_it_is_paired_with():
    warped = []
    for source_steps in (30, 60):
        clocks = pairs_of_clocks((source_steps, 60))
        dataset = augment_pairs(clocks, together=TimeWarp(0.5), fewest_steps=30, seed=0)
        warped.append(passed_over(dataset)[1])
    np.testing.assert_array_equal(*warped)


def test_every_pair_is_warped_in_its_own_way():
    dataset = augment_pairs(pairs_of_clocks((30, 60)), together=TimeWarp(0.5), seed=0)
    target = passed_over(dataset)[1]
    assert np.ptp(target, axis=0).max() > 0.05
    assert len({window.tobytes() for window in target}) == 10


def test_one_side_is_varied_without_the_other_and_labels_stay():
    clocks = pairs_of_clocks((30, 60))
    source, target, labels, weights = passed_over(clocks)
    varied = passed_over(augment_pairs(clocks, target=Jitter(1.0), seed=0))
    np.testing.assert_array_equal(varied[0], source)
    assert (varied[1] - target).std() == pytest.approx(1.0, rel=0.1)
    np.testing.assert_array_equal(varied[2], labels)
    np.testing.assert_array_equal(varied[3], weights)
    both = augment_pairs(clocks, source=Jitter(1.0), target=Jitter(1.0), seed=0)
    both = passed_over(both)
    np.testing.assert_array_equal(both[1], varied[1])
    correlation = np.corrcoef(
        np.ravel(both[0] - source), np.ravel((both[1] - target)[:, ::2])
    )
    assert abs(correlation[0, 1]) < 0.25


def test_a_seed_repeats_the_epochs_each_of_which_is_new():
    def epochs(seed):
        options = {"source": Jitter(1.0), "together": TimeWarp(0.5), "seed": seed}
        dataset = augment_pairs(pairs_of_clocks((30, 60)), **options)
        return [passed_over(dataset) for _ in range(3)]

    first, again, other = epochs(1), epochs(1), epochs(2)
    np.testing.assert_equal(again, first)
    for side in (0, 1):
        passes = [epoch[side] for epoch in (*first, *other)]
        assert len({values.tobytes() for values in passes}) == 6


def test_what_a_batch_is_like_does_not_change():
    clocks = pairs_of_clocks((30, 60))
    varied = augment_pairs(
        clocks, source=Scaling(0.1), target=TimeMask(0.1), together=Crop(0.9)
    )
    assert varied.element_spec == clocks.element_spec
    assert varied.cardinality() == 3


@pytest.mark.parametrize(
    "options",
    [
        {"source": TimeWarp(0.1)},
        {"target": Compose((Jitter(0.1), Compose((Crop(0.5),))))},
        {"source": [Jitter(0.1), TimeWarp(0.1)]},
        {"together": Jitter(0.1)},
        {"together": lambda windows, seed: windows},
    ],
)
def test_what_would_bring_a_pair_out_of_step_is_refused(options):
    with pytest.raises(ValueError, match=r"only it.*Received:.*as `together`; call"):
        augment_pairs(pairs_of_clocks((30, 60)), **options)


def clocks_of_several(sources, target, count=10):
    """Two sources and a target, of so many steps each, that all show the time."""
    clocks = [
        np.tile((np.arange(n) / n)[:, None], (count, 1, 1)) for n in (*sources, target)
    ]
    inputs = {"source": tuple(clocks[:-1]), "target": clocks[-1]}
    return tf.data.Dataset.from_tensor_slices((inputs, np.arange(count))).batch(4)


def sides_of(dataset):
    """One pass over the dataset: every source, then the target."""
    batches = [(*x["source"], x["target"]) for x, _ in dataset.as_numpy_iterator()]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


@pytest.mark.parametrize("change", [TimeWarp(0.5), Crop(0.6)])
def test_all_sources_show_the_same_moments_after_a_warp(change):
    clocks = clocks_of_several((30, 20), 60)
    slow, slower, fast = sides_of(augment_pairs(clocks, together=change, seed=0))
    np.testing.assert_allclose(fast[:, ::2], slow, atol=1e-9)
    np.testing.assert_allclose(fast[:, ::3], slower, atol=1e-9)
    assert np.abs(slow - np.arange(30)[:, None] / 30).max() > 0.01


def test_a_target_and_a_first_source_vary_alike_however_many_sources_there_are():
    vary = {"target": Jitter(1.0), "together": Crop(0.5), "fewest_steps": 20, "seed": 0}
    alone = augment_pairs(pairs_of_clocks((30, 60)), source=Jitter(0.5), **vary)
    several = augment_pairs(
        clocks_of_several((30, 20), 60), source=[Jitter(0.5), Scaling(0.1)], **vary
    )
    for _ in range(2):  # epochs
        source, target, *_ = passed_over(alone)
        first, _, same_target = sides_of(several)
        np.testing.assert_array_equal(same_target, target)
        np.testing.assert_array_equal(first, source)


def test_each_source_is_varied_by_its_own_augmentation_in_its_own_way():
    clocks = clocks_of_several((30, 30), 60, count=40)
    before = sides_of(clocks)
    both = sides_of(augment_pairs(clocks, source=(Jitter(1.0), Jitter(2.0)), seed=0))
    first, second, target = (b - a for a, b in zip(before, both, strict=True))
    assert first.std() == pytest.approx(1.0, rel=0.1)
    assert second.std() == pytest.approx(2.0, rel=0.1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    assert not target.any()
    one = sides_of(augment_pairs(clocks, source=[None, Jitter(2.0)], seed=0))
    np.testing.assert_array_equal(one[0], before[0])
    np.testing.assert_array_equal(one[1], both[1])
    varied = augment_pairs(clocks, source=[None, Jitter(2.0)])
    assert varied.element_spec == clocks.element_spec


def with_statistics():
    """Pairs of which the second source has statistics in the place of windows."""
    clocks = clocks_of_several((30, 20), 60)
    known = SourceStatistics(tf.zeros((4, 3)), (tf.ones((4, 1, 2, 2)),))

    def replaced(inputs, labels):
        return {**inputs, "source": (inputs["source"][0], known)}, labels

    return clocks.map(replaced)


def test_a_source_whose_statistics_are_known_is_left_as_it_is():
    pairs = with_statistics()
    varied = augment_pairs(
        pairs, source=[Jitter(1.0), None], together=Crop(0.5), seed=0
    )
    assert varied.element_spec == pairs.element_spec
    for (inputs, _), (old, _) in zip(varied, pairs, strict=True):
        assert np.abs(inputs["source"][0] - old["source"][0]).max() > 1
        assert np.abs(inputs["target"] - old["target"]).max() > 0.01
        tf.nest.map_structure(
            np.testing.assert_array_equal, inputs["source"][1], old["source"][1]
        )
    with pytest.raises(ValueError, match="known cannot be varied.*Vary the target"):
        augment_pairs(pairs, source=[None, Jitter(1.0)])


@pytest.mark.parametrize("source", [Jitter(1.0), [Jitter(1.0)], [None] * 3])
def test_there_must_be_an_augmentation_for_each_of_several_sources(source):
    with pytest.raises(ValueError, match=r"for each.*for 2 source.*Give as many"):
        augment_pairs(clocks_of_several((30, 20), 60), source=source)


def test_a_single_source_has_no_sequence_of_augmentations():
    with pytest.raises(ValueError, match=r"source=\[Jitter.*for 1 source"):
        augment_pairs(pairs_of_clocks((30, 60)), source=[Jitter(1.0)])


def test_batches_that_are_no_pairs_and_sides_that_do_not_fit_are_refused():
    single = tf.data.Dataset.from_tensors((np.zeros((2, 3, 4)), np.zeros(2)))
    with pytest.raises(ValueError, match=r"TensorSpec.*`pair_dataset`"):
        augment_pairs(single)
    with pytest.raises(ValueError, match=r"two steps or more.*longer windows"):
        augment_pairs(pairs_of_clocks((1, 60)), together=TimeWarp(0.1))
    with pytest.raises(ValueError, match=r"for 1 channels"):
        augment_pairs(pairs_of_clocks((30, 60)), source=Rotation3D(9))


def test_windows_of_one_modality_are_varied_anew_in_every_epoch():
    windows, labels = np.ones((6, 20, 3), "float32"), np.arange(6)
    plain = tf.data.Dataset.from_tensor_slices((windows, labels)).batch(4)
    for seed in (0, 1):
        runs = [
            [
                np.concatenate([batch for batch, _ in dataset.as_numpy_iterator()])
                for _ in range(2)
            ]
            for dataset in (augment_windows(plain, Jitter(0.5), seed) for _ in "ab")
        ]
        np.testing.assert_array_equal(runs[0], runs[1])
        assert not np.array_equal(*runs[0])
        assert (runs[0][0] - windows).std() == pytest.approx(0.5, rel=0.15)
    varied = augment_windows(plain, Crop(0.5))
    assert varied.element_spec == plain.element_spec
    read = np.concatenate([labels for _, labels in varied.as_numpy_iterator()])
    np.testing.assert_array_equal(read, labels)


def test_pairs_are_not_varied_as_windows():
    with pytest.raises(ValueError, match=r"of pairs, use `augment_pairs`"):
        augment_windows(pairs_of_clocks((30, 60)), Jitter(0.1))
