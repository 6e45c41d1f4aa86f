import pathlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.datasets import load_sp_sw_har
from keras_dcat.recordings import (
    Recording,
    Stream,
    clip_time,
    corrected,
    find_gaps,
    mend,
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
    with pytest.raises(ValueError, match=r"max_jump=-1\.0.*seconds, or None"):
        mend(stream, max_jump=-1.0)


def test_steps_longer_than_the_limit_are_gaps():
    times = [0.0, 0.1, 0.2, 1.2, 1.3, 9.0]
    stream = Stream(np.zeros((6, 1)), timestamps=times)
    assert find_gaps(stream, 0.5).tolist() == [[0.2, 1.2], [1.3, 9.0]]
    assert find_gaps(stream, 1.0).tolist() == [[1.3, 9.0]]
    assert find_gaps(Stream(np.zeros((6, 1)), 0.1), 0.5).shape == (0, 2)
    with pytest.raises(ValueError, match=r"limit=0.*in seconds"):
        find_gaps(stream, 0)
    with pytest.raises(ValueError, match=r"6 that do not.*mend\(stream\)"):
        find_gaps(Stream(np.zeros((6, 1)), timestamps=times[::-1]), 0.5)


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


@pytest.mark.parametrize("reference", ["pose", "empty", "depth"])
def test_a_clip_without_a_reference_or_with_an_empty_stream_is_refused(reference):
    streams = {
        "pose": Stream(np.zeros((60, 60)), 30.0),
        "empty": Stream(np.zeros((0, 6)), 50.0),
    }
    with pytest.raises(ValueError, match=rf"'{reference}' for streams of.*leave out"):
        clip_time(Recording(streams, 0, "A"), reference)
