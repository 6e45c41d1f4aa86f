import tracemalloc

import numpy as np
import pytest
from scipy import signal

from keras_dcat.recordings import Stream, mend


@pytest.mark.parametrize(
    ("own_rate", "rate", "hertz", "least"),
    [(64.0, 50.0, 15.0, 80), (44_100.0, 16_000.0, 1000.0, 55), (25.0, 40.0, 6.0, 55)],
)
@pytest.mark.parametrize("clock", ["rate", "timestamps"])
def test_a_tone_that_both_rates_can_show_stays_the_same_tone(
    own_rate, rate, hertz, least, clock
):
    count = 20_000
    times = 3 + np.arange(count) / own_rate
    own = {"rate": own_rate, "start": 3.0}
    own = own if clock == "rate" else {"timestamps": times}
    values = np.sin(2 * np.pi * hertz * times)[:, None]
    resampled = Stream(values, **own).resampled(rate)
    assert (resampled.rate, resampled.start) == (rate, 3.0)
    assert resampled.duration == pytest.approx(count / own_rate, abs=1 / rate)
    inner = slice(40, -40)
    expected = np.sin(2 * np.pi * hertz * resampled.times[inner])
    error = resampled.values[inner, 0] - expected
    # By interpolation alone it would be 15 dB, as it was.
    limit = least if clock == "rate" else min(least, 65)
    assert 10 * np.log10(np.mean(expected**2) / np.mean(error**2)) > limit


def test_resampling_is_what_scipy_does(rng):
    values = rng.normal(size=(500, 2)).astype("float32")
    resampled = Stream(values, rate=64.0).resampled(50.0).values
    peer = signal.resample_poly(values, 25, 32, axis=0, padtype="edge")
    np.testing.assert_allclose(resampled, peer[: len(resampled)], atol=1e-3)


def test_one_time_that_is_far_is_named_and_the_cure_works():
    times = 1.66e9 + np.arange(2000) * 0.05
    times[0] = 0.0
    stream = Stream(np.zeros((2000, 3)), timestamps=times)
    with pytest.raises(ValueError, match=r"2000 samples.*0\.0 s.*mend\(stream\)"):
        stream.resampled(20.0)
    with pytest.raises(ValueError, match=r"mend\(stream, max_jump=3600\)"):
        mend(stream)
    mended, _ = mend(stream, max_jump=3600)
    assert len(mended.resampled(20.0)) == 1999


@pytest.mark.parametrize("unit", [1e3, 1e6, 1e9])
def test_a_wrong_unit_of_time_is_named_and_the_cure_works(unit):
    times = (1.66e9 + np.arange(2000) * 0.05) * unit
    with pytest.raises(ValueError, match=rf"look like.*multiply them by {1 / unit:g}"):
        Stream(np.zeros((2000, 3)), timestamps=times).resampled(20.0)
    mended = Stream(np.zeros((2000, 3)), timestamps=times / unit)
    assert len(mended.resampled(20.0)) == 2000


def test_resampling_to_the_same_rate_changes_nothing(rng):
    values = rng.normal(size=(50, 4, 3)).astype("float32")
    resampled = Stream(values, rate=50.0).resampled(50.0)
    np.testing.assert_array_equal(resampled.values, values)
    assert resampled.values.dtype == "float32"


def test_a_stream_without_channels_is_refused():
    with pytest.raises(ValueError, match=r"shape \(20,\).*values\[:, None\]"):
        Stream(np.zeros(20), rate=10.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(rate):
    with pytest.raises(ValueError, match=rf"rate={rate}.*in Hz"):
        Stream(np.zeros((20, 1)), rate=rate)


def tone(frequency, rate, seconds=8.0, start=0.0):
    times = start + np.arange(round(seconds * rate)) / rate
    return Stream(np.sin(2 * np.pi * frequency * times)[:, None], rate, start)


def test_going_down_removes_what_the_new_rate_cannot_show():
    fast = tone(18.0, rate=100.0)
    slow = tone(2.0, rate=100.0)
    inner = slice(20, -20)
    aliased = fast.values[::5]  # 18 Hz seen at 20 Hz: 2 Hz that nobody made
    assert np.abs(aliased).max() > 0.9
    assert np.abs(fast.resampled(20.0).values[inner]).max() < 0.01
    np.testing.assert_allclose(
        slow.resampled(20.0).values[inner], tone(2.0, 20.0).values[inner], atol=0.01
    )


def test_irregular_timestamps_come_out_on_even_steps(rng):
    times = 5.0 + np.sort(rng.uniform(0, 4, 400))
    stream = Stream(np.sin(times)[:, None], timestamps=times)
    resampled = stream.resampled(100.0)
    assert resampled.rate == 100.0
    assert resampled.start == times[0]
    inner = slice(5, -5)
    np.testing.assert_allclose(
        resampled.values[inner, 0], np.sin(resampled.times)[inner], atol=0.01
    )


def test_timestamps_that_do_not_rise_cannot_be_resampled():
    stream = Stream(np.zeros((3, 1)), timestamps=[0.0, 0.2, 0.1])
    with pytest.raises(ValueError, match=r"3 that do not.*mend\(stream\)"):
        stream.resampled(10.0)


def test_values_are_not_read_before_they_are_needed():
    class Lazy:
        shape, dtype = (100, 3), np.dtype("float32")

        def __getitem__(self, index):
            raise AssertionError("read too early")

    stream = Stream(Lazy(), rate=50.0)
    assert (len(stream), stream.duration) == (100, 2.0)
    assert stream.times[-1] == 1.98


def test_one_kind_of_clock_must_be_given():
    with pytest.raises(ValueError, match=r"Received: neither.*in Hz"):
        Stream(np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"Received: both"):
        Stream(np.zeros((3, 1)), rate=1.0, timestamps=[0, 1, 2])
    with pytest.raises(ValueError, match=r"\(2,\) for 3 samples.*one per row"):
        Stream(np.zeros((3, 1)), timestamps=[0, 1])


@pytest.mark.parametrize("rate", [0.0, -5.0, float("inf"), float("nan")])
@pytest.mark.parametrize("clock", [{"rate": 50.0}, {"timestamps": np.arange(20.0)}])
def test_a_stream_is_not_resampled_to_a_rate_that_makes_no_sense(clock, rate):
    with pytest.raises(ValueError, match=rf"rate={rate} for 20 samples.*in Hz"):
        Stream(np.zeros((20, 1)), **clock).resampled(rate)


@pytest.mark.parametrize("clock", [{"rate": 50.0}, {"timestamps": []}])
def test_a_stream_without_a_sample_cannot_be_resampled(clock):
    with pytest.raises(ValueError, match=r"for 0 samples.*leave out recordings"):
        Stream(np.zeros((0, 1)), **clock).resampled(10.0)


@pytest.mark.parametrize("rate", [25.0, 75.0])
@pytest.mark.parametrize("clock", [{"rate": 50.0}, {"timestamps": np.arange(99) / 50}])
def test_one_value_that_is_not_finite_is_refused_before_it_spoils_others(clock, rate):
    values = np.zeros((99, 2))
    values[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"1 of 198 that are not.*Leave these samples"):
        Stream(values, **clock).resampled(rate)


def test_samples_in_packets_do_not_become_millions():
    packets = np.arange(0, 60, 0.1)[:, None] + 1e-5 * np.arange(5)
    stream = Stream(np.ones((3000, 1)), timestamps=packets.ravel())
    tracemalloc.start()
    resampled = stream.resampled(50.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(resampled.values, 1.0, rtol=1e-6)
    assert peak < 10e6  # a step of 10 µs would be 48 MB of each array


@pytest.mark.parametrize("kind", ["datetime64[ns]", "timedelta64[ms]", "U3", "O"])
def test_timestamps_that_are_not_seconds_are_refused_with_the_remedy(kind):
    with pytest.raises(ValueError, match=r"(?i)Received: .*np\.timedelta64\(1, 's'\)"):
        Stream(np.zeros((2, 1)), timestamps=np.array([1, 2]).astype(kind))


@pytest.mark.parametrize(
    ("times", "rises"),
    [
        ([0.0, 1.0, 3.0], True),
        ([0.0, 1.0, 1.0], False),
        ([0.0, 2.0, 1.0], False),
        ([0.0, np.nan], False),
        ([0.0, np.inf], False),
        ([], True),
    ],
)
def test_times_rise_if_each_is_finite_and_later_than_the_one_before(times, rises):
    stream = Stream(np.zeros((len(times), 1)), timestamps=times)
    assert stream.rises is rises
    if not rises:
        with pytest.raises(ValueError, match=r"that do not.*= mend\(stream\)"):
            stream.resampled(1.0)


def test_a_list_of_values_becomes_an_array():
    assert Stream([[1.0, 2.0], [3.0, 4.0]], 1.0).values.dtype == "float64"


def test_values_that_are_masked_are_missing():
    values = np.ma.masked_equal([[1.0], [-9999.0], [3.0]], -9999.0)
    found = Stream(values, rate=10.0).values
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, [[1.0], [np.nan], [3.0]])
    assert values.data[1, 0] == -9999.0
    times = np.ma.masked_equal([0.0, -9999.0, 0.2], -9999.0)
    found = Stream(np.zeros((3, 1)), timestamps=times).timestamps
    np.testing.assert_array_equal(found, [0.0, np.nan, 0.2])


def test_ints_that_are_masked_are_refused_with_a_cure_that_works():
    values = np.ma.masked_equal([[1], [-1], [3]], -1)
    with pytest.raises(ValueError, match="masked array of int64") as error:
        Stream(values, rate=10.0)
    cure = str(error.value).split("Convert it: ")[1]
    assert cure == "values.astype('float32').filled(np.nan)."
    found = Stream(values.astype("float32").filled(np.nan), rate=10.0).values
    np.testing.assert_array_equal(found, [[1.0], [np.nan], [3.0]])
    whole = np.ma.masked_array([[1], [2]])  # of which none is
    assert Stream(whole, rate=10.0).values.tolist() == [[1], [2]]


def test_times_of_too_few_digits_are_refused():
    times = np.arange(60000) / 100
    values = np.arange(60000.0)[:, None]
    told = r"float32, which tells times near 1700000640 s to 128 s, .* 0\.01\d* s apart"
    with pytest.raises(ValueError, match=told):
        Stream(values, timestamps=(1.7e9 + times).astype("float32"))
    with pytest.raises(ValueError, match="float16"):
        Stream(values[:1000], timestamps=times[:1000].astype("float16"))
    once = (1.7e9 + times).astype("float32").astype("float64")
    with pytest.raises(ValueError, match="were float32 once, 128 s apart"):
        mend(Stream(values, timestamps=once))
    near = Stream(values, timestamps=times.astype("float32"))
    np.testing.assert_allclose(near.times, times, atol=1e-4)
    assert len(Stream(values, timestamps=1.7e9 + times)) == 60000


@pytest.mark.parametrize("start", [np.nan, np.inf])
def test_a_stream_starts_at_some_time(start):
    with pytest.raises(ValueError, match=f"start={start}"):
        Stream(np.zeros((3, 1)), rate=10.0, start=start)
