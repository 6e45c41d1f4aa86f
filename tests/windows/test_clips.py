import numpy as np
import pytest

from keras_dcat.recordings import Intervals, Recording, Stream
from keras_dcat.windows import index_windows, split_by_session, split_by_time
from keras_dcat.windows.clips import clip_error
from tests.streams import clock, two_clocks


def test_each_clip_is_one_window_whatever_its_length():
    clips = [
        two_clocks((seconds, seconds), label=label, session=str(seconds))
        for label, seconds in [("sit", 4.0), ("walk", 10.0), (None, 5.0)]
    ]
    index = index_windows(clips, clips={"a": 64, "b": 32})
    assert index.shape("a") == (64, 1)
    assert index.gather("b").shape == (3, 32, 1)
    assert index.labels.tolist() == [0, 1, -1]
    assert index.length == 5.0
    assert index.rates == {"a": 64 / 5, "b": 32 / 5}
    assert index.mask("a").all()
    assert index.report.possible.tolist() == [1, 1, 1]
    assert index.report.unlabelled.tolist() == [0, 0, 1]


def test_purity_and_missing_values_are_shares_of_a_clip(rng):
    values = rng.normal(size=(500, 2))
    values[:100, 1] = np.nan
    label = Intervals([0.0], [7.0], [3])
    recordings = [
        Recording({"a": Stream(values, 50.0)}, 2, "A", "holes"),
        Recording({"a": Stream(values[100:], 50.0)}, label, "A", "a share"),
        Recording({"a": Stream(np.ones((500, 2)), 50.0)}, 1, "B"),
    ]
    options = {"clips": {"a": 40}, "purity": 0.9}
    index = index_windows(recordings, **options)
    assert index.labels.tolist() == [1]
    assert index.report.dropped["missing values"].tolist() == [1, 0, 0]
    assert index.report.dropped["mixed labels"].tolist() == [0, 1, 0]
    options["purity"], options["max_missing"] = 0.8, 0.2
    index = index_windows(recordings, **options)
    assert index.labels.tolist() == [2, 3, 1]
    assert index.report.filled.tolist() == [1, 0, 0]


def parts(stream, begin, duration, steps):
    index = index_windows(
        [Recording({"a": stream, "b": clock(duration, 8.0, begin)}, 0, "A")],
        clips={"a": steps, "b": 8},
    )
    assert index.times.tolist() == [begin]
    return index.gather("a")[0, :, 0]


@pytest.mark.parametrize("steps", [24, 64, 300])
def test_a_clip_shows_the_moments_of_the_time_that_streams_share(rng, steps):
    times = np.cumsum(rng.uniform(0.01, 0.09, 400))
    stamped = Stream(times[:, None], timestamps=times)
    expected = 3.0 + 6.0 * np.arange(steps) / steps
    found = parts(stamped, 3.0, 6.0, steps)
    # cut at the very moment; where steps are longer than samples, filtered
    np.testing.assert_allclose(found[2:-2], expected[2:-2], atol=0.1)
    assert found[0] == pytest.approx(3.0, abs=0.05)
    even = parts(clock(20.0, 50.0), 3.0, 6.0, steps)
    np.testing.assert_allclose(even[3:-3], expected[3:-3], atol=1 / 50)


def test_a_clip_of_a_whole_stream_is_the_stream_resampled(rng):
    values = rng.normal(size=(173, 6))
    stream = Stream(values, 50.0, start=7.0)
    index = index_windows([Recording({"a": stream}, 0, "A")], clips={"a": 64})
    expected = stream.resampled(64 / stream.duration).values
    np.testing.assert_allclose(index.gather("a")[0], expected, atol=1e-9)


@pytest.mark.parametrize("clocked", [False, True])
def test_of_lazy_values_a_clip_picks_the_nearest_and_reads_no_more(clocked):
    class Lazy:
        """Frames that show their number."""

        shape, dtype, read = (600, 1), np.dtype("uint16"), 0

        def __getitem__(self, index):
            values = np.arange(600, dtype="uint16")[index, None]
            self.read += len(values)
            return values

    frames, times = Lazy(), np.arange(600) / 30
    own = {"timestamps": times} if clocked else {"rate": 30.0}
    streams = {"video": Stream(frames, **own), "imu": clock(6.0, 50.0, start=3.0)}
    index = index_windows(
        [Recording(streams, 0, "A")],
        clips={"video": 180 if clocked else 240, "imu": 64},
    )
    assert frames.read == 0
    found = index.gather("video")[0, :, 0]
    steps = len(found)
    expected = (3.0 + 6.0 * np.arange(steps) / steps) * 30
    assert np.abs(found - expected).max() <= 0.5 + 1e-6
    assert frames.read <= 181


@pytest.mark.parametrize("steps", [16, 90])
def test_a_clip_on_disk_has_the_values_of_one_in_memory(tmp_path, rng, steps):
    times = np.cumsum(rng.uniform(0.01, 0.03, 300))
    np.save(tmp_path / "values.npy", rng.normal(size=(300, 2)))
    found = []
    for mode in (None, "r"):
        values = np.load(tmp_path / "values.npy", mmap_mode=mode)
        streams = {"a": Stream(values, timestamps=times), "b": clock(4.0, 50.0, 0.7)}
        index = index_windows([Recording(streams, 0, "A")], clips={"a": steps, "b": 9})
        found.append(index.gather("a"))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12)


def test_pictures_of_a_clip_stay_what_they_are(rng):
    times = np.cumsum(rng.uniform(0.02, 0.06, 200))
    frames = np.arange(200, dtype="uint8")[:, None, None] * np.ones((1, 2, 2), "uint8")
    streams = {"video": Stream(frames, timestamps=times), "a": clock(4.0, 50.0, 1.0)}
    index = index_windows([Recording(streams, 0, "A")], clips={"video": 30, "a": 9})
    found = index.gather("video")[0, :, 0, 0]
    assert found.dtype == "uint8"
    moments = 1.0 + 4.0 * np.arange(30) / 30
    nearest = np.abs(times[:, None] - moments).argmin(axis=0)
    assert np.abs(found.astype(int) - nearest).max() <= 1


def test_the_error_of_a_clip_is_how_far_its_samples_are_apart():
    streams = {"a": clock(10.0, 50.0), "b": clock(9.0, 2.0, start=0.25)}
    error = clip_error(streams, 0.3, 8.0, {"a": 40, "b": 16})
    # a has samples at 0.3 and 4.3 s and, 20 ms apart, at 8.1 s; b 50 ms before
    assert error == pytest.approx(0.05, abs=1e-6)


def test_splits_by_time_leave_clips_whole():
    clips = [
        Recording({"a": clock(seconds, 50.0)}, 0, "A", str(seconds))
        for seconds in (4.0, 10.0)
    ]
    index = index_windows(clips, clips={"a": 64})
    with pytest.raises(ValueError, match="2 for training and 0 for testing"):
        split_by_time(index, 0.5, 0.0)
    train, test = split_by_session(index, ["10.0"])
    assert (train.sessions.tolist(), test.sessions.tolist()) == (["4.0"], ["10.0"])
