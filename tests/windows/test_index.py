import dataclasses
import tracemalloc

import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows
from tests.streams import two_clocks


def test_a_subset_keeps_the_windows_it_is_told_to():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    chosen = np.arange(len(index)) % 2 == 0
    subset = index.subset(chosen)
    np.testing.assert_array_equal(subset.gather("b"), index.gather("b")[chosen])
    np.testing.assert_array_equal(subset.gather("b", [1]), index.gather("b")[[2]])
    assert index.shape("b") == (40, 1)


def test_moments_are_those_of_the_samples_inside_its_windows_only():
    recordings = [two_clocks(), two_clocks(starts=(1000.0, 1000.0), subject="B")]
    index = index_windows(recordings, length=2.0, stride=1.0)
    mean, variance = index.subset(index.subjects == "A").moments("a")
    times = np.arange(500) / 50  # every sample once, though windows overlap
    assert mean == pytest.approx([times.mean()])
    assert variance == pytest.approx([times.var()])


def test_a_channel_that_never_moves_has_a_variance_of_one():
    still = Recording({"a": Stream(np.full((100, 2), 3.0), 50.0)}, 0, "A")
    mean, variance = index_windows([still], 1.0, 1.0).moments("a")
    assert mean.tolist() == [3.0, 3.0]
    assert variance.tolist() == [1.0, 1.0]


def test_a_channel_that_moves_a_little_keeps_its_variance():
    values = 1e-4 + 1e-4 * np.sin(np.arange(100))[:, None]
    small = Recording({"a": Stream(values, 50.0)}, 0, "A")
    _, variance = index_windows([small], 1.0, 1.0).moments("a")
    assert variance == pytest.approx([values.var()])


def test_every_real_sample_of_a_padded_window_is_in_it():
    # 57 of 100 samples: in floating point, 0.57 · 100 is a little less.
    short = Recording({"a": Stream(np.ones((57, 1)), 50.0)}, 0, "A")
    index = index_windows([short], 2.0, 1.0, short="pad")
    assert index.mask("a").sum() == index.gather("a").sum() == 57


def test_windows_with_a_label_are_told_from_those_without():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    hidden = index.without_labels(np.arange(len(index)) % 2 == 0)
    np.testing.assert_array_equal(hidden.is_labelled, np.arange(len(index)) % 2 == 1)


def test_labels_can_be_taken_away_without_a_change_of_the_index():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    before = index.labels.copy()
    hidden = index.without_labels(np.arange(len(index)) % 2 == 0)
    assert (hidden.labels[::2] == -1).all()
    np.testing.assert_array_equal(hidden.labels[1::2], before[1::2])
    np.testing.assert_array_equal(index.labels, before)
    np.testing.assert_array_equal(hidden.gather("b"), index.gather("b"))


def test_labels_of_some_subjects_can_be_all_that_is_known():
    recordings = [dataclasses.replace(two_clocks(), subject=who) for who in "ABC"]
    index = index_windows(recordings, length=2.0, stride=1.0)
    known = index.keep_labels_of(["A", "C"])
    np.testing.assert_array_equal(known.is_labelled, index.subjects != "B")
    np.testing.assert_array_equal(known.labels[known.is_labelled], index.labels[0])
    assert index.is_labelled.all()


def test_labels_of_nobody_are_an_error():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    with pytest.raises(ValueError, match=r"Received: \[7\].*There are \["):
        index.keep_labels_of([7])


def test_an_index_of_no_window_has_no_moments():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    with pytest.raises(ValueError, match=r"Received: none.*Check the split"):
        index.subset([]).moments("a")


def test_values_that_are_not_finite_have_no_moments():
    values = np.ones((100, 2))
    index = index_windows([Recording({"a": Stream(values, 50.0)}, 0, "A")], 1.0, 1.0)
    values[3, 1] = np.nan  # somebody wrote into the array that the index holds
    with pytest.raises(ValueError, match=r"1 of 2 channels of 'a'.*Leave these"):
        index.moments("a")


def test_frames_are_read_few_at_a_time_and_their_places_can_be_pooled(rng):
    frames = rng.integers(0, 255, size=(800, 64, 64, 3)).astype("uint8")
    frames[..., 2] = 7
    index = index_windows([Recording({"a": Stream(frames, 50.0)}, 0, "A")], 1.0, 0.5)
    tracemalloc.start()
    mean, variance = index.moments("a", pooled=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * 2**22 * 8  # all at once: 79 MB, and their squares
    np.testing.assert_allclose(mean, frames.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(variance[:2], frames[..., :2].var(axis=(0, 1, 2)))
    assert variance[2] == 1.0
    assert index.moments("a")[0].shape == (64, 64, 3)


def test_an_index_is_equal_to_itself_alone():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    other = index.subset(np.arange(len(index)))
    assert index in [other, index]
    assert index != other
    again = index_windows([two_clocks()], length=2.0, stride=1.0)
    assert index.report != again.report
