import datetime
import zoneinfo

import pandas as pd
import pytest

from keras_dcat.recordings.readers import moments


def test_dates_become_seconds_since_1970_as_pandas_counts_them():
    texts = ["2024-03-30T02:30:00", "2024-07-01 12:00:00.25", "1969-12-31 23:00"]
    found = moments.seconds_of(texts, None, "Europe/Berlin")
    expected = [pd.Timestamp(t, tz="Europe/Berlin").timestamp() for t in texts]
    assert found.tolist() == expected
    assert moments.seconds_of(["1970-01-01T01:00+01:00"], None, None).tolist() == [0.0]


def test_dates_of_other_forms_are_read_by_the_format_given():
    found = moments.seconds_of(["30.03.2024 14:05"], "%d.%m.%Y %H:%M", "UTC")
    assert found.tolist() == [pd.Timestamp("2024-03-30 14:05Z").timestamp()]


def test_hours_are_seconds_since_the_clock_read_0():
    assert moments.seconds_of(["1:02:03.5", "00:00:01,5"], None, None).tolist() == [
        3723.5,
        1.5,
    ]
    assert moments.seconds_of(["-0:00:02"], None, None).tolist() == [-2.0]
    assert moments.seconds_of(["02:03"], "%M:%S", None).tolist() == [123.0]


@pytest.mark.parametrize("text", ["2024-03-31 02:30", "2024-10-27 02:30"])
def test_an_hour_that_is_skipped_or_comes_twice_is_refused(text):
    with pytest.raises(ValueError, match=r"02:30:00 in Europe/Berlin.*Etc/GMT-1"):
        moments.seconds_of([text], None, "Europe/Berlin")
    assert len(moments.seconds_of([text], None, "Etc/GMT-1")) == 1
    assert len(moments.seconds_of([f"{text}+01:00"], None, None)) == 1


@pytest.mark.parametrize(
    ("text", "time_format", "timezone", "message"),
    [
        ("2024-03-30", None, None, r"'2024-03-30'\. Pass timezone='UTC'"),
        ("30.03.2024", None, "UTC", r"'30\.03\.2024'.*time_format="),
        ("yesterday", "%d.%m.%Y", "UTC", r"'yesterday'"),
        ("2024-03-30", None, "Mars/Olympus", r"'Mars/Olympus'.*'Europe/Berlin'"),
        ("2024-03-30", None, "../etc/passwd", r"name of a time zone"),
    ],
)
def test_what_is_no_moment_is_refused(text, time_format, timezone, message):
    with pytest.raises(ValueError, match=message):
        moments.seconds_of([text], time_format, timezone)


def test_what_a_clock_on_the_wall_showed_is_a_moment_of_its_zone():
    shown = datetime.datetime(2024, 7, 1, 12)
    zone = zoneinfo.ZoneInfo("America/New_York")
    expected = shown.replace(tzinfo=zone).timestamp()
    assert moments.seconds_in(shown, "America/New_York") == expected
