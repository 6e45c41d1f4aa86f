import pathlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.datasets import load_sp_sw_har
from keras_dcat.recordings import Stream, mend
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
    assert "longest gap 1.700 s" in str(report)


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
