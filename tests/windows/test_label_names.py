import numpy as np
import pytest

from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.windows.label_names import numbered_labels

IMU = {"imu": Stream(np.zeros((100, 3)), rate=10.0)}


def recorded(*labels):
    return [Recording(IMU, label, "A", f"s{n}") for n, label in enumerate(labels)]


def test_numbers_stay_what_they_are_where_nobody_names_them():
    labels, names = numbered_labels(recorded(3, None, Intervals([0], [1], [2])))
    assert labels[:2] == [3, -1]
    assert labels[2].labels.tolist() == [2]
    assert names is None


def test_files_that_number_classes_differently_are_read_by_name():
    one = Intervals([0, 1], [1, 2], [0, 1], class_names=["walk", "sit"])
    other = Intervals([0, 1], [1, 2], [0, 1], class_names=["sit", "run"])
    labels, names = numbered_labels(recorded(one, other, "run", None))
    assert names == ("run", "sit", "walk")
    assert [each.labels.tolist() for each in labels[:2]] == [[2, 1], [1, 0]]
    assert labels[2:] == [0, -1]


def test_given_names_say_the_order_and_what_numbers_mean():
    named = Intervals([0, 1], [1, 2], ["sit", None], class_names=["sit", "unused"])
    words = Stream(np.array([["sit"], ["walk"]]), timestamps=[0.0, 5.0])
    labels, names = numbered_labels(
        recorded(named, "walk", 1, words), class_names=["walk", "sit"]
    )
    assert names == ("walk", "sit")
    assert labels[0].labels.tolist() == [1, -1]
    assert labels[1:3] == [0, 1]
    assert labels[3].labels.tolist() == [1, 0]
    assert labels[3].ends.tolist() == [5.0, 10.0]


@pytest.mark.parametrize(
    "numbered", [4, Intervals([0], [1], [4]), Stream([[4]], timestamps=[0.0])]
)
def test_numbers_among_names_are_refused_unless_names_are_given(numbered):
    mixed = recorded("walk", numbered)
    with pytest.raises(
        ValueError, match=r"4 in subject 'A', session 's1'.*Give class_"
    ):
        numbered_labels(mixed)
    names = ["a", "b", "c", "d", "walk"]
    labels, _ = numbered_labels(mixed, names)
    assert labels[0] == 4


def test_names_beside_those_that_are_given_are_refused_with_the_remedy():
    with pytest.raises(
        ValueError, match=r"\['run'\], for \['sit'\].*Add.*session 's1'"
    ):
        numbered_labels(recorded("sit", "run"), class_names=["sit"])
    with pytest.raises(ValueError, match=r"from 0 to 0.*\[1\].*session 's0'"):
        numbered_labels(recorded(1), class_names=["sit"])
    with pytest.raises(ValueError, match="a name of its own"):
        numbered_labels(recorded(1), class_names=["sit", "sit"])


def test_a_stream_of_words_needs_names_in_their_order():
    words = Stream(np.array([["sit"], ["walk"]]), timestamps=[0.0, 5.0])
    with pytest.raises(ValueError, match=r"Give class_names=\['sit', 'walk'\].*'s0'"):
        numbered_labels(recorded(words))
    labels, _ = numbered_labels(recorded(words), ["sit", "walk"])
    assert labels[0].labels.tolist() == [0, 1]
