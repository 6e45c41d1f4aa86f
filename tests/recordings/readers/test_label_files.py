import numpy as np
import pytest

from keras_dcat.recordings.readers import label_files
from keras_dcat.recordings.readers.label_files import Mark
from keras_dcat.recordings.readers.opened_files import Source

SOURCE = Source("labels.txt", b"")


def intervals(*marks, class_names=None, ignore=(), **options):
    options |= {"class_names": class_names, "ignore": ignore}
    return label_files.as_intervals(SOURCE, [Mark(*mark) for mark in marks], **options)


def told(found):
    columns = found.starts, found.ends, found.labels
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_names_are_numbered_in_their_order_and_times_are_put_on_the_given_clock():
    found = intervals((5, 9, "walk"), (0, 5, "sit"), (9, 10, "sit"), start=100.0)
    assert found.class_names == ("sit", "walk")
    assert told(found) == [(100.0, 105.0, 0), (105.0, 109.0, 1), (109.0, 110.0, 0)]


def test_given_names_say_the_numbers_and_those_that_a_file_lacks_keep_theirs():
    found = intervals((0, 1, "run"), class_names=["sit", "walk", "run"])
    assert found.labels.tolist() == [2]
    assert found.class_names == ("sit", "walk", "run")


def test_whole_numbers_are_numbers_of_classes_unless_they_are_names():
    assert intervals((0, 1, "3"), (1, 2, "1.0")).labels.tolist() == [3, 1]
    assert intervals((0, 1, "3")).class_names is None
    assert intervals((0, 1, "1"), class_names=["a", "b"]).labels.tolist() == [1]
    assert intervals((0, 1, "1"), class_names=["1", "2"]).labels.tolist() == [0]


def test_a_name_of_an_odd_letter_is_a_class():
    found = intervals((0, 1, "\0"), (1, 2, "a\0"), (2, 3, "a"))
    assert found.class_names == ("\0", "a", "a\0")
    assert found.labels.tolist() == [0, 2, 1]


def test_what_is_ignored_is_no_label_and_need_not_be_a_class():
    marks = [(0, 1, "sit"), (1, 2, "pause"), (2, 3, "")]
    found = intervals(*marks, class_names=["sit"], ignore=["pause", ""])
    assert told(found) == [(0.0, 1.0, 0)]
    assert len(intervals(*marks, ignore=["pause", "", "sit"])) == 0
    assert len(intervals((0, 1, "pause"), ignore="pause")) == 0


@pytest.mark.parametrize(
    ("marks", "options", "message"),
    [
        (
            [(0, 1, "run")],
            {"class_names": ["sit"]},
            r"\['run'\], for \['sit'\].*ignore",
        ),
        ([(0, 1, "")], {}, r"none at 0\. Write one.*ignore=\[''\]"),
        ([(0, 1, "Sit"), (1, 2, "sit ")], {}, r"\['Sit', 'sit '\].*class_names=\[…\]"),
        ([(0, 1, "0.25")], {}, r"\['0\.25'\].*Choose the column of labels"),
        ([(5, 4, "sit")], {}, r"'sit' from 5 to 4\. Correct the file"),
        ([(0, float("nan"), "sit")], {}, r"'sit' at \[0, nan\]"),
        ([(0, None, "sit")], {}, r"'sit' at 0\. Pass instants='hold'"),
        ([(0, None, "sit")], {"instants": "keep"}, r"instants='keep'.*'hold'"),
        ([(0, None, "sit")], {"instants": "hold"}, r"until=None.*stream\.span\[1\]"),
        ([(0, 1, "7")], {"class_names": ["a", "b"]}, r"\['7'\], for \['a', 'b'\]"),
    ],
)
def test_what_is_no_label_is_refused_with_the_remedy(marks, options, message):
    with pytest.raises(ValueError, match=message):
        intervals(*marks, **options)


def test_names_that_only_their_case_tells_apart_are_two_classes_if_both_are_given():
    marks = [(0, 1, "Sit"), (1, 2, "sit")]
    assert intervals(*marks, class_names=["sit", "Sit"]).labels.tolist() == [1, 0]


def test_a_marker_holds_until_the_next_even_if_that_is_no_label():
    marks = [(4, None, "sit"), (0, None, "walk"), (3, None, "pause")]
    found = intervals(*marks, instants="hold", until=9, ignore=["pause"])
    assert told(found) == [(0.0, 3.0, 1), (4.0, 9.0, 0)]
    later = intervals(*marks, instants="hold", until=109, start=100, ignore="pause")
    np.testing.assert_array_equal(later.ends, found.ends + 100)
    marks.append((9, None, "end"))
    assert told(intervals(*marks, instants="hold", ignore=["pause", "end"])) == told(
        found
    )


def test_entries_without_a_length_can_be_dropped_beside_those_with_one():
    marks = [(0, 5, "sit"), (2, None, "cough")]
    assert told(intervals(*marks, instants="drop")) == [(0.0, 5.0, 0)]
    held = intervals(*marks, instants="hold", until=4)
    assert told(held) == [(0.0, 5.0, 1), (2.0, 4.0, 0)]


def test_two_markers_at_one_time_are_refused_unless_they_say_the_same():
    with pytest.raises(ValueError, match=r"\['sit', 'walk'\] at 0.*ignore"):
        intervals((0, None, "sit"), (0, None, "walk"), instants="hold", until=1)
    twice = intervals((0, None, "sit"), (0, None, "sit"), instants="hold", until=1)
    assert told(twice) == [(0.0, 1.0, 0)]
    one = [(0, None, "sit"), (0, None, "sync")]
    found = intervals(*one, instants="hold", until=1, ignore="sync")
    assert told(found) == [(0.0, 1.0, 0)]


def test_markers_at_both_ends_of_a_class_are_put_together():
    marks = [(0, None, "start walk"), (1, None, "start talk"), (3, None, "stop walk")]
    marks += [(4, None, "stop talk"), (6, None, "start walk"), (7, None, "stop walk")]
    found = intervals(*marks, pairs=("start {}", "stop {}"))
    assert found.class_names == ("talk", "walk")
    assert told(found) == [(0.0, 3.0, 1), (1.0, 4.0, 0), (6.0, 7.0, 1)]
    behind = [(0, None, "walk_on"), (2, None, "walk_off"), (3, None, "sync")]
    found = intervals(*behind, pairs=("{}_on", "{}_off"), ignore=["sync"])
    assert told(found) == [(0.0, 2.0, 0)]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["start a", "start a"], r"'start a' at 1.*has not ended"),
        (["stop a"], r"'stop a' at 0.*has not begun"),
        (["start a", "sync"], r"'sync' at 1.*neither begins nor ends.*\['sync'\]"),
        (["start a"], r"'a' begins at 0 and has no end.*ignore=\['start a'\]"),
    ],
)
def test_markers_that_do_not_pair_are_refused(texts, message):
    marks = [(time, None, text) for time, text in enumerate(texts)]
    with pytest.raises(ValueError, match=message):
        intervals(*marks, pairs=("start {}", "stop {}"))


@pytest.mark.parametrize("pairs", ["start {}", ("start", "stop {}"), ("{}",)])
def test_pairs_that_name_no_class_are_refused(pairs):
    with pytest.raises(ValueError, match=r"two texts with \{\}.*'start \{\}'"):
        intervals((0, None, "a"), pairs=pairs)
