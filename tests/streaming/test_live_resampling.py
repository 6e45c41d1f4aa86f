import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings import Stream
from keras_dcat.streaming.live_resampling import EvenSamples, EvenSteps, EvenTimes

CUTS = st.lists(st.integers(0, 400), max_size=8)
RATES = [(50.0, 50.0), (50.0, 20.0), (20.0, 50.0), (100.0, 30.0), (49.97, 50.0)]
QUICK = settings(max_examples=30)


def in_chunks(cuts, *arrays):
    rows = np.split(np.arange(len(arrays[0])), sorted(cuts))
    return [[array[part] for array in arrays] for part in rows]


def together(parts):
    return np.concatenate([part for part in parts if len(part)])


@pytest.mark.parametrize(("own_rate", "rate"), [*RATES, (20 * np.pi, 50.0)])
@QUICK
@given(cuts=CUTS)
def test_chunks_are_resampled_as_all_is_at_once(own_rate, rate, cuts):
    values = np.random.default_rng(0).normal(size=(400, 2)).cumsum(axis=0)
    expected = Stream(values, own_rate).resampled(rate).values
    even = EvenSamples(own_rate, rate)
    found = [even.add(part) for (part,) in in_chunks(cuts, values)]
    # A filter has not seen yet what comes behind, until it is told that nothing does.
    waiting = even.latency * rate + rate / own_rate + 1
    assert len(together(found)) >= len(expected) - waiting
    found = together([*found, even.end()])
    assert len(even.end()) == 0
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize(("own_rate", "rate"), [(50, 50), (50, 20), (20, 50), (64, 50)])
@pytest.mark.parametrize("is_given", [True, False])
@QUICK
@given(cuts=CUTS)
def test_timestamps_are_brought_to_a_rate_as_all_at_once(
    own_rate, rate, is_given, cuts
):
    rng = np.random.default_rng(0)
    jitter = 0.3 * rng.uniform(-0.5, 0.5, 400)
    jitter[250:] += 4  # a gap that may be bridged
    times = 1.66e9 + (np.arange(400) + jitter) / own_rate
    values = rng.normal(size=(400, 2)).cumsum(axis=0)
    expected = Stream(values, timestamps=times).resampled(rate).values
    even = EvenTimes(rate, own_rate if is_given else None)
    found = [even.add(*part) for part in in_chunks(cuts, values, times)]
    waiting = (even.latency + 2 / own_rate) * rate + 2
    assert len(together(found)) >= len(expected) - waiting
    found = together([*found, even.end()])
    assert abs(len(found) - len(expected)) <= 1  # how long the last sample lasts
    count = min(len(found), len(expected)) - 1
    np.testing.assert_allclose(found[:count], expected[:count], atol=1e-8)
    assert even.own_rate == pytest.approx(own_rate, rel=0.1)


@pytest.mark.parametrize("count", [0, 1, 2, 9, 32, 33])
def test_few_samples_are_given_at_the_end(count):
    times = 5 + np.arange(count) / 50
    values = np.random.default_rng(0).normal(size=(count, 3))
    even = EvenTimes(20.0)
    parts = [even.add(values, times), even.end()]
    expected = count and Stream(values, timestamps=times).resampled(20.0).values
    assert sum(map(len, parts)) == (len(expected) if count else 0)
    if count:
        np.testing.assert_allclose(together(parts), expected, atol=1e-12)


def test_what_a_lower_rate_cannot_show_is_filtered_from_timestamps_too():
    times = np.arange(2000) / 100
    even = EvenTimes(20.0)
    fast = np.sin(2 * np.pi * 18 * times)[:, None]  # 2 Hz, at 20 Hz, that nobody made
    found = np.concatenate([even.add(fast, times), even.end()])
    assert np.abs(found[20:-20]).max() < 0.01


@QUICK
@given(cuts=CUTS)
def test_even_steps_are_those_of_all_samples_at_once(cuts):
    times = 7 + np.arange(400) / 50
    values = np.random.default_rng(0).normal(size=(400, 1))
    even = EvenSteps(50.0)
    found = [even.add(*part) for part in in_chunks(cuts, values, times)]
    found = together([*found, even.end(step=0.02)])
    np.testing.assert_allclose(found, values, atol=1e-8)


@pytest.mark.parametrize(
    ("even", "seconds"),
    [
        (EvenSamples(50.0, 50.0), 0.0),
        (EvenSamples(100.0, 20.0), 0.5),
        (EvenSamples(20.0, 100.0), 0.5),
        (EvenTimes(50.0, 50.0), 0.14),
        (EvenTimes(20.0, 100.0), 0.57),
    ],
)
def test_a_sample_is_given_when_its_latency_is_over(even, seconds):
    assert even.latency == pytest.approx(seconds)


def test_memory_follows_the_filter_and_not_what_came():
    even = EvenTimes(20.0, 100.0)
    for chunk in range(200):
        even.add(np.zeros((500, 1)), (np.arange(500) + 500 * chunk) / 100)
    kept = even._steps._times, even._steps._samples, even._even._tail
    assert sum(len(tail._buffer) for tail in kept) <= 3 * 4096
