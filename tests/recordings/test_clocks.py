import dataclasses
import pathlib

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.datasets import load_sp_sw_har
from keras_dcat.recordings import (
    ClockReport,
    Recording,
    Stream,
    clip_time,
    corrected,
    find_gaps,
    mend,
    read_hdf5,
)
from keras_dcat.windows import index_windows

SHARED = pathlib.Path(__file__).parents[3] / "shared" / "data" / "sp_sw_har"


@settings(max_examples=200, deadline=None)
@given(times=st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_mending_keeps_what_pandas_keeps_whatever_the_timestamps(times):
    stream = Stream(np.arange(len(times))[:, None], timestamps=times)
    before = stream.times.copy()
    mended, report = mend(stream)
    frame = pd.DataFrame(
        {"time": np.array(times, "float64"), "value": range(len(times))}
    )
    frame = frame[np.isfinite(frame["time"])]
    expected = frame.sort_values("time", kind="stable").drop_duplicates("time")
    np.testing.assert_array_equal(mended.times, expected["time"])
    np.testing.assert_array_equal(mended.values[:, 0], expected["value"])
    assert report.kept + report.not_finite + report.repeated == report.samples
    np.testing.assert_array_equal(stream.times, before)


def test_steps_backwards_are_counted_and_the_longest_gap_found():
    stream = Stream(np.zeros((5, 1)), timestamps=[0.0, 0.3, 0.1, 0.2, 2.0])
    _, report = mend(stream)
    assert report.backwards == 1
    assert report.longest_gap == pytest.approx(1.7)
    assert "5 of 5 samples kept" in str(report)
    assert "longest step is 1.700 s" in str(report)


def test_all_that_was_wrong_is_in_the_report():
    sixteenths = [0, 4, 6, 6, np.nan, 17, 10, 21, 24, np.inf, 64, 104, 124, 1e6]
    stream = Stream(np.arange(14)[:, None], timestamps=np.array(sixteenths) / 16)
    mended, report = mend(stream, max_jump=2.5)  # as far as 64 is from 24 and 104
    kept = np.array([0, 4, 6, 10, 17, 21, 24, 64, 104, 124]) / 16
    np.testing.assert_array_equal(mended.times, kept)
    assert mended.values[:, 0].tolist() == [0, 1, 2, 6, 5, 7, 8, 10, 11, 12]
    assert dataclasses.asdict(report) == {
        "samples": 14,
        "kept": 10,
        "not_finite": 2,
        "repeated": 1,
        "jumps": 1,
        "backwards": 1,
        "rate": 4.0,  # of steps of 2, 3, 4, 4, 4, 7, 20, 40 and 40 sixteenths
        "jitter": 2 / 16,
        "gaps": 2,  # 20 are five times as long, and no more
        "longest_gap": 2.5,
    }
    assert {type(value) for value in vars(report).values()} == {int, float}
    assert [line.strip() for line in str(report).splitlines()] == [
        "10 of 14 samples kept",
        "2  dropped: time not finite",
        "1  dropped: time repeated",
        "1  dropped: time far from all others",
        "1  steps backwards, sorted",
        "2  gaps; the longest step is 2.500 s",
        "4.00  Hz, steps vary by 125.0 ms",
    ]


@pytest.mark.parametrize(
    ("times", "counts"),
    [([], (0, 0, 0)), ([5.0], (1, 1, 0)), ([0.0, 9.0], (2, 0, 2))],
)
def test_without_a_step_there_is_no_rate(times, counts):
    stream = Stream(np.zeros((len(times), 1)), timestamps=times)
    mended, report = mend(stream, max_jump=1.0)
    assert (report.samples, report.kept, report.jumps) == counts
    assert len(mended) == report.kept
    assert (report.rate, report.jitter, report.longest_gap) == (0, 0, 0)


@pytest.mark.parametrize(("step", "gaps"), [(4.75, 0), (5.25, 1)])
def test_a_gap_is_longer_than_five_steps(step, gaps):
    _, report = mend(Stream(np.zeros((6, 1)), timestamps=[0, 1, 2, 3, 4, 4 + step]))
    assert report.gaps == gaps


def test_values_in_a_file_are_read_whole_to_be_sorted(tmp_path):
    values, path = np.arange(8.0).reshape(4, 2), tmp_path / "imu.h5"
    with h5py.File(path, "w") as file:
        file["imu"] = values
    stream = read_hdf5(path, "imu", time=[0.0, 0.2, np.nan, 0.1])
    mended, _ = mend(stream)
    np.testing.assert_array_equal(mended.values, values[[0, 3, 1]])


def test_a_stream_that_has_a_rate_has_nothing_to_mend():
    _, report = mend(Stream(np.zeros((5, 1)), 50.0))
    assert report == ClockReport(5, 5, 0, 0, 0, 0, 50.0, 0.0, 0, 0.0)


def test_a_stream_that_is_in_order_comes_back_as_it_is():
    for stream in (
        Stream(np.zeros((5, 1)), 50.0),
        Stream(np.zeros((3, 1)), timestamps=[0.0, 0.1, 0.3]),
        Stream(np.zeros((0, 1)), timestamps=[]),
    ):
        mended, report = mend(stream)
        assert mended is stream
        assert report.kept == report.samples == len(stream)


@pytest.mark.skipif(not SHARED.exists(), reason="SP-SW-HAR is not on this machine")
def test_phone_and_watch_come_out_as_windows_of_the_same_moment():
    recordings = load_sp_sw_har(SHARED / "sp-sw-har-original.zip")
    mended = [
        recording.replaced(**{n: mend(s)[0] for n, s in recording.streams.items()})
        for recording in recordings
    ]
    rates = {"phone": 100.0, "watch": 100.0}
    index = index_windows(mended, 1.0, 0.5, rates=rates, purity=0.6)
    report = index.report
    assert (report.kept + sum(report.dropped.values()) == report.possible).all()
    assert len(index) > 3000
    assert report.pairing_error()[0] < 0.010  # one step of 100 Hz
    assert len(np.unique(index.subjects)) == 23
    # walking shakes both devices, sitting neither
    energy = {
        name: index.gather(name)[..., :3].std(axis=1).mean(axis=-1)
        for name in ("phone", "watch")
    }
    for values in energy.values():
        walking, seated = values[index.labels == 2], values[index.labels == 0]
        assert np.median(walking) > 2 * np.median(seated)


def test_a_clock_that_was_not_set_yet_is_left_out_as_asked():
    stream = Stream(np.arange(5)[:, None], timestamps=[0.0, 9.0, 9.1, 9.2, 1e9])
    mended, report = mend(stream, max_jump=1.0)
    assert mended.times.tolist() == [9.0, 9.1, 9.2]
    assert (report.jumps, report.kept) == (2, 3)
    assert mend(stream)[1].jumps == 0
    for jump in (-1.0, 0.0):
        with pytest.raises(ValueError, match=rf"max_jump={jump}.*seconds, or None"):
            mend(stream, max_jump=jump)


def test_steps_longer_than_the_limit_are_gaps():
    times = [0.0, 0.1, 0.2, 1.2, 1.3, 9.0]
    stream = Stream(np.zeros((6, 1)), timestamps=times)
    assert find_gaps(stream, 0.5).tolist() == [[0.2, 1.2], [1.3, 9.0]]
    assert find_gaps(stream, 1.0).tolist() == [[1.3, 9.0]]
    assert find_gaps(Stream(np.zeros((6, 1)), 0.1), 0.5).shape == (0, 2)
    with pytest.raises(ValueError, match=r"limit=0.*in seconds"):
        find_gaps(stream, 0)


@pytest.mark.parametrize(
    "times", [[0.0, 2.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, np.inf], [np.nan, 0.0, 1.0]]
)
def test_timestamps_that_do_not_rise_have_no_gaps(times):
    with pytest.raises(ValueError, match=r"3 that do not.*mend\(stream\)"):
        find_gaps(Stream(np.zeros((3, 1)), timestamps=times), 0.5)


@settings(max_examples=100, deadline=None)
@given(
    offset=st.floats(-100, 100),
    drift=st.floats(-0.5, 0.5),
    start=st.floats(-1e3, 1e3),
    is_even=st.booleans(),
)
def test_a_known_offset_and_drift_are_undone(offset, drift, start, is_even):
    true = start + np.arange(50) / 25
    shown = true + offset + drift * (true - start)
    stream = Stream(np.zeros((50, 1)), timestamps=shown)
    if is_even:
        stream = Stream(stream.values, 25 / (1 + drift), shown[0])
    mended = corrected(stream, offset, drift)
    np.testing.assert_allclose(mended.times, true, atol=1e-9)
    assert mended.values is stream.values
    assert (mended.rate is None) == (stream.rate is None)


def test_without_an_offset_and_a_drift_nothing_changes():
    for stream in (
        Stream(np.zeros((3, 1)), timestamps=[1.0, 2.0, 4.0]),
        Stream(np.zeros((3, 1)), 50.0, start=1.0),
    ):
        np.testing.assert_array_equal(corrected(stream).times, stream.times)


@pytest.mark.parametrize(
    ("offset", "drift", "times", "message"),
    [
        (np.nan, 0.0, [0.0, 1.0], r"offset=nan.*drift=2e-4"),
        (0.0, -1.0, [0.0, 1.0], r"drift=-1\.0"),
        (0.0, 0.0, [np.nan, 1.0], r"first \[nan\].*mend\(stream\)"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(offset, drift, times, message):
    with pytest.raises(ValueError, match=message):
        corrected(Stream(np.zeros((2, 1)), timestamps=times), offset, drift)


def test_clips_whose_nominal_rates_are_wrong_share_their_span():
    streams = {
        "imu": Stream(np.zeros((150, 6)), 50.0, start=2.0),
        "pose": Stream(np.zeros((60, 60)), 30.0),
        "sound": Stream(np.zeros((4, 1)), timestamps=[0.0, 0.1, 5.0, 6.0]),
    }
    recording = Recording(streams, 0, "A")
    clip = clip_time(recording, "imu")
    assert {name: stream.span for name, stream in clip.streams.items()} == (
        dict.fromkeys(streams, (2.0, 5.0))
    )
    assert clip.streams["pose"].values is streams["pose"].values
    assert recording.streams["pose"].rate == 30.0


def test_a_clip_may_be_shorter_than_a_second():
    streams = {
        "imu": Stream(np.zeros((20, 6)), 50.0),
        "pose": Stream(np.zeros((8, 60)), 30.0),
    }
    clip = clip_time(Recording(streams, 0, "A"), "imu")
    assert clip.streams["pose"].rate == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("reference", "other"), [("pose", "empty"), ("empty", "imu"), ("depth", "imu")]
)
def test_a_clip_without_a_reference_or_with_an_empty_stream_is_refused(
    reference, other
):
    all_streams = {
        "pose": Stream(np.zeros((12, 60)), 30.0),
        "empty": Stream(np.zeros((0, 6)), 50.0),
        "imu": Stream(np.zeros((20, 6)), 50.0),
    }
    streams = {n: s for n, s in all_streams.items() if n in ("pose", reference, other)}
    with pytest.raises(ValueError, match=rf"'{reference}' for streams of.*leave out"):
        clip_time(Recording(streams, 0, "A"), reference)
