import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import (
    Intervals,
    Recording,
    Stream,
    join,
    read_numpy,
)
from keras_dcat.windows import index_windows
from tests.streams import clock, two_clocks


def test_windows_show_the_same_moment_in_every_stream():
    recordings = [two_clocks(), two_clocks(starts=(5.3, 3.1), durations=(9.0, 14.0))]
    index = index_windows(recordings, length=2.0, stride=0.7)
    a, b = index.gather("a")[..., 0], index.gather("b")[..., 0]
    assert a.shape[1:] == (100,)
    assert b.shape[1:] == (40,)
    # half a sample of the slower stream is as near as two clocks can be
    assert np.abs(a[:, 0] - b[:, 0]).max() <= 0.5 / 20 + 0.5 / 50 + 1e-9


def test_windows_start_at_every_stride_and_end_with_the_recording():
    index = index_windows([two_clocks()], length=2.0, stride=0.5)
    np.testing.assert_allclose(
        index.gather("a")[:, 0, 0], np.arange(0, 8.01, 0.5), atol=1e-9
    )
    assert index.gather("a")[-1, -1, 0] == pytest.approx(10 - 1 / 50)


def test_no_window_crosses_from_one_recording_into_the_next():
    recordings = [
        two_clocks(label=label, subject=subject, session=f"{label}{subject}")
        for label, subject in [(0, "A"), (1, "B"), (2, "A")]
    ]
    index = index_windows(recordings, length=3.0, stride=1.0)
    for name, rate in (("a", 50.0), ("b", 20.0)):
        steps = np.diff(index.gather(name)[..., 0], axis=1)
        np.testing.assert_allclose(steps, 1 / rate, atol=1e-9)
    assert index.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert index.subjects.tolist() == ["A"] * 8 + ["B"] * 8 + ["A"] * 8
    assert index.sessions[8] == "1B"


def test_a_recording_shorter_than_a_window_has_none():
    short = two_clocks(durations=(10.0, 1.9), session="short")
    index = index_windows([short, two_clocks()], length=2.0, stride=1.0)
    assert set(index.sessions) == {"one"}


def timestamped(times, value=None):
    """A stream whose values are its own times."""
    times = np.asarray(times, "float64")
    values = times[:, None] if value is None else np.full((len(times), 1), value)
    return Stream(values, timestamps=times)


def accounts_for_all(report):
    dropped = sum(report.dropped.values())
    return bool(np.all(report.kept + dropped == report.possible))


def test_no_window_bridges_a_gap_longer_than_the_limit():
    times = np.concatenate([np.arange(0, 4, 0.02), np.arange(5.5, 10, 0.02)])
    recording = Recording({"a": timestamped(times), "b": clock(10.0, 25.0)}, 0, "A")
    options = {"length": 1.0, "stride": 0.5, "rates": {"a": 50.0}}
    index = index_windows([recording], max_gap=0.25, **options)
    # the last window before the gap ends with the last sample, at 3.98 s
    np.testing.assert_allclose(
        index.times,
        [0, 0.5, 1, 1.5, 2, 2.5, 3, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9],
        atol=1e-9,
    )
    assert index.report.dropped["gap"].tolist() == [4]
    assert accounts_for_all(index.report)
    times = np.concatenate([np.arange(0, 4, 0.02), np.arange(4.26, 10, 0.02)])
    longer = Recording({"a": timestamped(times), "b": clock(10.0, 25.0)}, 0, "A")
    assert index_windows([longer], **options).report.dropped["gap"].tolist() == [2]
    over = index_windows([recording], max_gap=2.0, **options)
    assert over.report.dropped["gap"].tolist() == [0]


def test_streams_with_timestamps_come_at_the_wanted_rate_and_the_true_time(rng):
    times = np.cumsum(rng.uniform(0.005, 0.015, 2000))
    recording = Recording({"a": timestamped(times), "b": clock(15.0, 25.0)}, 0, "A")
    index = index_windows([recording], length=2.0, stride=1.0, rates={"a": 100.0})
    a, b = index.gather("a")[..., 0], index.gather("b")[..., 0]
    assert a.shape[1:] == (200,)
    np.testing.assert_allclose(a[:, 0], index.times, atol=0.02)
    assert np.abs(a[:, 0] - b[:, 0]).max() < 0.03


def test_pictures_that_are_read_lazily_are_picked_at_the_nearest():
    class Lazy:
        """Frames that say their number, and how many were read."""

        def __init__(self, count):
            self.read = 0
            self.shape, self.dtype = (count, 1, 1, 1), np.dtype("int32")

        def __getitem__(self, index):
            values = np.arange(self.shape[0], dtype="int32")[index, None, None, None]
            self.read += len(values)
            return values

    times = np.arange(0, 60, 1 / 30) + 0.001
    frames = Lazy(len(times))
    streams = {"video": Stream(frames, timestamps=times), "imu": clock(60.0, 50.0)}
    index = index_windows(
        [Recording(streams, 0, "A")], length=2.0, stride=20.0, rates={"video": 10.0}
    )
    assert frames.read == 0
    video = times[index.gather("video")[..., 0, 0, 0]]
    expected = index.times[:, None] + np.arange(20) / 10
    assert np.abs(video - expected).max() <= 0.5 / 30 + 1e-3
    assert frames.read <= 3 * 2.1 * 30


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (Stream(np.zeros((0, 1)), 50.0), "stream missing"),
        (timestamped([]), "stream missing"),
        (timestamped([2.0]), "stream missing"),
        (clock(10.0, 50.0, start=36_000.0), "stream missing"),
        (clock(10.0, 50.0, start=10.0), "stream missing"),
    ],
    ids=["empty", "empty with clock", "one sample", "hours apart", "no overlap"],
)
@pytest.mark.filterwarnings("ignore:What belongs to a recording")
def test_a_stream_that_is_not_there_costs_its_recording_only(other, reason):
    good = {"a": clock(10.0, 50.0), "b": clock(10.0, 50.0)}
    bad = {"a": clock(10.0, 50.0), "b": other}
    index = index_windows(
        [Recording(good, 0, "A", "good"), Recording(bad, 0, "B", "bad")],
        length=2.0,
        stride=1.0,
        rates={"b": 50.0},
    )
    assert set(index.sessions) == {"good"}
    assert index.report.dropped[reason][1] > 0
    assert accounts_for_all(index.report)


def test_a_stream_that_starts_late_or_ends_early_is_reported():
    streams = {"a": clock(10.0, 50.0), "b": clock(5.0, 50.0, start=2.5)}
    index = index_windows([Recording(streams, 0, "A")], length=1.0, stride=0.5)
    # a alone runs in 0–2.5 s and 7.5–10 s: 5 windows at each end touch that time
    assert index.report.kept.tolist() == [9]
    assert index.report.dropped["stream missing"].tolist() == [10]
    assert index.times[0] == 2.5


def test_too_short_is_a_recording_and_not_what_its_streams_share():
    streams = {"a": clock(10.0, 50.0), "b": clock(1.0, 50.0)}
    short = {"a": clock(1.0, 50.0), "b": clock(1.0, 50.0)}
    absent = {"a": clock(1.0, 50.0), "b": Stream(np.zeros((0, 1)), 50.0)}
    recordings = [Recording(each, 0, "A") for each in (streams, short, absent)]
    report = index_windows(
        [*recordings, two_clocks((10.0, 10.0), rates=(50.0, 50.0))], 2.0, 1.0
    ).report
    assert report.dropped["too short"].tolist() == [0, 1, 0, 0]
    assert report.dropped["stream missing"].tolist() == [9, 0, 1, 0]


@pytest.mark.parametrize("start", [10.0, 10.5])
@pytest.mark.filterwarnings("ignore:What belongs to a recording")
def test_nothing_is_padded_where_streams_share_no_moment(start):
    apart = {"a": clock(10.0, 50.0), "b": clock(10.0, 20.0, start=start)}
    recordings = [Recording(apart, 0, "A"), two_clocks()]
    index = index_windows(recordings, 2.0, 1.0, short="pad")
    assert index.report.kept[0] == 0


def test_timestamps_as_even_as_a_clock_have_no_pairing_error():
    streams = {"a": timestamped(np.arange(500) / 50), "b": clock(10.0, 50.0)}
    index = index_windows([Recording(streams, 0, "A")], 2.0, 1.0, rates={"a": 50.0})
    np.testing.assert_allclose(index.report.pairing_errors, 0.0, atol=1e-9)


def test_a_short_recording_can_be_padded_with_a_mask():
    short = {"a": clock(1.5, 50.0), "b": clock(1.5, 20.0)}
    recordings = [Recording(short, 4, "A", "short"), two_clocks()]
    index = index_windows(recordings, length=2.0, stride=1.0, short="pad")
    assert index.sessions[0] == "short"
    assert index.real_share[0] == pytest.approx(0.75)
    mask = index.mask("a")
    assert mask[0].sum() == 75
    assert mask[1:].all()
    window = index.gather("a")[0, :, 0]
    np.testing.assert_allclose(window[:75], np.arange(75) / 50, atol=1e-9)
    assert not window[75:].any()
    assert accounts_for_all(index.report)


@pytest.mark.parametrize("rates", [{}, {"a": 25.0, "b": 40.0}])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_padded_window_shows_the_time_that_all_streams_share(tmp_path, rates, lazy):
    streams = {"a": clock(1.2, 50.0), "b": clock(1.0, 20.0, start=0.5)}
    if lazy:
        for name, stream in streams.items():
            np.save(tmp_path / f"{name}.npy", stream.values)
            values = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
            streams[name] = dataclasses.replace(stream, values=values)
    short = Recording(streams, 0, "A")
    index = index_windows([short], 1.0, 1.0, short="pad", rates=rates)
    assert index.times.tolist() == [0.5]
    for name, rate in index.rates.items():  # from 0.5 to 1.2 s
        real, window = index.mask(name)[0], index.gather(name)[0, :, 0]
        assert real.sum() == round(0.7 * rate)
        moments = 0.5 + np.arange(real.sum()) / rate
        np.testing.assert_allclose(window[real], moments, atol=0.06 if rates else 1e-9)
        assert not window[~real].any()


@settings(max_examples=60, deadline=None)
@given(
    starts=st.lists(st.floats(-5, 5), min_size=2, max_size=2),
    durations=st.lists(st.floats(0, 20), min_size=2, max_size=2),
    length=st.floats(0.2, 5),
    stride=st.floats(0.1, 3),
    irregular=st.booleans(),
    seed=st.integers(0, 99),
)
@pytest.mark.filterwarnings("ignore:What belongs to a recording")
def test_whatever_the_clocks_every_window_is_accounted_for(
    starts, durations, length, stride, irregular, seed
):
    rng = np.random.default_rng(seed)
    whole = {"a": clock(30.0, 50.0), "b": clock(30.0, 20.0)}
    odd = {
        name: clock(duration, rate, start)
        for name, duration, rate, start in zip(
            "ab", durations, (50.0, 20.0), starts, strict=True
        )
    }
    if irregular:
        gaps = rng.exponential(0.02, 400)
        odd["b"] = timestamped(starts[1] + np.cumsum(gaps + 1e-6))
    recordings = [Recording(odd, 0, "A", "odd"), Recording(whole, 1, "B", "whole")]
    if irregular:
        times = whole["b"].times
        recordings[1] = recordings[1].replaced(b=timestamped(times))
    rates = {"b": 20.0} if irregular else None
    index = index_windows(recordings, length, stride, rates=rates)
    report = index.report
    assert accounts_for_all(report)
    assert report.kept.sum() == len(index) == len(report.pairing_errors)
    a, b = index.gather("a")[..., 0], index.gather("b")[..., 0]
    assert np.abs(a[:, 0] - index.times).max() <= 0.5 / 50 + 1e-6
    is_whole = index.sessions == "whole"
    assert np.abs(b[is_whole, 0] - index.times[is_whole]).max() <= 0.5 / 20 + 1e-6


def test_every_clip_of_a_joined_recording_keeps_its_last_window():
    clips = [two_clocks((2.0, 2.0), (start, start)) for start in (0.0, 10.0, 20.0)]
    rates = {"a": 50.0, "b": 20.0}
    index = index_windows([join(clips)], length=2.0, stride=2.0, rates=rates)
    np.testing.assert_allclose(index.times, [0.0, 10.0, 20.0], atol=1e-9)


def test_the_pairing_error_is_that_of_the_rates_that_windows_have():
    streams = {"a": clock(10.0, 1000.0), "b": clock(10.0, 100.0, start=0.05)}
    recording = Recording(streams, 0, "A")
    even = index_windows([recording], length=1.0, stride=1.0, rates={"a": 10.0})
    # at 10 Hz there is a step at 0.05 s, where the first window starts
    assert even.report.pairing_error()[1] == pytest.approx(0.0, abs=1e-9)
    odd = index_windows([recording], length=1.0, stride=1.05, rates={"a": 10.0})
    assert odd.report.pairing_error()[1] == pytest.approx(0.05)


@pytest.mark.parametrize("dtype", ["float64", "int16"])
def test_what_a_lower_rate_cannot_show_is_filtered_from_lazy_values_too(
    dtype, tmp_path
):
    times = np.arange(2000) / 100
    tones = [np.sin(2 * np.pi * hertz * times) for hertz in (47, 2)]
    values = (1000 * np.stack(tones, axis=1)).astype(dtype)
    np.save(tmp_path / "a.npy", values)
    lazy = read_numpy(tmp_path / "a.npy", rate=100.0)
    indices = [
        index_windows([Recording({"a": stream}, 0, "A")], 2.0, 0.7, rates={"a": 10.0})
        for stream in (lazy, Stream(values, 100.0))
    ]
    lazily, in_memory = (index.gather("a") for index in indices)
    assert lazily.dtype == in_memory.dtype
    assert lazily[..., 0].std() < 10
    assert lazily[..., 1].std() > 600
    np.testing.assert_allclose(lazily, in_memory, atol=1e-3)


def test_words_become_numbers_that_the_index_names():
    said = Intervals([0, 5], [5, 10], ["sit", "walk"], class_names=["walk", "sit"])
    recordings = [
        two_clocks(label="walk"),
        two_clocks(label=said),
        two_clocks(label=-1),
    ]
    index = index_windows(recordings, 5.0, 5.0)
    assert index.class_names == ("sit", "walk")
    assert index.labels.tolist() == [1, 1, 0, 1, -1, -1]
    given = index_windows(recordings, 5.0, 5.0, class_names=["walk", "run", "sit"])
    assert given.labels.tolist() == [0, 0, 2, 0, -1, -1]
    assert given.subset([0, 2]).class_names == ("walk", "run", "sit")
    assert index_windows([two_clocks()], 5.0, 5.0).class_names is None
