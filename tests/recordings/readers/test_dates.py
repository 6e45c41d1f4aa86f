import datetime
import re

import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings.readers.dates import is_date, seconds
from keras_dcat.recordings.readers.zones import Unclear


def texts(*given):
    return np.array([text.encode() for text in given])


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-31T01:59:59Z",
        "2024-03-31 01:59:59.123456789Z",
        "2024-03-31T01:59:59,5+02:00",
        "2024-02-29T23:59:59.999-0930",
        "1969-12-31 23:59+00",
        "2024-12-31 00:00:00 UTC",
    ],
)
def test_iso_8601_means_what_pandas_says(text):
    expected = pd.Timestamp(text.replace(",", ".")).value / 1e9
    np.testing.assert_allclose(seconds(texts(text)), [expected], rtol=0, atol=2.4e-7)


@pytest.mark.parametrize(
    ("time_format", "moment"),
    [
        ("%d/%m/%Y %H:%M:%S.%f", "31/03/2024 01:59:59.990"),
        ("%m/%d/%Y %I:%M:%S %p", "3/31/2024 12:00:05 AM"),
        ("%d-%b-%Y %H:%M:%S", "31-Mar-2024 01:59:59"),
        ("%B %d, %Y %H:%M", "September 3, 2024 18:05"),
        ("%Y%m%d%H%M%S", "20240331015959"),
        ("%y-%m-%d %H.%M.%S.%f", "24-03-31 01.59.59.25"),
        ("%a %b %d %Y %H:%M:%S", "Sun Mar 31 2024 01:59:59"),
        ("%Y-%m-%d", "2024-03-31"),
    ],
)
def test_a_format_means_what_strptime_says(time_format, moment):
    expected = datetime.datetime.strptime(moment, time_format)
    expected = expected.replace(tzinfo=datetime.UTC).timestamp()
    assert seconds(texts(moment), time_format, "UTC").tolist() == [expected]
    assert is_date(moment, time_format)


def test_texts_of_several_lengths_are_read_together():
    made = pd.date_range("2024-10-01", periods=2000, freq="1337ms", tz="UTC")
    given = [moment.isoformat() for moment in made]  # without a fraction where it is 0
    np.testing.assert_allclose(
        seconds(texts(*given)), [moment.timestamp() for moment in made], rtol=1e-15
    )
    own = [f"{m.day}/{m.month}/{m.year} {m.hour}:{m.minute}:{m.second}" for m in made]
    read = seconds(texts(*own), "%d/%m/%Y %H:%M:%S", "UTC")
    np.testing.assert_array_equal(read, made.floor("s").as_unit("s").asi8)


def test_a_time_of_day_counts_from_midnight():
    read = seconds(texts("09:39:01.250", "23:59:59", "25:10:00"))
    assert read.tolist() == [34741.25, 86399.0, 90600.0]
    assert seconds(texts("39:01.25"), "%M:%S.%f").tolist() == [2341.25]


@pytest.mark.parametrize(
    ("text", "options", "found", "cure"),
    [
        ("3/4/2024 1:00", {}, "'3/4/2024 1:00'", "'%d/%m/%Y %H:%M' or time_format="),
        (
            "31/3/2024 1:00",
            {},
            "'31/3/2024 1:00'",
            "Pass time_format='%d/%m/%Y %H:%M', and",
        ),
        ("2024-02-30T01:00Z", {}, "there is not", "Correct it"),
        ("3.4.24 1:00 +02:00", {}, "'3.4.24 1:00", "'%d.%m.%y %H:%M %z' or"),
        ("2024-03-01T24:00Z", {}, "there is not", "Correct it"),
        ("0000-00-00T00:00Z", {}, "there is not", "Correct it"),
        ("2024-03-01T01:00", {}, "says no time zone", "timezone='UTC'"),
        ("01:00:00", {"timezone": "UTC"}, "a time of day, with", "Leave `timezone`"),
        ("fast", {}, "'fast'", "Correct it, or pass the `time_format`"),
        ("2024-03-31", {}, "'2024-03-31'", "time_format='%Y-%m-%d'"),
        ("1.2.2024", {"time_format": "%d/%m/%Y"}, "not in '%d/%m/%Y'", "'%d.%m.%Y'"),
        ("20240331015959", {}, "'20240331015959'", "'%Y%m%d%H%M%S'"),
    ],
)
def test_what_is_no_date_of_one_meaning_is_refused_with_a_cure(
    text, options, found, cure
):
    with pytest.raises(Unclear, match=found) as error:
        seconds(texts(text), **options)
    assert cure in error.value.cure
    assert error.value.row == 0


@pytest.mark.parametrize("text", ["3/4/2024 1:00", "39:01.25", "31-Mar-24 01:02:03 PM"])
def test_each_format_that_is_proposed_reads_the_text(text):
    with pytest.raises(Unclear) as error:
        seconds(texts(text))
    proposed = re.findall("time_format='(.*?)'", error.value.cure)
    assert proposed
    zone = "UTC" if "%Y" in proposed[0] or "%y" in proposed[0] else None
    for time_format in proposed:
        expected = datetime.datetime.strptime(text, time_format)
        if zone is None:
            expected -= datetime.datetime(1900, 1, 1)
            expected = expected.total_seconds()
        else:
            expected = expected.replace(tzinfo=datetime.UTC).timestamp()
        assert seconds(texts(text), time_format, zone).tolist() == [expected]


def test_the_row_of_a_fault_is_told_among_many():
    given = ["2024-03-01T01:00Z"] * 5 + ["01:00:00"]
    with pytest.raises(Unclear, match="'01:00:00' among others") as error:
        seconds(texts(*given))
    assert error.value.row == 5
    given[5] = "2024-13-01T01:00Z"
    with pytest.raises(Unclear, match="2024-13-01") as error:
        seconds(texts(*given))
    assert error.value.row == 5


def test_a_sign_before_hours_says_before_midnight():
    read = seconds(texts("-0:00:02.5", "+00:00:01", "1000:00:00"))
    expected = [pd.Timedelta(t).total_seconds() for t in ("-0:00:02.5", "0:00:01")]
    assert read.tolist() == [*expected, 3.6e6]


def test_a_fraction_may_be_left_out_where_it_is_0_as_python_does():
    made = [datetime.datetime(2024, 3, 1, 12, 0, 0, n * 250_000) for n in range(4)]
    given = [str(one).replace("-", "/") for one in made]
    expected = [one.replace(tzinfo=datetime.UTC).timestamp() for one in made]
    read = seconds(texts(*given), "%Y/%m/%d %H:%M:%S.%f", "UTC")
    assert read.tolist() == expected


@pytest.mark.parametrize(
    ("given", "time_format", "row"),
    [
        (["12:00:00.9", "12:00:00.10"], None, 1),
        (["12:00:00.50", "12:00:00.123"], None, 0),
        (["12:00:00:250", "12:00:00:50"], "%H:%M:%S:%f", 1),
        (
            ["2024-03-01 12:00:00 9", "2024-03-01 12:00:00 10"],
            "%Y-%m-%d %H:%M:%S %f",
            0,
        ),
    ],
)
def test_fractions_that_may_count_milliseconds_are_refused(given, time_format, row):
    with pytest.raises(Unclear, match="not as many digits") as error:
        seconds(texts(*given), time_format)
    assert error.value.row == row
    assert "as in .009" in error.value.cure


def test_fractions_of_several_lengths_are_read_as_java_and_pandas_write_them():
    given = ["12:00:00.100", "12:00:00.100500", "12:00:00.0", "12:00:00.25"]
    expected = [pd.Timedelta(text).total_seconds() for text in given]
    np.testing.assert_allclose(seconds(texts(*given)), expected, rtol=1e-15)


def test_without_an_order_an_hour_that_comes_twice_is_refused():
    given = texts("2024-10-27 02:50:00", "2024-10-27 02:10:00")
    step = np.diff(seconds(given, None, "Europe/Berlin"))
    assert step.tolist() == [1200.0]
    with pytest.raises(Unclear, match="show twice"):
        seconds(given, None, "Europe/Berlin", ordered=False)
    assert len(seconds(given, None, "+01:00", ordered=False)) == 2
