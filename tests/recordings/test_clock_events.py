import numpy as np
import pytest

from keras_dcat.recordings.clock_events import (
    descends,
    describe_event,
    find_events,
    late_limit,
    lone_sample,
    unwrapped,
)


@pytest.mark.parametrize(
    ("step", "limit"), [(0.01, 2.0), (0.4, 2.0), (1.0, 5.0), (60.0, 300.0)]
)
def test_samples_may_be_late_by_two_seconds_or_five_steps(step, limit):
    assert late_limit(np.arange(100) * step) == pytest.approx(limit)
    assert late_limit(np.array([])) == late_limit(np.array([3.0])) == 2.0


def test_late_samples_from_before_a_wrap_are_put_before_it():
    true = np.arange(400) / 100 + 64.0
    order = np.arange(400)
    order[[153, 154, 155, 156]] = [155, 156, 153, 154]  # around 65.536 s
    on, wraps = unwrapped(true[order] % 65.536, 65.536, 2.0)
    np.testing.assert_allclose(on, true[order], atol=1e-9)
    assert wraps == 1


def test_a_pause_of_more_than_half_a_period_is_not_taken_back():
    true = np.append(np.arange(100) / 10, np.arange(158, 300) / 10)  # period 16
    on, wraps = unwrapped(true % 16.0, 16.0, 2.0)
    np.testing.assert_allclose(on, true, atol=1e-9)
    assert wraps == 1


def test_each_place_where_the_clock_was_set_back_is_found_once():
    times = np.concatenate([np.arange(300), np.arange(200), np.arange(100)]) / 50
    assert find_events(times, 2.0, told=False).tolist() == [300, 500]
    assert find_events(times, 5.0, told=True).tolist() == [300]


def test_one_sample_out_of_line_is_the_one_ahead_or_behind():
    times = np.arange(10.0)
    for row, shown, event in (
        (4, 500.0, 5),
        (4, -500.0, 4),
        (0, 500.0, 1),
        (9, -5.0, 9),
    ):
        wrong = times.copy()
        wrong[row] = shown
        assert lone_sample(wrong, event) == row
    assert lone_sample(np.array([7.0, 8.0, 9.0, 0.0, 1.0, 2.0]), 3) is None


def test_a_file_descends_if_nearly_all_steps_do():
    assert descends(np.arange(20.0)[::-1])
    assert not descends(np.arange(20.0))
    assert not descends(np.array([2.0, 1.0]))
    assert not descends(np.array([]))


@pytest.mark.parametrize(
    ("period", "rate", "what"),
    [
        (2**32 / 1e3, 1.0, "32 bits that wraps, in milliseconds"),
        (2**31 / 1e6, 25.0, "31 bits that wraps, in microseconds"),
        (2**24 / 32768, 25.0, "24 bits that wraps, at 32768 Hz"),
        (60.0, 25.0, "seconds without the minute"),
        (86400.0, 5.0, "passes midnight"),
    ],
)
def test_what_wraps_is_told_by_its_period(period, rate, what):
    times = np.append(period - np.arange(50, 0, -1) / rate, np.arange(50) / rate)
    told, found = describe_event(times, np.array([50]))
    assert what in told
    assert found == period


def test_a_period_that_nobody_knows_is_measured():
    times = np.tile(np.arange(77) / 10, 5)  # 77 is no power of two
    told, found = describe_event(times, np.arange(77, 385, 77))
    assert "wraps every 7.7 s" in told
    assert found == pytest.approx(7.7)
