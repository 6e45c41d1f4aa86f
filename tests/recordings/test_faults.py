import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import (
    Recording,
    Stream,
    corrected,
    drop,
    jitter,
    mend,
    mispair,
    shift,
    stretch,
)


@pytest.fixture(params=["rate", "timestamps"])
def recording(request):
    values = np.arange(200.0)[:, None]
    imu = Stream(values, 50.0, start=3.0)
    if request.param == "timestamps":
        imu = Stream(values, timestamps=imu.times)
    return Recording({"imu": imu, "pose": Stream(values, 20.0)}, 1, "A", "monday")


def without(recording, *names):
    """What must not change: the other streams, label, subject and session."""
    others = {n: id(s) for n, s in recording.streams.items() if n not in names}
    return others, recording.label, recording.subject, recording.session


@pytest.mark.parametrize(
    "fault",
    [
        lambda recording: shift(recording, "imu", 0.3),
        lambda recording: stretch(recording, "imu", 1.1),
        lambda recording: jitter(recording, "imu", 0.01, seed=0),
        lambda recording: drop(recording, "imu", 0.2, seed=0),
        lambda recording: mispair([recording, recording], "imu", seed=0)[0],
    ],
)
def test_one_stream_alone_is_spoiled_and_nothing_in_place(recording, fault):
    before = [stream.times.copy() for stream in recording.streams.values()]
    assert without(fault(recording), "imu") == without(recording, "imu")
    for stream, times in zip(recording.streams.values(), before, strict=True):
        np.testing.assert_array_equal(stream.times, times)


@settings(max_examples=50, deadline=None)
@given(seconds=st.floats(-10, 10), factor=st.floats(0.5, 2))
def test_shift_and_stretch_are_what_a_correction_takes_away(seconds, factor):
    own = Stream(np.zeros((50, 1)), 25.0, start=4.0)
    recording = Recording({"imu": own}, 0, "A")
    late = shift(recording, "imu", seconds).streams["imu"]
    np.testing.assert_allclose(late.times, own.times + seconds)
    np.testing.assert_allclose(corrected(late, offset=seconds).times, own.times)
    fast = stretch(recording, "imu", factor).streams["imu"]
    np.testing.assert_allclose(fast.times, 4 + (own.times - 4) * factor)
    np.testing.assert_allclose(corrected(fast, drift=factor - 1).times, own.times)


def test_jitter_has_the_deviation_asked_for_and_grows_with_it(recording):
    own = recording.streams["imu"].times
    small, large = (
        jitter(recording, "imu", seconds, seed=1).streams["imu"].times - own
        for seconds in (0.004, 0.04)
    )
    assert small.std() == pytest.approx(0.004, rel=0.15)
    np.testing.assert_allclose(large, 10 * small, atol=1e-12)
    mended, _ = mend(jitter(recording, "imu", 0.04, seed=1).streams["imu"])
    assert np.all(np.diff(mended.times) > 0)


@settings(max_examples=60, deadline=None)
@given(
    share=st.floats(0, 1),
    burst=st.integers(1, 30),
    count=st.integers(0, 120),
    seed=st.integers(0, 99),
)
def test_exactly_the_share_is_lost_and_the_rest_keeps_its_time(
    share, burst, count, seed
):
    own = Stream(np.arange(float(count))[:, None], 50.0)
    spoiled = drop(Recording({"imu": own}, 0, "A"), "imu", share, seed, burst)
    left = spoiled.streams["imu"]
    assert len(left) == count - round(share * count)
    np.testing.assert_allclose(left.times, left.values[:, 0] / 50)
    assert np.all(np.diff(left.values[:, 0]) > 0)


def test_samples_are_lost_in_runs_that_fall_everywhere():
    own = Stream(np.arange(1000.0)[:, None], 50.0)
    lost = np.zeros(1000)
    for seed in range(100):
        recording = Recording({"imu": own}, 0, "A")
        left = drop(recording, "imu", 0.1, seed, burst=20).streams["imu"]
        is_lost = ~np.isin(np.arange(1000), left.values[:, 0])
        edges = np.flatnonzero(np.diff(np.pad(is_lost, 1).astype(int)))
        assert np.all((edges[1::2] - edges[::2]) % 20 == 0)
        lost += is_lost
    assert lost[:500].sum() == pytest.approx(lost[500:].sum(), rel=0.2)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(2, 12), seed=st.integers(0, 99))
def test_every_stream_goes_to_another_recording_at_its_time(count, seed):
    recordings = [
        Recording({"imu": Stream(np.full((5, 1), n), 1.0, start=9.0 * n)}, n, n)
        for n in range(count)
    ]
    spoiled = mispair(recordings, "imu", seed)
    given_to = [int(each.streams["imu"].values[0, 0]) for each in spoiled]
    assert sorted(given_to) == list(range(count))
    for number, each in enumerate(spoiled):
        assert given_to[number] != number
        assert (each.label, each.subject) == (number, number)
        assert each.streams["imu"].span == (9.0 * number, 9.0 * number + 5)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda r: shift(r, "depth", 1.0), r"'depth'. Choose from \['imu', 'pose'\]"),
        (lambda r: mispair([r, r], "depth", 0), r"'depth'. Choose from"),
        (lambda r: shift(r, "imu", np.inf), r"offset=-inf"),
        (lambda r: stretch(r, "imu", 0.0), r"factor=0\.0.*1\.0002"),
        (lambda r: jitter(r, "imu", -0.1, 0), r"seconds=-0\.1.*0\.005"),
        (lambda r: drop(r, "imu", 1.5, 0), r"share=1\.5, burst=1.*share=0\.1"),
        (lambda r: drop(r, "imu", 0.5, 0, burst=0), r"burst=0"),
        (lambda r: mispair([r], "imu", 0), r"at least two.*Received: 1\. Give all"),
    ],
)
def test_faults_that_cannot_be_are_refused(recording, fault, message):
    with pytest.raises(ValueError, match=message):
        fault(recording)
