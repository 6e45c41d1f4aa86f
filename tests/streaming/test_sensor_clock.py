import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.streaming.sensor_clock import Clock, SensorClock

CUTS = st.lists(st.integers(0, 200), max_size=8)


def clock(rate=50.0, **options):
    return SensorClock(rate, 50.0, 0.25, **options)


def read(one, told, cuts=()):
    """Times of all chunks."""
    stands, found = Clock(), []
    for part in np.split(np.asarray(told), sorted(cuts)):
        times, stands = one.read(len(part), part, stands)
        found.append(times)
    return np.concatenate(found)


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-6, 1e-9])
def test_units_become_seconds(unit):
    told = np.round((1.7e9 + np.arange(200) / 50) / unit).astype("int64")
    if unit == 1.0:
        told = 1.7e9 + np.arange(200) / 50
    found = read(clock(time_unit=unit), told)
    np.testing.assert_allclose(found, 1.7e9 + np.arange(200) / 50, atol=1e-6)


@pytest.mark.parametrize("rate", [None, 50.0])
@pytest.mark.parametrize(
    ("factor", "words", "unit"),
    [(1e3, "milli", "0.001"), (1e6, "micro", "1e-06"), (1e9, "nano", "1e-09")],
)
@pytest.mark.parametrize("size", [1, 5, 200])
def test_another_unit_is_told_after_the_first_samples(rate, factor, words, unit, size):
    told = np.arange(200) / 50 * factor
    expected = rf"look like {words}seconds\. Make.*time_unit={unit}\)"
    with pytest.raises(ValueError, match=expected):
        read(clock(rate), told, range(0, 200, size))
    right = clock(rate, time_unit=1 / factor)
    np.testing.assert_allclose(read(right, told), np.arange(200) / 50)


def test_a_unit_that_is_too_small_is_told():
    for rate in (None, 50.0):
        with pytest.raises(ValueError, match=r"steps of 2e-05 s \(time_unit=0\.001\)"):
            read(clock(rate, time_unit=0.001), np.arange(200) / 50)


@pytest.mark.parametrize("rate", [10.0, 25.0, 100.0, 1000.0])
def test_a_sensor_of_another_rate_is_taken_as_it_is(rate):
    told = 3 + np.arange(200) / rate
    np.testing.assert_array_equal(read(clock(None), told), told)
    np.testing.assert_array_equal(read(clock(rate), told), told)


def test_a_gap_among_the_first_samples_is_no_unit():
    told = np.arange(200) / 50
    told[3:] += 60.0
    np.testing.assert_array_equal(read(clock(), told), told)


@settings(max_examples=40)
@given(cuts=CUTS)
def test_a_counter_that_wraps_goes_on(cuts):
    true = np.arange(0, 200_000, 1000) + 65_000  # µs
    one = clock(time_unit=1e-6, rate=1000.0, wraps=2**16 * 1e-6)
    found = read(one, true % 2**16, cuts)
    np.testing.assert_allclose(found - found[0], (true - true[0]) * 1e-6, atol=1e-9)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_a_counter_that_wraps_is_told(bits):
    told = (2**bits - 20 + np.arange(40)) % 2**bits
    one = clock(rate=1000.0, time_unit=1e-3)
    with pytest.raises(ValueError, match=f"counter of {bits} bits") as error:
        read(one, told)
    wraps = float(str(error.value).split("wraps=")[1].split(")")[0])
    found = read(clock(rate=1000.0, time_unit=1e-3, wraps=wraps), told)
    np.testing.assert_allclose(np.diff(found), 1e-3, atol=1e-8)


def test_samples_of_one_time_are_told_as_packets():
    told = np.repeat(np.arange(20) / 5, 10)
    with pytest.raises(ValueError, match=r"9 samples with the time.*packets='end'\)"):
        clock().read(10, told[:10], Clock())


@pytest.mark.parametrize(
    ("packets", "shift"), [("end", 0), ("start", 9), ("centre", 4.5)]
)
@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 20), max_size=5))
def test_even_packets_are_spread_over_even_samples(packets, shift, cuts):
    told = np.repeat(7 + np.arange(20) / 5, 10)
    found = read(clock(packets=packets), told, [10 * cut for cut in cuts])
    expected = 7 - (9 - shift) / 50 + np.arange(200) / 50
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_one_number_is_the_time_of_a_whole_packet():
    found, stands = clock(packets="end").read(10, 7.0, Clock())
    np.testing.assert_allclose(found, 6.82 + np.arange(10) / 50)
    assert stands.last == pytest.approx(7.0)
    with pytest.raises(ValueError, match=r"shape \(\) for 10 samples"):
        clock().read(10, 7.0, Clock())


def test_packets_that_come_late_and_two_at_once_move_samples_little():
    rng = np.random.default_rng(0)
    due = np.arange(200) / 5
    late = due + rng.uniform(0, 0.1, 200)
    late[50], late[51] = due[50] + 0.15, due[50] + 0.201  # two at once
    found = read(clock(packets="end"), np.repeat(late, 10))
    true = np.repeat(due, 10) - np.tile(np.arange(9, -1, -1) / 50, 200)
    assert (np.diff(found) > 0).all()
    assert np.std((found - true)[200:]) < np.std(late - due) / 2
    assert np.abs(np.diff(found) - 0.02).max() < 0.011


def test_a_sensor_that_is_faster_than_its_data_sheet_is_followed():
    told = np.repeat(np.arange(500) * 10 / 51, 10)  # 51 Hz instead of 50
    found = read(clock(packets="end"), told)
    assert np.abs(found[9::10] - told[9::10]).max() < 0.05
    assert np.diff(found)[-100:] == pytest.approx(1 / 51, rel=1e-3)


def test_a_packet_that_is_lost_leaves_a_hole():
    due = np.delete(np.arange(30) / 5, [10, 11])
    found = read(clock(packets="end"), np.repeat(due, 10))
    steps = np.diff(found)
    assert steps.max() == pytest.approx(0.42)
    assert np.delete(steps, steps.argmax()) == pytest.approx(0.02)


@pytest.mark.parametrize(
    "told",
    [[0.0, 0.02, 0.01], [0.0, np.nan, 0.04], [[0.0], [0.02], [0.04]], [0.0, 0.02]],
)
def test_times_that_are_none_are_refused(told):
    with pytest.raises(ValueError, match="finite and rising.*for 3 samples.*`reset`"):
        clock().read(3, np.array(told), Clock())


def test_a_packet_from_the_past_is_refused():
    _, stands = clock(packets="end").read(10, 7.0, Clock())
    with pytest.raises(ValueError, match="the last before: 7"):
        clock(packets="end").read(10, 5.0, stands)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_unit": 0}, "time_unit=0"),
        ({"time_unit": np.nan}, "time_unit=nan"),
        ({"wraps": -1}, "wraps=-1"),
        ({"packets": "last"}, "packets='last'.*packets='end'"),
        ({"packets": "end", "rate": None}, "rate=None.*rate=50.0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        clock(**options)


@pytest.mark.parametrize("cuts", [[], range(0, 200, 10)])
def test_the_unit_of_packets_is_told_too(cuts):
    told = np.repeat(np.arange(20) * 200, 10)  # ms
    with pytest.raises(ValueError, match=r"steps of 20 units.*milli.*time_unit=0\.001"):
        read(clock(packets="end"), told, cuts)
    assert len(read(clock(packets="end", time_unit=0.001), told, cuts)) == 200


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("told", [[-1e308, 1e308], [0.0, 5e-324, 1e-323], [1e308, 0.0]])
def test_times_of_any_size_are_read_or_refused_without_a_warning(told):
    one = clock(None)
    try:
        assert len(read(one, told)) == len(told)
    except ValueError as error:
        assert "rising" in str(error)  # noqa: PT017
