import datetime
import re
import zoneinfo

import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings.readers.zones import Unclear, of_zone, zone_of

NANOSECONDS = 10**9


def wall(*moments):
    return np.array(moments, "M8[ns]").astype("int64")


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"],
)
def test_months_on_the_wall_are_what_pandas_says(zone):
    utc = pd.date_range("2024-03-01", "2024-11-15", freq="13min", tz="UTC").as_unit(
        "ns"
    )
    local = utc.tz_convert(zone).tz_localize(None)
    np.testing.assert_array_equal(of_zone(local.asi8, zone), utc.asi8)


@pytest.mark.parametrize("offset", ["+02:00", "-09:30", "+00:00"])
def test_an_offset_is_the_same_all_year(offset):
    moments = wall("2024-01-01T00:00", "2024-07-01T00:00")
    hours = float(offset[:3]) + float(offset[0] + offset[4:]) / 60
    expected = moments - round(hours * 3600) * NANOSECONDS
    np.testing.assert_array_equal(of_zone(moments, offset), expected)


AUTUMN = {  # moments on 2024-10-27 in Berlin, and their offsets in hours
    "step": (
        ["01:59:59", "02:59:59", "02:00:00", "02:59:59", "03:00"],
        [2, 2, 1, 1, 1],
    ),
    "ends": (["01:50", "02:00", "02:30"], [2, 2, 2]),
    "begins": (["02:30", "02:59", "03:05"], [1, 1, 1]),
    "jitter": (["01:59", "02:10:05", "02:10:04", "02:20"], [2, 2, 2, 2]),
    "other night": (["04:00", "05:00"], [1, 1]),
}


@pytest.mark.parametrize("case", AUTUMN)
def test_the_hour_that_comes_twice_is_told_by_the_order(case):
    times, hours = AUTUMN[case]
    moments = wall(*(f"2024-10-27T{time}" for time in times))
    expected = moments - np.array(hours) * 3600 * NANOSECONDS
    np.testing.assert_array_equal(of_zone(moments, "Europe/Berlin"), expected)


@pytest.mark.parametrize(
    "times",
    [
        ["02:30"],
        ["01:59", "02:30", "03:01"],  # the clock was not put back
        ["02:50", "02:10", "02:50", "02:10"],
        ["00:30", "02:30"],
    ],
)
def test_an_hour_of_two_meanings_is_refused_and_an_offset_cures_it(times):
    moments = wall(*(f"2024-10-27T{time}" for time in times))
    with pytest.raises(Unclear, match="show twice in autumn") as error:
        of_zone(moments, "Europe/Berlin")
    assert "timezone='+02:00' for summer" in error.value.cure
    for hours in (2, 1):
        expected = moments - hours * 3600 * NANOSECONDS
        np.testing.assert_array_equal(of_zone(moments, f"+0{hours}:00"), expected)


def test_a_time_that_clocks_leave_out_is_refused_and_an_offset_cures_it():
    moments = wall("2024-03-31T01:59", "2024-03-31T02:30")
    with pytest.raises(Unclear, match="leave out in spring") as error:
        of_zone(moments, "Europe/Berlin")
    assert (error.value.row, error.value.cure.count("timezone='+01:00'")) == (1, 1)
    np.testing.assert_array_equal(
        of_zone(moments, "+01:00"), moments - 3600 * NANOSECONDS
    )


def test_without_a_zone_a_date_is_refused():
    with pytest.raises(Unclear, match="says no time zone") as error:
        of_zone(wall("2024-03-31T01:59"), None)
    assert "timezone='UTC'" in error.value.cure


def test_a_zone_is_known_by_its_name_or_offset():
    assert zone_of("Europe/Berlin") == zoneinfo.ZoneInfo("Europe/Berlin")
    assert zone_of("-03:30").utcoffset(None) == datetime.timedelta(hours=-3.5)


@pytest.mark.parametrize(
    "zone", ["Europe/Berln", "+2", "", "../zone", "+25:00", 2, "ABC"]
)
def test_what_is_no_zone_is_refused(zone):
    with pytest.raises(
        ValueError, match=r"`timezone` must be.*does not know\. Pass .*'"
    ):
        zone_of(zone)


def test_a_machine_without_zones_is_told_how_to_get_them(monkeypatch):
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(ValueError, match=r"pip install tzdata; or pass 'UTC'"):
        zone_of("Nowhere/Else")
    assert zone_of("UTC") is datetime.UTC


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC+2", "+02:00"), ("gmt-3:30", "-03:30"), (5, "+05:00")]
)
def test_an_offset_of_another_form_is_told_how_to_be_written(zone, offset):
    with pytest.raises(ValueError, match=re.escape(f"Pass '{offset}'")):
        zone_of(zone)
    assert zone_of("utc") is zone_of("Z") is datetime.UTC
