import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows


def clock(duration, rate, start=0.0):
    """A stream whose values are the time at which they were taken."""
    times = start + np.arange(round(duration * rate)) / rate
    return Stream(times[:, None], rate, start)


def two_clocks(
    durations=(10.0, 10.0), starts=(0.0, 0.0), rates=(50.0, 20.0), **options
):
    options = {"label": 0, "subject": "A", "session": "one", **options}
    streams = {
        name: clock(*values)
        for name, *values in zip("ab", durations, rates, starts, strict=True)
    }
    return Recording(streams, **options)


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


def test_a_subset_keeps_the_windows_it_is_told_to():
    index = index_windows([two_clocks()], length=2.0, stride=1.0)
    chosen = np.arange(len(index)) % 2 == 0
    subset = index.subset(chosen)
    np.testing.assert_array_equal(subset.gather("b"), index.gather("b")[chosen])
    np.testing.assert_array_equal(subset.gather("b", [1]), index.gather("b")[[2]])
    assert index.shape("b") == (40, 1)


def test_moments_are_those_of_the_samples_inside_its_windows_only():
    recordings = [two_clocks(), two_clocks(starts=(1000.0, 1000.0), subject="B")]
    index = index_windows(recordings, length=2.0, stride=1.0)
    mean, variance = index.subset(index.subjects == "A").moments("a")
    times = np.arange(500) / 50  # every sample once, though windows overlap
    assert mean == pytest.approx([times.mean()])
    assert variance == pytest.approx([times.var()])


def test_a_channel_that_never_moves_has_a_variance_of_one():
    still = Recording({"a": Stream(np.full((100, 2), 3.0), 50.0)}, 0, "A")
    mean, variance = index_windows([still], 1.0, 1.0).moments("a")
    assert mean.tolist() == [3.0, 3.0]
    assert variance.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0.0, "stride": 1.0}, r"length=0\.0.*1 to 10 s"),
        ({"length": 1.0, "stride": -1.0}, r"stride=-1\.0"),
        ({"length": 11.0, "stride": 1.0}, r"at most 10\.00 s.*shorter window"),
    ],
)
def test_windows_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        index_windows([two_clocks()], **options)


def test_recordings_that_differ_in_rate_are_refused_with_the_remedy():
    recordings = [two_clocks(), two_clocks(rates=(50.0, 25.0), session="two")]
    with pytest.raises(ValueError, match=r"'b': 20\.0.*'b': 25\.0.*'two'.*resampled"):
        index_windows(recordings, 1.0, 1.0)


def test_no_recordings_are_refused():
    with pytest.raises(ValueError, match=r"Received: none"):
        index_windows([], 1.0, 1.0)
