import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings import Intervals


def test_intervals_that_end_before_they_start_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 1, 1\).*columns"):
        Intervals([2.0], [1.0], [0])
    with pytest.raises(ValueError, match=r"\(2, 1, 1\).*columns"):
        Intervals([1.0, 2.0], [3.0], [0])


@pytest.mark.parametrize("labels", [[np.nan], [np.inf], [0.5], [-2]])
def test_labels_of_intervals_are_whole_numbers(labels):
    with pytest.raises(ValueError, match=r"Received: .*Number the classes"):
        Intervals([0.0], [1.0], labels)
    assert Intervals([0.0], [1.0], [2.0]).labels.tolist() == [2]


@pytest.mark.parametrize("times", [(np.nan, 1.0), (0.0, np.inf)])
def test_intervals_begin_and_end_at_finite_times(times):
    with pytest.raises(ValueError, match=r"(nan|inf).*recording's clock"):
        Intervals(times[:1], times[1:], [0])


def test_labels_in_words_are_numbered_by_class_names():
    intervals = Intervals([0, 1, 2], [1, 2, 3], ["sit", None, "walk"], ["walk", "sit"])
    assert intervals.labels.tolist() == [1, -1, 0]
    assert intervals.class_names == ("walk", "sit")


def test_labels_in_words_without_names_are_refused_with_the_names():
    with pytest.raises(ValueError, match=r"Received: \['sit', 'walk'\].*class_n"):
        Intervals([0, 1], [1, 2], ["walk", "sit"])
    with pytest.raises(ValueError, match=r"\['run'\], for \['sit'\].*Add them"):
        Intervals([0], [1], ["run"], class_names=["sit"])


def test_a_number_beyond_the_names_is_refused():
    with pytest.raises(ValueError, match=r"from 0 to 1, as there are names.*\[2\]"):
        Intervals([0], [1], [2], class_names=["sit", "walk"])


def test_a_number_beside_words_stays_a_number():
    intervals = Intervals([0, 1, 2], [1, 2, 3], ["sit", -1, 0], ["walk", "sit"])
    assert intervals.labels.tolist() == [1, -1, 0]
    assert intervals.names() == ["sit", None, "walk"]
    assert Intervals([0], [1], [3]).names() == [None]


def test_a_cell_that_pandas_read_as_empty_is_no_class():
    words = pd.Series(["sit", np.nan, "walk"])
    labels = Intervals([0, 1, 2], [1, 2, 3], words, ["walk", "sit"]).labels
    assert labels.tolist() == [1, -1, 0]
    with pytest.raises(ValueError, match=r"Received: \[<NA>\].*give -1"):
        Intervals([0, 1, 2], [1, 2, 3], words.astype("string"), ["walk", "sit"])
