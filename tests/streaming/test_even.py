import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_dcat.recordings import Stream
from keras_dcat.streaming.even import EvenSamples, EvenSteps

CUTS = st.lists(st.integers(0, 400), max_size=8)
RATES = [(50.0, 50.0), (50.0, 20.0), (20.0, 50.0), (100.0, 30.0), (48.0, 16.0)]


def in_chunks(cuts, *arrays):
    rows = np.split(np.arange(len(arrays[0])), sorted(cuts))
    return [[array[part] for array in arrays] for part in rows]


@pytest.mark.parametrize(("own_rate", "rate"), RATES)
@given(cuts=CUTS)
def test_chunks_are_resampled_as_all_is_at_once(own_rate, rate, cuts):
    values = np.random.default_rng(0).normal(size=(400, 2)).cumsum(axis=0)
    expected = Stream(values, own_rate).resampled(rate).values
    even = EvenSamples(own_rate, rate)
    found = np.concatenate([even.add(part) for (part,) in in_chunks(cuts, values)])
    # A filter has not seen yet what comes behind, until it is told that nothing does.
    reach = 0 if rate >= own_rate else 8 * own_rate / rate + 2
    assert len(found) >= len(expected) - (reach / own_rate + 1 / own_rate) * rate - 1
    found = np.concatenate([found, even.end()]) if rate != own_rate else found
    assert len(even.end()) == 0
    np.testing.assert_allclose(found, expected, atol=1e-8)


@given(cuts=CUTS)
def test_timestamps_are_brought_to_even_steps_as_all_at_once(cuts):
    rng = np.random.default_rng(0)
    times = 100 + np.arange(400) / 50 + rng.uniform(-0.008, 0.008, 400)
    values = rng.normal(size=(400, 2)).cumsum(axis=0)
    even = EvenSteps(50.0)
    found = np.concatenate([even.add(*part) for part in in_chunks(cuts, values, times)])
    grid = times[0] + np.arange(len(found)) / 50
    for channel in range(2):
        np.testing.assert_allclose(
            found[:, channel], np.interp(grid, times, values[:, channel]), atol=1e-8
        )
    assert len(found) >= 398
