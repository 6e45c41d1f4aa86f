import itertools

import numpy as np
import pytest

from keras_dcat.recordings import Intervals
from keras_dcat.windows.labels import (
    UNDECIDED,
    UNLABELLED,
    check_overlaps,
    has_labels,
    labels_at,
    window_labels,
)


def by_counting(label_at, starts, length, rule, step=1e-3):
    """The same from a fine grid: slow, and plain to see."""
    labels, purity = [], []
    for start in starts:
        moments = start + step / 2 + np.arange(round(length / step)) * step
        found = np.array([label_at(moment) for moment in moments])
        known, counts = np.unique(found[found >= 0], return_counts=True)
        if rule == "end":
            chosen = found[-1]
        else:
            chosen = known[counts.argmax()] if len(known) else UNLABELLED
        labels.append(chosen)
        purity.append(np.mean(found == chosen))
    return np.array(labels), np.array(purity)


@pytest.mark.parametrize("rule", ["majority", "end"])
def test_intervals_give_what_counting_moments_gives(rng, rule):
    borders = np.sort(rng.uniform(0, 20, 12)).round(2)
    intervals = Intervals(borders[0::2], borders[1::2], rng.integers(0, 3, 6))

    def label_at(moment):
        holds = (intervals.starts <= moment) & (moment < intervals.ends)
        return intervals.labels[holds][0] if holds.any() else UNLABELLED

    starts = np.arange(0, 17, 0.83)
    labels, purity = window_labels(intervals, starts, 3.0, rule)
    expected, share = by_counting(label_at, starts, 3.0, rule)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(purity, share, atol=2e-3)


@pytest.mark.parametrize("rule", ["majority", "end"])
def test_a_window_beside_all_intervals_has_no_label(rule):
    intervals = Intervals([2.0], [4.0], [3])
    labels, purity = window_labels(intervals, np.array([0.0, 2.0, 5.0]), 1.0, rule)
    assert labels.tolist() == [UNLABELLED, 3, UNLABELLED]
    assert purity.tolist() == [1.0, 1.0, 1.0]


def test_one_label_holds_for_the_whole_recording():
    labels, purity = window_labels(4, np.arange(3.0), 1.0)
    assert labels.tolist() == [4, 4, 4]
    assert purity.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "label", [-1, Intervals([], [], []), Intervals([0], [9], [-1])]
)
def test_no_annotation_at_all_leaves_windows_without_a_label(label):
    labels, purity = window_labels(label, np.arange(3.0), 1.0)
    assert labels.tolist() == [UNLABELLED] * 3
    assert purity.tolist() == [1.0] * 3
    assert not has_labels(label)


@pytest.mark.parametrize("begin", [0.0, 1.7e9])
def test_the_label_at_the_end_is_the_last_one_inside_the_window(begin):
    intervals = Intervals([begin, begin + 2], [begin + 2, begin + 4], [0, 1])
    labels, _ = window_labels(intervals, begin + np.arange(4), length=1.0, rule="end")
    assert labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("rule", ["majority", "end"])
@pytest.mark.parametrize("inner", [(2.0, 3.0), (0.0, 9.0), (4.0, 12.0)])
def test_time_that_two_intervals_of_a_label_share_counts_once(rule, inner):
    intervals = Intervals([0.0, inner[0]], [10.0, inner[1]], [3, 3])
    labels, purity = window_labels(intervals, np.array([0.0, 5.0]), 5.0, rule)
    assert labels.tolist() == [3, 3]
    assert purity.tolist() == pytest.approx([1.0, 1.0])


NAMES = ("stairs", "table", "walking")
SPANS = (("walking", 0, 60), ("stairs", 60, 110), ("table", 50, 200))


def spans(order):
    """The same annotation, whatever its classes are numbered like."""
    starts, ends = ([span[n] for span in SPANS] for n in (1, 2))
    return Intervals(starts, ends, [order.index(name) for name, *_ in SPANS])


@pytest.mark.parametrize("rule", ["majority", "end"])
def test_a_label_does_not_depend_on_how_classes_are_numbered(rule):
    found = set()
    for order in itertools.permutations(NAMES):
        labels, purity = window_labels(spans(order), np.arange(0, 195.0, 5), 5.0, rule)
        named = [order[n] if n >= 0 else str(n) for n in labels]
        found.add(tuple(zip(named, purity.round(9).tolist(), strict=True)))
    assert len(found) == 1
    (said,) = found
    # alone: walking in 0–50 s, nobody in 50–110 s, the table in 110–200 s
    assert said[:10] == (("walking", 1.0),) * 10
    assert said[10:22] == ((str(UNDECIDED), 0.0),) * 12
    assert said[22:] == (("table", 1.0),) * 17


def test_time_that_classes_share_is_taken_from_the_purity_of_both():
    intervals = Intervals([0.0, 3.0], [4.0, 9.0], [1, 0])
    labels, purity = window_labels(intervals, np.array([0.0, 2.0]), 4.0)
    assert labels.tolist() == [1, 0]
    assert purity.tolist() == [0.75, 0.5]


@pytest.mark.parametrize("swap", [False, True])
def test_of_two_labels_that_hold_equally_long_the_earlier_one_is_taken(swap):
    first, second = (1, 0) if swap else (0, 1)
    intervals = Intervals([0.0, 2.0], [2.0, 9.0], [first, second])
    labels, purity = window_labels(intervals, np.array([1.0]), 2.0)
    assert labels.tolist() == [first]
    assert purity.tolist() == [0.5]


def test_at_the_end_time_without_a_label_is_a_state_with_a_share_of_its_own():
    intervals = Intervals([0.0], [3.0], [2])
    labels, purity = window_labels(intervals, np.array([1.0, 2.5, 4.0]), 2.0, "end")
    assert labels.tolist() == [2, UNLABELLED, UNLABELLED]
    assert purity.tolist() == [1.0, 0.75, 1.0]


def test_intervals_that_overlap_are_refused_with_classes_times_and_the_remedy():
    with pytest.raises(
        ValueError,
        match=r"'walking' from 0 to 60 s and 'table' from 50 to 200 s, in session 's'"
        r".*overlaps='mixed'",
    ):
        check_overlaps(spans(NAMES), "session 's'", NAMES)
    with pytest.raises(
        ValueError, match=r"5 from 0 to 2 s and 3 from 1 to 3 s.*1 more"
    ):
        check_overlaps(Intervals([1, 0, 8, 9], [3, 2, 10, 11], [3, 5, 1, 2]), "x")


@pytest.mark.parametrize(
    "intervals",
    [
        Intervals([0, 2], [5, 9], [3, 3]),
        Intervals([0, 2, 5], [5, 2, 9], [3, 4, 5]),
        Intervals([0, 2], [5, 9], [3, -1]),
        Intervals([1.7e9, 1.7e9 + 5], [1.7e9 + 5 + 4e-7, 1.7e9 + 9], [3, 4]),
    ],
    ids=["one class", "an instant", "no class", "rounding"],
)
def test_what_takes_no_time_from_another_class_is_no_overlap(intervals):
    check_overlaps(intervals, "x")


def test_rounding_of_borders_makes_no_window_impure():
    begin = 1.7e9
    times = begin + np.array([0, 0.1 + 0.2, 0.9])
    intervals = Intervals(times[:-1], times[1:] + [3e-7, 0], [0, 1])
    labels, purity = window_labels(intervals, np.array([begin + 0.3]), 0.6)
    assert labels.tolist() == [1]
    assert purity[0] == pytest.approx(1.0, abs=2e-6)


def test_at_a_moment_holds_the_class_that_has_begun_and_not_ended():
    intervals = Intervals([1, 3, 6, 6.5], [3, 5, 8, 7], [4, 0, 2, -1])
    moments = np.array([[0.0, 1.0, 2.9], [3.0, 5.0, 6.7]])
    assert labels_at(intervals, moments).tolist() == [[-1, 4, 4], [0, -1, 2]]
    assert labels_at(7, moments).tolist() == [[7, 7, 7], [7, 7, 7]]
    assert labels_at(Intervals([], [], []), moments).tolist() == [[-1] * 3] * 2


def test_at_a_moment_that_two_classes_share_none_holds():
    moments = np.array([2.5, 3.5, 4.5])
    assert labels_at(Intervals([0, 3], [4, 9], [1, 0]), moments).tolist() == [1, -1, 0]


def test_rounding_of_a_border_does_not_choose_the_class_at_it():
    begin = 1.7e9
    for late in (-4e-7, 0.0, 4e-7):
        intervals = Intervals([begin, begin + 2], [begin + 2, begin + 4], [0, 1])
        moved = Intervals(intervals.starts + late, intervals.ends + late, [0, 1])
        assert labels_at(moved, np.array([begin + 2])).tolist() == [1]
