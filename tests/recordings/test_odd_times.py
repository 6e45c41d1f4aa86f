import time

import numpy as np
import pytest

from keras_dcat.recordings.odd_times import describe_odd_times, far_samples

SECONDS = 1.66e9 + np.arange(500) / 50


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (SECONDS * 1e3, "milliseconds since 1970 (2022-08-08): multiply them by 0.001"),
        (SECONDS * 1e6, "microseconds since 1970 (2022-08-08): multiply them by 1e-06"),
        (SECONDS * 1e9, "nanoseconds since 1970 (2022-08-08): multiply them by 1e-09"),
        (SECONDS / 86400 + 25569, "days since 1899-12-30 (2022-08-08)"),
        (SECONDS / 86400 + 719529, "days since the year 0 (2022-08-08)"),
        ((SECONDS + 62135596800) * 1e7, "100 ns since the year 1 (2022-08-08)"),
        ((SECONDS + 11644473600) * 1e7, "100 ns since the year 1601 (2022-08-08)"),
        ((SECONDS - SECONDS[0]) * 1e6, "20000 s apart and look like microseconds"),
        ((SECONDS - SECONDS[0]) * 1e9, "2e+07 s apart and look like nanoseconds"),
    ],
)
def test_a_unit_that_is_not_seconds_is_named(times, message):
    for order in (times, times[::-1], np.append(times, np.nan)):
        assert message in describe_odd_times(order)


@pytest.mark.parametrize(
    ("row", "value", "distance"),
    [
        (0, 0.0, SECONDS[1]),
        (250, 0.0, SECONDS[0]),
        (499, 1.7e9, 1.7e9 - SECONDS[498]),
        (499, float(SECONDS[498]) + 4000, 4000.0),
        (0, -1e300, 1e300),
    ],
)
def test_one_time_far_away_is_named_by_its_row(row, value, distance):
    times = SECONDS.copy()
    times[row] = value
    told = describe_odd_times(times)
    assert told.startswith(f"sample {row} shows {value!r} s, {distance:.6g} s")
    assert told.endswith("from every other")


def test_some_times_that_are_far_together_are_counted():
    times = SECONDS.copy()
    times[:40] = np.arange(40) / 50  # a clock that was set after 40 samples
    rows, distance = far_samples(times)
    np.testing.assert_array_equal(rows, np.arange(40))
    assert distance == pytest.approx(SECONDS[40] - 39 / 50)
    assert "40 samples of 500 are" in describe_odd_times(times)
    assert "(52.6 years)" in describe_odd_times(times)
    assert "such as sample 0 at 0.0 s" in describe_odd_times(times)


@pytest.mark.parametrize(
    "times",
    [
        [],
        [5.0],
        [0.0, 1e9 / 3600],
        [np.nan, np.inf],
        SECONDS,
        SECONDS - SECONDS[0],
        np.arange(500) * 60.0,  # one a minute
        np.append(SECONDS[:250], SECONDS[250:] + 7200),  # set forward, or a pause
        np.concatenate([SECONDS[:50] + 86400 * day for day in range(9)]),
        np.append(SECONDS, SECONDS[-1] + 3000),
    ],
)
def test_ordinary_times_are_not_odd(times):
    assert describe_odd_times(np.asarray(times, "float64")) is None


def test_a_million_times_are_looked_at_in_no_time():
    times = 1.66e9 + np.arange(1_000_000) / 100
    begin = time.perf_counter()
    assert describe_odd_times(times) is None
    assert time.perf_counter() - begin < 1.0
