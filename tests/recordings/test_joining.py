import dataclasses

import numpy as np
import pytest

from keras_dcat.recordings import Intervals, Recording, Stream, join
from keras_dcat.windows import index_windows
from tests.streams import clock, two_clocks


def test_the_clips_stand_in_their_order_and_no_window_bridges_two():
    clips = [
        two_clocks(starts=(start, start), label=n) for n, start in enumerate((60, 0))
    ]
    whole = join(clips, session="all")
    assert (whole.subject, whole.session) == ("A", "all")
    for name, rate in (("a", 50), ("b", 20)):
        stream = whole.streams[name]
        np.testing.assert_array_equal(stream.values[:, 0], stream.times)
        assert len(stream) == 2 * 10 * rate
    index = index_windows([whole], 1.0, 0.5, rates={"a": 50.0, "b": 20.0})
    assert np.unique(index.labels[index.times < 30]).tolist() == [1]
    assert np.unique(index.labels[index.times > 30]).tolist() == [0]
    assert not np.any((index.times > 9.1) & (index.times < 60))


def test_a_recording_alone_is_joined_too():
    whole = join([two_clocks(label=3)])
    assert sorted(whole.streams) == ["a", "b"]
    assert whole.label.labels.tolist() == [3]


def test_streams_are_joined_by_their_names_whatever_their_order():
    first, second = two_clocks(), two_clocks(starts=(60, 60))
    turned = dict(reversed(second.streams.items()))
    whole = join([first, Recording(turned, 0, "A")])
    assert whole.session == ""
    for stream in whole.streams.values():
        np.testing.assert_array_equal(stream.values[:, 0], stream.times)


def test_a_recording_lasts_from_its_first_sample_to_its_last():
    late = two_clocks(starts=(30.0, 28.0), label=0)
    early = two_clocks(starts=(2.0, 31.0), durations=(60.0, 10.0), label=1)
    label = join([late, early]).label
    assert label.labels.tolist() == [1, 0]
    assert label.starts.tolist() == [2.0, 28.0]
    assert label.ends.tolist() == [62.0, 40.0]


def test_labels_with_a_clock_of_their_own_are_joined_as_intervals():
    labels = [Stream(np.full((5, 1), n), 1.0, start=9.0 * n) for n in range(2)]
    labels.append(Stream([[1], [0]], timestamps=[18.0, 21.0]))  # at its changes
    clips = [
        Recording({"a": clock(5, 10, 9.0 * n)}, label, "A")
        for n, label in enumerate(labels)
    ]
    label = join(clips).label
    assert label.labels.tolist() == [0, 1, 1, 0]
    assert label.starts.tolist() == [0.0, 9.0, 18.0, 21.0]
    assert label.ends.tolist() == [5.0, 14.0, 21.0, 23.0]


def test_labels_are_joined_by_the_names_of_their_classes():
    given = Stream(np.array([["sit"], ["run"]]), timestamps=[20.0, 21.0])
    labels = ["walk", Intervals([10], [12], [0], class_names=["sit"]), given, None]
    clips = [
        Recording({"a": clock(5, 10, 10.0 * n)}, label, "A")
        for n, label in enumerate(labels)
    ]
    label = join(clips).label
    assert label.class_names == ("run", "sit", "walk")
    assert label.names() == ["walk", "sit", "sit", "run", None]


def test_names_and_numbers_are_not_joined():
    clips = [
        Recording({"a": clock(5, 10, 10.0 * n)}, label, "A")
        for n, label in enumerate(["walk", 3])
    ]
    with pytest.raises(ValueError, match=r"\['walk'\], and the numbers \[3\].*Name"):
        join(clips)
    clips[1] = dataclasses.replace(
        clips[1], label=Intervals([10], [15], [0], class_names=["sit"])
    )
    assert join(clips).label.class_names == ("sit", "walk")


def test_intervals_and_whole_labels_are_joined_as_intervals():
    clips = [
        Recording({"a": clock(5, 10)}, Intervals([1.0], [2.0], [7]), "A"),
        Recording({"a": clock(5, 10, 9.0)}, 3, "A"),
    ]
    label = join(clips).label
    assert label.starts.tolist() == [1.0, 9.0]
    assert label.ends.tolist() == [2.0, 14.0]
    assert label.labels.tolist() == [7, 3]


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([], r"Received: \[\]"),
        ([two_clocks(), two_clocks(subject="B")], r"\('A', 'a', 'b'\), \('B'"),
        (
            [two_clocks(), Recording({"a": clock(5, 10)}, 0, "A")],
            r"\('A', 'a'\), \('A', 'a', 'b'\)\].*of each subject",
        ),
    ],
)
def test_recordings_that_do_not_fit_are_refused(recordings, message):
    with pytest.raises(ValueError, match=message):
        join(recordings)


def test_a_stream_without_a_sample_does_not_say_when_its_recording_began():
    missing = Stream(np.zeros((0, 1)), timestamps=[])
    clips = [
        Recording({"a": clock(2, 10, start), "b": missing}, label, "A")
        for label, start in enumerate([1010.0, 1000.0])
    ]
    label = join(clips).label
    assert label.labels.tolist() == [1, 0]
    assert label.starts.tolist() == [1000.0, 1010.0]
    assert label.ends.tolist() == [1002.0, 1012.0]


def test_a_recording_without_any_sample_takes_no_time():
    nothing = Recording({"a": Stream(np.zeros((0, 1)), timestamps=[])}, 7, "A")
    whole = join([Recording({"a": clock(5, 10, 9.0)}, 3, "A"), nothing])
    assert whole.streams["a"].span == (9.0, 14.0)
    lengths = dict(
        zip(whole.label.labels, whole.label.ends - whole.label.starts, strict=True)
    )
    assert lengths == {7: 0.0, 3: 5.0}


def test_recordings_with_other_channels_are_not_joined():
    clips = [
        Recording({"imu": Stream(np.zeros((50, n)), 50.0, 2.0 * n)}, 0, "A")
        for n in (3, 6)
    ]
    with pytest.raises(ValueError, match=r"\[\(3,\), \(6,\)\] of 'imu'"):
        join(clips)
