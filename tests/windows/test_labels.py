import numpy as np
import pytest

from keras_dcat.recordings import Intervals, Stream
from keras_dcat.windows.labels import UNLABELLED, window_labels


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
        purity.append(np.mean(found == chosen) if chosen >= 0 else 0.0)
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
def test_a_label_stream_holds_from_sample_to_sample(rng, rule):
    times = np.cumsum(rng.uniform(0.05, 0.3, 100))
    values = np.repeat(rng.integers(-1, 3, 20), 5)
    stream = Stream(values[:, None], timestamps=times)

    def label_at(moment):
        number = np.searchsorted(times, moment, side="right") - 1
        inside = 0 <= number and moment < times[-1] + stream.step
        return values[number] if inside else UNLABELLED

    starts = np.arange(0, 14, 0.61)
    labels, purity = window_labels(stream, starts, 2.0, rule)
    expected, share = by_counting(label_at, starts, 2.0, rule)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(purity, share, atol=2e-3)


def test_a_label_stream_holds_from_its_first_sample_and_may_repeat_a_time():
    stream = Stream(np.array([[5], [7], [7], [7]]), timestamps=[0.0, 1.0, 1.0, 3.0])
    labels, purity = window_labels(stream, np.array([0.0, 1.0]), 1.0)
    assert labels.tolist() == [5, 7]
    assert purity.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("rule", ["majority", "end"])
def test_a_window_beside_all_intervals_has_no_label(rule):
    intervals = Intervals([2.0], [4.0], [3])
    labels, purity = window_labels(intervals, np.array([0.0, 2.0, 5.0]), 1.0, rule)
    assert labels.tolist() == [UNLABELLED, 3, UNLABELLED]
    assert purity.tolist() == [0.0, 1.0, 0.0]


def test_one_label_holds_for_the_whole_recording():
    labels, purity = window_labels(4, np.arange(3.0), 1.0)
    assert labels.tolist() == [4, 4, 4]
    assert purity.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "label", [Intervals([], [], []), Stream(np.zeros((0, 1)), timestamps=[])]
)
def test_no_annotation_at_all_leaves_windows_unlabelled(label):
    labels, purity = window_labels(label, np.arange(3.0), 1.0)
    assert labels.tolist() == [UNLABELLED] * 3
    assert purity.tolist() == [0.0] * 3


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


@pytest.mark.parametrize("times", [[0.0, 2.0, 1.0], [0.0, np.nan, 1.0]])
def test_labels_whose_timestamps_fall_are_refused(times):
    stream = Stream(np.array([[0], [1], [1]]), timestamps=times)
    with pytest.raises(ValueError, match=r"3 labels.*label, report = mend\(label\)"):
        window_labels(stream, np.zeros(1), 1.0)
