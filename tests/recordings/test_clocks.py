import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import Recording, Stream, clip_time, corrected, find_gaps


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
