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


def test_labels_can_be_taken_away_without_a_change_of_the_index():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    before = index.labels.copy()
    hidden = index.without_labels(np.arange(len(index)) % 2 == 0)
    assert (hidden.labels[::2] == -1).all()
    np.testing.assert_array_equal(hidden.labels[1::2], before[1::2])
    np.testing.assert_array_equal(index.labels, before)
    np.testing.assert_array_equal(hidden.gather("b"), index.gather("b"))
