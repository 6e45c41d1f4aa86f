import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings.readers import columns


def place(row):
    return f"row {row}"


def test_columns_are_a_list_and_times_are_not_taken_for_columns():
    assert columns.listed("x") == ["x"]
    assert columns.listed(2) == [2]
    assert columns.listed(("x", 1)) == ["x", 1]
    assert columns.time_columns("t") == ["t"]
    assert columns.time_columns(0) == [0]
    assert columns.time_columns(["date", "time"]) == ["date", "time"]
    assert columns.time_columns([0.0, 1.0]) == []
    assert columns.time_columns(np.array([0, 1])) == []
    assert columns.time_columns(None) == []


def test_dates_are_seconds_and_numbers_keep_their_unit():
    dates = np.array([b"2024-01-01T00:00:00Z", b"", b"NaT"])
    read, unit = columns.dated(dates, 0.001, None, None, [""], place)
    np.testing.assert_array_equal(read, [1704067200.0, np.nan, np.nan])
    assert unit == 1.0
    numbers = np.array([1.0, 2.0])
    assert columns.dated(numbers, 0.001, None, None, [], place) == (numbers, 0.001)


@pytest.mark.parametrize("option", ["time_format", "timezone"])
def test_what_is_for_dates_is_refused_with_numbers(option):
    options = {"time_format": None, "timezone": None, option: "UTC"}
    with pytest.raises(ValueError, match=rf"`{option}` is for dates.*row 0.*Leave"):
        columns.dated(np.array([1.0]), 1.0, **options, missing=[], place=place)


@pytest.mark.parametrize(("row", "hint"), [(0, True), (1, False)])
def test_a_date_that_is_none_is_named_by_its_place(row, hint):
    dates = np.array([b"2024-01-01T00:00:00Z"] * 2)
    dates[row] = b"soon"
    with pytest.raises(ValueError, match=rf"row {row}: 'soon'") as error:
        columns.dated(dates, 1.0, None, None, [], place, " Or units.")
    assert ("Or units." in str(error.value)) == hint


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
def test_counts_on_the_wall_are_what_pandas_says(per_second):
    moments = pd.DatetimeIndex(["2024-03-31 01:30", "2024-03-31 03:30"])
    counts = moments.as_unit("ns").asi8 // (10**9 // per_second)
    expected = [m.timestamp() for m in moments.tz_localize("Europe/Berlin")]
    there = np.array([True, True])
    read = columns.in_utc(counts, there, per_second, "Europe/Berlin", "'t'")
    np.testing.assert_array_equal(read, expected)
    read = columns.in_utc(counts, np.array([True, False]), per_second, "UTC", "'t'")
    np.testing.assert_array_equal(read, [counts[0] / per_second, np.nan])


@pytest.mark.parametrize(
    ("count", "zone", "message"),
    [
        (0, None, r"'t', row 1: '1970-01-01T00:00:00', which says no time zone"),
        (10**12, "Europe/Berlin", r"within 200 years.*timezone='UTC'"),
    ],
)
def test_counts_without_a_zone_or_far_away_are_refused(count, zone, message):
    with pytest.raises(ValueError, match=message):
        columns.in_utc(np.array([5, count]), np.array([False, True]), 1, zone, "'t'")


def test_texts_of_several_columns_are_joined_by_a_blank():
    parts = [np.array([b"a ", b"b"]), np.array([b"c", b" d"])]
    assert columns.joined(parts).tolist() == [b"a c", b"b d"]
    assert columns.joined([np.array([1.0])]).tolist() == [1.0]


def test_dates_without_signs_are_not_taken_for_seconds():
    made = pd.date_range("2024-01-31 23:59:58", periods=4, freq="s")
    times = made.strftime("%Y%m%d%H%M%S").astype("float64").to_numpy()
    with pytest.raises(ValueError, match=r"20240131235958.*='%Y%m%d%H%M%S'.*'UTC'"):
        columns.dated(times, 1.0, None, None, [], place)
    given = made.strftime("%Y%m%d%H%M%S").to_numpy().astype("S")
    found, _ = columns.dated(given, 1.0, "%Y%m%d%H%M%S", "UTC", [], place)
    assert found.tolist() == [moment.timestamp() for moment in made]
    for other in (times * 1000, times + 0.5, times + 61):
        assert columns.dated(other, 1.0, None, None, [], place)[0] is other


def test_only_a_reader_with_an_option_for_it_proposes_what_is_missing():
    for can, said in ((True, "missing=['-']"), (False, "Correct it")):
        with pytest.raises(ValueError, match="Correct it") as error:
            columns.dated(
                np.array([b"-"]), 1.0, None, "UTC", [], place, can_be_missing=can
            )
        assert said in str(error.value)
        assert ("missing=" in str(error.value)) is can
