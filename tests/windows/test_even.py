import numpy as np
import pytest

from keras_dcat.recordings import Stream, read_numpy
from keras_dcat.windows.even import even_samples


class Lazily:
    """Values that say how many of them were read."""

    def __init__(self, values):
        self.values, self.read = values, 0
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, index):
        self.read += len(self.values[index])
        return self.values[index]


def wave(times, hertz=2.0):
    return np.sin(2 * np.pi * hertz * np.asarray(times))[:, None]


def gathered(stream, times, rate, steps):
    samples, starts = even_samples([stream], [np.asarray(times)], rate, steps)
    return samples.gather(starts)


def test_windows_start_at_the_sample_nearest_to_their_time(rng):
    streams = [
        Stream(rng.normal(size=(n, 2)), 10.0, start)
        for n, start in [(40, 0.0), (30, 5.0)]
    ]
    times = [np.array([0.0, 1.04]), np.array([5.5])]
    samples, starts = even_samples(streams, times, rate=10.0, steps=10)
    assert starts.tolist() == [0, 10, 45]
    np.testing.assert_array_equal(samples.gather(starts)[2], streams[1].values[5:15])
    assert samples.parts[0] is streams[0].values


@pytest.mark.parametrize("clock", ["rate", "timestamps"])
@pytest.mark.parametrize("rate", [20.0, 80.0])
def test_windows_begin_at_their_own_time_and_not_at_a_step_near_it(clock, rate):
    times = 3 + np.arange(1000) / 50
    own = {"rate": 50.0, "start": 3.0} if clock == "rate" else {"timestamps": times}
    starts = 5.0173 + 0.5 * np.arange(20)
    found = gathered(Stream(wave(times), **own), starts, rate, round(2 * rate))
    moments = starts[:, None] + np.arange(round(2 * rate)) / rate
    np.testing.assert_allclose(found[..., 0], wave(moments)[:, 0], atol=3e-3)


def test_nothing_is_filtered_or_interpolated_across_a_gap():
    one, other = np.arange(500) / 50, 30.007 + np.arange(500) / 50
    starts = [np.arange(5) * 2.0, 30.5 + 2.0 * np.arange(4)]
    values = [np.ones((500, 1)), np.full((500, 1), 1000.0)]
    both = Stream(np.concatenate(values), timestamps=np.concatenate([one, other]))
    found = gathered(both, np.concatenate(starts), 20.0, 40)
    np.testing.assert_allclose(found[:5], 1.0, rtol=1e-12)
    np.testing.assert_allclose(found[5:], 1000.0, rtol=1e-12)


def test_a_step_that_windows_span_is_bridged():
    times = np.concatenate([np.arange(100), 105 + np.arange(100)]) / 50
    found = gathered(Stream(times[:, None], timestamps=times), [1.0], 20.0, 40)
    np.testing.assert_allclose(found[0, :, 0], 1 + np.arange(40) / 20, atol=1e-3)
    windows = even_samples(
        [Stream(times[:, None], timestamps=times)], [np.array([0.0, 2.2])], 20.0, 20
    )[0]
    assert len(windows.parts) == 2  # here none does


def test_windows_far_apart_are_of_one_stretch_if_there_is_no_gap(rng):
    times = np.arange(3000) / 50 + rng.uniform(-0.004, 0.004, 3000)
    stream = Stream(wave(times), timestamps=times)
    samples, _ = even_samples([stream], [np.arange(0.0, 50.0, 7.0)], 20.0, 20)
    assert len(samples.parts) == 1


def test_a_far_time_costs_no_memory():
    times = np.append(0.0, 1.66e9 + np.arange(2000) / 20)
    stream = Stream(wave(times), timestamps=times)
    found = gathered(stream, 1.66e9 + np.arange(50.0), 20.0, 20)
    assert found.shape == (50, 20, 1)


@pytest.mark.parametrize("clock", ["rate", "timestamps"])
@pytest.mark.parametrize("rate", [20.0, 49.97, 80.0])
@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_what_is_read_lazily_is_what_it_is_in_memory(clock, rate, dtype, rng, tmp_path):
    times = 3 + np.arange(1000) / 50 + rng.uniform(-0.004, 0.004, 1000)
    own = {"rate": 50.0, "start": 3.0} if clock == "rate" else {"timestamps": times}
    values = (1000 * rng.normal(size=(1000, 2))).astype(dtype)
    np.save(tmp_path / "a.npy", values)
    lazy = read_numpy(tmp_path / "a.npy", rate=50.0).values
    starts = times[5] + 0.73 * np.arange(20)
    found, expected = (
        gathered(Stream(each, **own), starts, rate, 30) for each in (lazy, values)
    )
    assert found.dtype == expected.dtype == "float32"
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-2)


def test_of_what_is_lazy_only_windows_and_what_shapes_them_are_read(rng):
    lazy = Lazily(rng.normal(size=(6000, 2)))
    samples, starts = even_samples(
        [Stream(lazy, 50.0)], [np.array([10.0, 60.0])], 20.0, 40
    )
    assert lazy.read == 0
    samples.gather(starts)
    assert lazy.read <= 2 * (2 + 2 * 10 / 20 + 0.1) * 50


@pytest.mark.parametrize(
    ("clock", "rate"),
    [({"rate": 30.0}, 50.0), ({"timestamps": np.arange(300) / 30}, 50.0)]
    + [({"timestamps": np.arange(300) / 30}, 10.0)],
)
@pytest.mark.parametrize("wrapped", [Lazily, np.asarray])
def test_pictures_are_the_nearest_and_stay_what_they_are(clock, rate, wrapped):
    frames = np.arange(300, dtype="uint16")[:, None, None, None] * np.ones(
        (1, 2, 2, 3), "uint16"
    )
    found = gathered(Stream(wrapped(frames), **clock), [1.0, 4.0], rate, 20)
    moments = np.array([[1.0], [4.0]]) + np.arange(20) / rate
    assert found.dtype == "uint16"
    assert np.abs(found[:, :, 0, 0, 0] / 30 - moments).max() <= 0.5 / 30 + 1e-9


def test_pictures_are_blended_where_their_rate_goes_down():
    frames = np.zeros((300, 2, 2, 3), "uint8")
    frames[::2] = 200  # 15 Hz, which 10 Hz cannot show
    for wrapped in (Lazily, np.asarray):
        found = gathered(Stream(wrapped(frames), 30.0), [1.0, 4.0], 10.0, 20)
        assert found.dtype == "float32"
        np.testing.assert_allclose(found, 100, atol=1)
