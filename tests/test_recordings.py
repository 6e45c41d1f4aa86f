import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream


def test_resampling_interpolates_linearly_over_the_same_time(rng):
    values = rng.normal(size=(50, 2))
    stream = Stream(values, rate=25.0, start=3.0)
    resampled = stream.resampled(40.0)
    expected = [
        np.interp(np.arange(80) / 40, np.arange(50) / 25, values[:, channel])
        for channel in range(2)
    ]
    np.testing.assert_allclose(resampled.values, np.transpose(expected), rtol=1e-12)
    assert (resampled.rate, resampled.start) == (40.0, 3.0)
    assert resampled.duration == stream.duration == 2.0


def test_resampling_to_the_same_rate_changes_nothing(rng):
    values = rng.normal(size=(50, 4, 3)).astype("float32")
    resampled = Stream(values, rate=50.0).resampled(50.0)
    np.testing.assert_array_equal(resampled.values, values)
    assert resampled.values.dtype == "float32"


def test_a_recording_resamples_the_streams_it_is_told_to(rng):
    streams = {name: Stream(rng.normal(size=(20, 3)), 10.0) for name in ("a", "b")}
    recording = Recording(streams, label=1, subject="A")
    changed = recording.resampled(b=5.0)
    assert changed.streams["a"] is streams["a"]
    assert len(changed.streams["b"].values) == 10
    assert len(recording.streams["b"].values) == 20


def test_a_stream_without_channels_is_refused():
    with pytest.raises(ValueError, match=r"shape \(20,\).*values\[:, None\]"):
        Stream(np.zeros(20), rate=10.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(rate):
    with pytest.raises(ValueError, match=rf"rate={rate}.*in Hz"):
        Stream(np.zeros((20, 1)), rate=rate)
