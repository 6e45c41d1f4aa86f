import numpy as np
import pytest

from keras_dcat.recordings import Stream
from keras_dcat.recordings.label_streams import stream_intervals


def labels_at(intervals, moments):
    """The label of each moment, -1 where there is none."""
    found = np.full(len(moments), -1)
    for begin, end, label in zip(
        intervals.starts, intervals.ends, intervals.labels, strict=True
    ):
        found[(begin <= moments) & (moments < end)] = label
    return found


@pytest.mark.parametrize("end", [1.0, 30.0])
def test_a_sampled_label_holds_until_the_next_one_and_the_last_for_a_step(rng, end):
    times = np.cumsum(rng.uniform(0.05, 0.2, 100))
    values = np.repeat(rng.integers(-1, 3, 20), 5)
    stream = Stream(values[:, None], timestamps=times)
    moments = np.arange(0, 20, 0.01)
    number = np.searchsorted(times, moments, side="right") - 1
    is_inside = (number >= 0) & (moments < times[-1] + np.median(np.diff(times)))
    expected = np.where(is_inside, values[number], -1)
    found = labels_at(stream_intervals(stream, end), moments)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("labels", "times", "ends"),
    [
        ([3], [2.0], [20.0]),
        ([0, 2, 0], [0.0, 4.0, 5.0], [4.0, 5.0, 20.0]),
        ([1, -1], [0.0, 400.0], [400.0, 400.0]),
    ],
)
def test_a_label_given_at_its_changes_holds_to_the_end(labels, times, ends):
    stream = Stream(np.array(labels)[:, None], timestamps=times)
    said = stream_intervals(stream, end=20.0)
    assert said.ends.tolist() == ends
    assert said.labels.tolist() == labels


def test_with_a_rate_labels_are_sampled_even_if_each_differs():
    said = stream_intervals(Stream([[0], [1]], rate=2.0), end=20.0)
    assert said.ends.tolist() == [0.5, 1.0]


def test_in_a_silence_a_sampled_label_holds_for_a_step():
    times = [0.0, 1.0, 2.0, 8.0, 9.0, 14.0]
    stream = Stream(np.ones((6, 1), int), timestamps=times)
    said = stream_intervals(stream, end=30.0)
    # 6 s are more than five steps of a second, 5 s are not
    assert said.starts.tolist() == [0.0, 8.0]
    assert said.ends.tolist() == [3.0, 15.0]


def test_samples_may_repeat_a_time():
    stream = Stream(np.array([[5], [7], [7], [7]]), timestamps=[0.0, 1.0, 1.0, 3.0])
    said = stream_intervals(stream, end=9.0)
    assert said.labels.tolist() == [5, 7]
    assert said.starts.tolist() == [0.0, 1.0]


def test_no_sample_is_no_interval():
    assert len(stream_intervals(Stream(np.zeros((0, 1)), timestamps=[]), 9.0)) == 0


@pytest.mark.parametrize("kind", ["U", "O", "S"])
def test_words_are_numbered_by_class_names(kind):
    values = np.array([["sit"], ["walk"], ["sit"]]).astype(kind)
    stream = Stream(values, timestamps=[0.0, 1.0, 2.0])
    said = stream_intervals(stream, 9.0, ["walk", "sit"])
    assert said.labels.tolist() == [1, 0, 1]
    assert said.class_names == ("walk", "sit")
    with pytest.raises(ValueError, match="need `class_names`"):
        stream_intervals(stream, 9.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0.5], [1.0]], r"Received: \[0\.5\].*Number the classes"),
        ([[0.0], [np.nan]], r"Received: \[nan\].*Number the classes"),
        ([[0], [-2]], r"Received: \[-2\].*-1 to what has none"),
        ([[0, 1], [1, 0]], r"shape \(2, 2\).*argmax\(axis=1\)"),
    ],
)
def test_what_is_no_label_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        stream_intervals(Stream(values, rate=1.0), 9.0)


@pytest.mark.parametrize("times", [[0.0, 2.0, 1.0], [0.0, np.nan, 1.0]])
def test_labels_whose_timestamps_fall_are_refused(times):
    stream = Stream(np.array([[0], [1], [1]]), timestamps=times)
    with pytest.raises(ValueError, match=r"3 labels.*label, report = mend\(label\)"):
        stream_intervals(stream, 9.0)
