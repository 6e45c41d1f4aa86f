import numpy as np
import pytest

from keras_dcat.recordings import Stream, mend
from keras_dcat.recordings.odd_times import describe_odd_times

EVEN = 1.66e9 + np.arange(2000) * 0.05


@pytest.mark.parametrize(
    ("size", "unit"),
    [(1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")],
)
@pytest.mark.parametrize("start", [0.0, 1.66e9])
def test_times_in_another_unit_say_so(size, unit, start):
    times = (start + np.arange(2000) * 0.05) * size
    found = describe_odd_times(times)
    assert f"look like {unit}" in found
    assert f"timestamps=times / {size:.0f}" in found


@pytest.mark.parametrize(("number", "time"), [(0, 0.0), (1999, 3e9)])
def test_a_time_that_is_far_is_named_and_the_cure_drops_it(number, time):
    times = EVEN.copy()
    times[number] = time
    found = describe_odd_times(times)
    assert f"Sample {number} has the time {time} s" in found
    limit = float(found.split("max_jump=")[1].rstrip(").`"))
    mended, report = mend(Stream(np.zeros((2000, 1)), timestamps=times), limit)
    assert (len(mended), report.jumps) == (1999, 1)


def test_a_long_pause_is_named_by_the_samples_around_it():
    times = np.concatenate([np.arange(100) / 50, 9000 + np.arange(100) / 50])
    assert "Samples 99 and 100, at 1.98 s and 9000.0 s" in (describe_odd_times(times))


@pytest.mark.parametrize("times", [EVEN, np.arange(100) / 100, [0.0, 5.0], []])
def test_ordinary_times_are_not_odd(times):
    assert describe_odd_times(times) is None
