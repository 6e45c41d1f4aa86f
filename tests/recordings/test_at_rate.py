import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import Stream
from keras_dcat.recordings.at_rate import AtRate, finer_steps, rate_of

RNG = np.random.default_rng(0)
TIMES = 100 + np.arange(500) / 50 + RNG.uniform(-0.003, 0.003, 500)
TIMES[300:] += 0.2  # a gap that may be bridged
CLOCKS = {"rate": {"rate": 50.0, "start": 100.0}, "timestamps": {"timestamps": TIMES}}


@pytest.mark.parametrize("rate", [20.0, 49.97, 50.001, 80.0])
@pytest.mark.parametrize("clock", CLOCKS)
@settings(max_examples=20)
@given(first=st.integers(0, 180), count=st.integers(1, 150))
def test_any_part_is_that_of_the_whole(clock, rate, first, count):
    values = np.random.default_rng(1).normal(size=(500, 2))
    even = AtRate(Stream(values, **CLOCKS[clock]), rate)
    whole = even.whole()
    last = min(first + count, len(whole))
    found = even.read(first, last)
    np.testing.assert_allclose(found, whole[first:last], atol=1e-12)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("rate", [20.0, 80.0])
def test_only_what_a_part_is_made_of_is_read(clock, rate):
    class Counted:
        shape, dtype, read = (500, 2), np.dtype("int16"), 0

        def __getitem__(self, index):
            values = np.zeros((500, 2), "int16")[index]
            Counted.read += len(values)
            return values

    even = AtRate(Stream(Counted(), **CLOCKS[clock]), rate)
    assert Counted.read == 0
    assert even.read(60, 80).dtype == "float32"
    # Ten steps of the lower rate on either side, and seven samples of a clock.
    assert Counted.read <= 20 * 50 / rate + 20 * max(50 / rate, 1) + 2 * 8


@pytest.mark.parametrize("clock", CLOCKS)
def test_samples_beside_a_part_of_them_make_no_difference(clock):
    values = RNG.normal(size=(500, 1))
    spoiled = values.copy()
    spoiled[:100] = spoiled[220:] = np.nan
    found = [
        AtRate(Stream(each, **CLOCKS[clock]), 20.0, samples=slice(100, 220)).whole()
        for each in (values, spoiled)
    ]
    np.testing.assert_array_equal(*found)
    own = {"timestamps": TIMES[100:220]} if clock == "timestamps" else {"rate": 50.0}
    alone = Stream(values[100:220], **own).resampled(20.0)
    np.testing.assert_allclose(found[0], alone.values, atol=1e-12)


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_first_value_is_that_of_its_time(clock):
    moments = TIMES if clock == "timestamps" else 100 + np.arange(500) / 50
    stream = Stream(np.sin(12 * moments)[:, None], **CLOCKS[clock])
    even = AtRate(stream, 40.0, start=100.0123)
    times = 100.0123 + np.arange(even.shape[0]) / 40
    inner = slice(20, 180)
    np.testing.assert_allclose(
        even.whole()[inner, 0], np.sin(12 * times[inner]), atol=4e-3
    )


def test_a_whole_does_not_need_its_samples_twice():
    stream = Stream(np.ones((400_000, 4), "float32"), rate=100.0)
    AtRate(stream, 64.0).read(0, 1)  # what SciPy imports on first use
    tracemalloc.start()
    found = AtRate(stream, 64.0).whole()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < found.nbytes + 4e6


@pytest.mark.parametrize("rate", [20.0, 100.0])
def test_far_more_values_than_samples_are_refused(rate):
    times = 1.66e9 + np.arange(2000) * 0.05
    far = np.append(0.0, times[1:])
    with pytest.raises(ValueError, match=r"2000 samples.*sample 0 shows 0\.0 s"):
        AtRate(Stream(np.zeros((2000, 1)), timestamps=far), rate)
    with pytest.raises(ValueError, match=r"look like milliseconds"):
        AtRate(Stream(np.zeros((2000, 1)), timestamps=1000 * times), rate)
    with pytest.raises(
        ValueError, match=r"3000 samples.*or choose a rate near its own"
    ):
        AtRate(Stream(np.zeros((3000, 1)), rate=0.02), rate)


def test_what_is_finer_on_the_way_follows_the_samples_too():
    times = np.append(np.arange(1000) / 1000, 1e5)
    with pytest.raises(ValueError, match=r"1001 samples, which would be 9\.6e\+07"):
        AtRate(Stream(np.zeros((1001, 1)), timestamps=times), 10.0)


def test_a_slow_sensor_may_become_fast():
    stream = Stream(np.zeros((20_000, 1), "float32"), timestamps=np.arange(20_000.0))
    assert AtRate(stream, 100.0).shape == (2_000_000, 1)


def test_the_own_rate_is_that_of_the_usual_steps():
    even = np.full(400, 0.02)
    assert rate_of(even) == pytest.approx(50)
    assert rate_of(np.append(even, 80_000.0)) == pytest.approx(50)
    packets = np.tile([1e-5, 1e-5, 1e-5, 1e-5, 0.1], 100)
    assert rate_of(packets) == pytest.approx(500, rel=0.05)
    assert rate_of(np.array([])) == 0.0


@pytest.mark.parametrize(
    ("own_rate", "rate", "finer"),
    [(50, 50, 1), (54, 50, 1), (64, 50, 2), (100, 50, 2), (100, 20, 6), (0, 50, 1)],
)
def test_steps_are_fine_enough_for_what_is_filtered_out(own_rate, rate, finer):
    assert finer_steps(own_rate, rate) == finer
