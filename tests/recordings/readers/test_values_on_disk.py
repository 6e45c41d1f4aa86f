import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers.values_on_disk import LazyValues


class Counted(LazyValues):
    """An array that remembers which ranges of it were read."""

    def __init__(self, values):
        super().__init__(values.shape, values.dtype)
        self.values, self.read = values, []

    def _read(self, first, last):
        self.read.append((first, last))
        return self.values[first:last]


BOUND = st.none() | st.integers(-15, 15)
STEP = st.none() | st.integers(-4, 4).filter(bool)


@settings(deadline=None)
@given(st.integers(0, 10), BOUND, BOUND, STEP)
def test_a_slice_is_the_one_that_numpy_gives(length, first, last, step):
    values = np.arange(2.0 * length).reshape(length, 2)
    lazy = Counted(values)
    index = slice(first, last, step)
    np.testing.assert_array_equal(lazy[index], values[index])
    assert lazy[index].dtype == values.dtype
    assert len(lazy) == length


@settings(deadline=None)
@given(st.integers(1, 10), st.integers(-12, 12))
def test_an_int_is_the_sample_that_numpy_gives_or_an_index_error(length, position):
    values = np.arange(2.0 * length).reshape(length, 2)
    lazy = Counted(values)
    if -length <= position < length:
        np.testing.assert_array_equal(lazy[position], values[position])
        np.testing.assert_array_equal(lazy[np.int64(position)], values[position])
    else:
        with pytest.raises(IndexError, match="range"):
            lazy[position]


def test_no_more_is_read_than_what_lies_between_the_ends_of_a_slice():
    lazy = Counted(np.zeros((100, 1)))
    lazy[10:20], lazy[-1], lazy[50:10:-7], lazy[5:5]
    assert lazy.read == [(10, 20), (99, 100), (15, 51)]


@pytest.mark.parametrize("index", [(3, 0), [1, 2], np.array([1, 2]), 1.0, None, ...])
def test_other_indices_are_refused_with_the_remedy(index):
    with pytest.raises(TypeError, match=r"one slice or int.*values\[4:7\]\[:, 0\]"):
        Counted(np.zeros((10, 2)))[index]


def test_it_becomes_an_array_with_every_form_of_the_question():
    values = np.arange(6).reshape(3, 2)
    lazy = Counted(values)
    np.testing.assert_array_equal(np.asarray(lazy), values)
    assert np.asarray(lazy, dtype="float32").dtype == np.float32
    np.testing.assert_array_equal(np.array(lazy, copy=True), values)
    assert np.shape(lazy) == (3, 2)
    with pytest.raises(ValueError, match=r"copy=False\. Use np\.asarray"):
        lazy.__array__(copy=False)


def test_it_prints_what_it_is_without_reading():
    lazy = Counted(np.zeros((3, 2)))
    assert repr(lazy) == "Counted(shape=(3, 2), dtype=float64)"
    assert lazy.read == []
