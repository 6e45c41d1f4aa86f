import numpy as np
import pytest

from keras_dcat.recordings.odd_times import describe_odd_times

EVERY_20_MS = 1.66e9 + np.arange(2000) / 50  # 2022-08-08


@pytest.mark.parametrize(
    ("factor", "unit", "divisor"),
    [(1e3, "milliseconds", "1e3"), (1e6, "microseconds", "1e6"), (1e9, "nano", "1e9")],
)
def test_times_since_1970_in_another_unit_are_told_with_their_date(
    factor, unit, divisor
):
    said = describe_odd_times(EVERY_20_MS * factor)
    assert f"look like {unit}" in said
    assert said.endswith(f"Divided by {divisor}, they are of 2022-08-08.")


@pytest.mark.parametrize(
    ("step", "unit"), [(20.0, "milli"), (20_000.0, "micro"), (2e7, "nano")]
)
def test_times_from_zero_in_another_unit_are_told_by_their_steps(step, unit):
    assert f"if these are {unit}seconds" in describe_odd_times(np.arange(50) * step)


@pytest.mark.parametrize("place", [0, 500, 1999])
@pytest.mark.parametrize("far", [0.0, 1e12])
def test_a_sample_that_is_far_from_all_others_is_named(place, far):
    times = EVERY_20_MS.copy()
    times[place] = far
    said = describe_odd_times(times)
    assert f"Sample {place} has the time {far!r} s" in said
    assert "max_jump" in said


def test_several_far_samples_are_counted():
    times = EVERY_20_MS.copy()
    times[3:6] = 0.0
    assert "3 samples, such as 3, have the time 0.0 s" in describe_odd_times(times)


@pytest.mark.parametrize(
    "times",
    [
        EVERY_20_MS,
        np.arange(2000) / 50,
        np.append(np.arange(500), 5000 + np.arange(500)) / 50,
        1.66e9 + np.arange(100) * 60.0,
        [3.0],
        [],
        [np.nan, np.inf],
    ],
    ids=["since 1970", "from 0", "a gap", "every minute", "one", "none", "no times"],
)
def test_nothing_is_odd_about_ordinary_times(times):
    assert describe_odd_times(np.array(times)) is None


def test_times_of_any_size_are_described_without_a_warning():
    times = EVERY_20_MS.copy()
    times[:2] = -1e308, 1e308
    describe_odd_times(times)
