import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows.candidates import strided, whole
from tests.streams import clock


def stamped(times):
    return Stream(np.zeros((len(times), 1)), timestamps=times)


def candidates(streams, length=2.0, stride=0.5, max_gap=0.25, rate=50.0, short="drop"):
    recording = Recording(streams, 0, "A", "one")
    rates = dict.fromkeys(streams, rate)
    return strided(recording, rates, length, stride, short, max_gap)


def one_by_one(streams, length, stride, max_gap):
    """Windows that start every stride, of which each is held against each gap."""
    begin = max(each.span[0] for each in streams.values())
    end = min(each.span[1] for each in streams.values())
    count = max(0, int((end - begin - length + 1e-6) // stride) + 1)
    starts = begin + np.arange(count) * stride
    is_bad = np.zeros(count, bool)
    for stream in streams.values():
        before, after = stream.timestamps[:-1], stream.timestamps[1:]
        is_gap = after - before > max_gap + 1e-6
        begun = before[is_gap] + stream.step < starts[:, None] + length - 1e-6
        is_bad |= (begun & (after[is_gap] >= starts[:, None] + 1e-6)).any(axis=1)
    return starts[~is_bad].tolist(), count


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    begin=st.sampled_from([0.0, 1.66e9]),
    num_streams=st.integers(1, 2),
    longest=st.sampled_from([0.5, 5.0, 300.0]),
    length=st.floats(0.2, 4),
    stride=st.floats(0.1, 3),
    max_gap=st.floats(0.0, 1.0),
)
def test_windows_are_those_that_are_left_if_each_is_held_against_each_gap(
    seed, begin, num_streams, longest, length, stride, max_gap
):
    rng = np.random.default_rng(seed)
    streams = {}
    for name in "ab"[:num_streams]:
        steps = rng.exponential(0.03, 60) + 1e-3
        steps += (rng.random(60) < 0.06) * rng.exponential(longest, 60)
        streams[name] = stamped(begin + rng.uniform(-1, 1) + np.cumsum(steps))
    found = candidates(streams, length, stride, max_gap)
    kept, count = one_by_one(streams, length, stride, max_gap)
    assert found.times.tolist() == kept
    assert found.dropped.get("gap", 0) == count - len(kept)


def test_memory_follows_the_samples_and_not_the_time_that_they_span():
    ordinary = 1.66e9 + np.arange(2000) * 0.05
    far = np.append(0.0, ordinary)
    tracemalloc.start()
    found = candidates({"imu": stamped(far)}, length=5.0, rate=20.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
    assert found.dropped["gap"] > 3e9
    expected = candidates({"imu": stamped(ordinary)}, length=5.0, rate=20.0).times
    assert len(found.times) == pytest.approx(len(expected), abs=1)
    assert found.times[0] == pytest.approx(1.66e9, abs=0.5)


@pytest.mark.parametrize("step", [5e4, 50.0])
def test_a_straight_line_between_two_samples_is_no_window(step):
    streams = {"imu": stamped(np.arange(200) * step)}
    found = candidates(streams, length=5.0, rate=20.0)
    assert not len(found.times)
    assert found.dropped["gap"] == 1 + int((200 * step - 5) / 0.5)


def test_a_slow_stream_that_is_asked_for_at_its_own_rate_has_windows():
    streams = {"temperature": stamped(np.arange(20) * 60.0)}
    recording = Recording(streams, 0, "A")
    options = {"length": 4.0, "stride": 60.0, "short": "drop"}
    slow = strided(recording, {"temperature": 1 / 60}, max_gap=0.25, **options)
    assert len(slow.times) == 20
    fast = strided(recording, {"temperature": 1.0}, max_gap=0.25, **options)
    assert not len(fast.times)
    bridged = strided(recording, {"temperature": 1.0}, max_gap=60.0, **options)
    assert len(bridged.times) == 20


@pytest.mark.parametrize("last", [1.66e9, 1e308])
def test_far_more_windows_than_samples_are_refused_with_what_is_odd(last):
    times = np.append(np.arange(100) / 50, last)
    with pytest.raises(ValueError, match=r"101 samples in session 'one'.*max_gap"):
        candidates({"imu": stamped(times)}, max_gap=np.inf)
    said = r"by mend\(stream\), which says how. Stream 'imu': sample 100 shows"
    with pytest.raises(ValueError, match=said):
        candidates({"imu": stamped(times)}, max_gap=np.inf)


def test_a_whole_recording_is_the_time_that_all_streams_share():
    streams = {"a": clock(10.0, 50.0), "b": clock(8.0, 20.0, start=3.0)}
    found = whole(streams, {"a": 9, "b": 9}, max_gap=0.25)
    assert found.times.tolist() == [3.0]
    assert found.length == pytest.approx(7.0)
    assert found.dropped == {}


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (clock(5.0, 50.0, start=10.0), "stream missing"),
        (Stream(np.zeros((0, 1)), 50.0), "stream missing"),
        (Stream(np.zeros((1, 1)), 50.0), "too short"),
        (stamped(np.append(np.arange(100), 200 + np.arange(100)) / 50), "gap"),
    ],
)
def test_a_whole_recording_without_a_stream_is_none(other, reason):
    streams = {"a": clock(10.0, 50.0), "b": other}
    found = whole(streams, {"a": 9, "b": 9}, max_gap=0.25)
    assert len(found.times) == 0
    assert found.dropped == {reason: 1}


def test_one_sample_may_be_a_window_of_one_step():
    found = whole({"a": Stream(np.zeros((1, 1)), 50.0)}, {"a": 1}, max_gap=0.25)
    assert found.times.tolist() == [0.0]
