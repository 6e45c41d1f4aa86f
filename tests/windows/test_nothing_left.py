import numpy as np
import pytest

from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.windows import index_windows
from tests.streams import clock, two_clocks


def test_a_recording_in_which_a_channel_is_never_there_is_named():
    values = np.ones((500, 2))
    values[:, 1] = np.nan
    recording = Recording({"a": Stream(values, 50.0)}, 0, "A", "monday")
    with pytest.raises(ValueError, match=r"(?s)'a' of 'monday': channel 1 misses 100%"):
        index_windows([recording], 1.0, 1.0, max_missing=0.99)
    two = index_windows(
        [recording, Recording({"a": Stream(np.ones((500, 2)), 50.0)}, 1, "B")],
        1.0,
        1.0,
        max_missing=0.99,
    )
    assert two.report.kept.tolist() == [0, 10]


def test_times_in_another_unit_leave_no_window_and_are_told():
    times = 1e3 * (1.66e9 + np.arange(500) / 50)
    stream = Stream(np.zeros((500, 1)), timestamps=times)
    with pytest.raises(
        ValueError, match=r"(?s)gap.*'a' of 's'.*look like milliseconds"
    ):
        index_windows(
            [Recording({"a": stream}, 0, "A", "s")], 2.0, 1.0, rates={"a": 50}
        )


def test_streams_that_share_no_time_are_told_with_theirs():
    streams = {"a": clock(10.0, 50.0), "b": clock(9.0, 20.0, start=3600.0)}
    with pytest.raises(
        ValueError, match=r"In 's': 'a' from 0 to 10 s, 'b' from 3600 to 3609 s"
    ):
        index_windows([Recording(streams, 0, "A", "s")], 2.0, 1.0)
    streams["b"] = Stream(np.zeros((0, 1)), 20.0)
    with pytest.raises(ValueError, match="'b' has no sample"):
        index_windows([Recording(streams, 0, "A", "s")], 2.0, 1.0)


def test_only_the_first_recordings_are_told_of():
    recordings = [
        Recording({"a": clock(9.0, 50.0), "b": clock(9.0, 20.0, start=99.0)}, 0, "A", n)
        for n in "pqrst"
    ]
    with pytest.raises(ValueError, match="In 'r'") as caught:
        index_windows(recordings, 2.0, 1.0)
    assert "'s'" not in str(caught.value)


def test_labels_beside_a_recording_are_told_with_their_times():
    recording = two_clocks(label=Intervals([100, 120], [110, 130], [0, 1]))
    with pytest.raises(ValueError, match="to 10 s, labels from 100 to 130 s"):
        index_windows([recording], 2.0, 1.0)


def test_labels_of_another_time_draw_a_warning_with_both_times():
    def session(name, start):
        label = Intervals([start], [start + 5.0], [0])
        return Recording({"a": clock(10.0, 50.0, start=900.0)}, label, "A", name)

    elsewhere, there = session("s", 0.0), session("t", 902.0)
    with pytest.warns(
        UserWarning,
        match=r"1 recording .*'s' with a from 900 to 910 s, the labels from 0 to 5 s\.",
    ):
        index = index_windows([elsewhere, there], 2.0, 1.0)
    assert set(index.sessions) == {"t"}
    index_windows([there], 2.0, 1.0)  # where warnings are errors


def test_labels_that_only_touch_the_time_of_a_recording_are_of_another():
    label = Intervals([890.0, 905.0], [900.0, 907.0], [0, -1])
    stream = clock(10.0, 50.0, start=900.0)
    with pytest.warns(UserWarning, match="labels from 890 to 900 s"):
        index_windows(
            [Recording({"a": stream}, label, "A")], 2.0, 1.0, between_labels="keep"
        )


def test_streams_that_share_no_time_draw_a_warning_beside_those_that_do():
    def session(name, start):
        streams = {"a": clock(9.0, 50.0, start=900.0), "b": clock(9.0, 20.0, start)}
        return Recording(streams, 0, "A", name)

    with pytest.warns(
        UserWarning, match="'s' with a from 900 to 909 s, b from 5 to 14"
    ):
        index = index_windows([session("s", 5.0), session("t", 902.0)], 2.0, 1.0)
    assert set(index.sessions) == {"t"}
