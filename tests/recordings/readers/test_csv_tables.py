import io
import time
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import read_csv

TABLE = "ms,x,y,what\n0,1,4.5,sit\n20,2,5.5,walk\n45,3,6.5,walk\n"


def csv_file(text):
    return io.BytesIO(text.encode())


def test_columns_are_read_in_the_order_asked_for_with_the_times_of_the_file():
    stream = read_csv(csv_file(TABLE), ["y", "x"], time="ms", time_unit=0.001, start=9)
    np.testing.assert_array_equal(stream.values, [[4.5, 1], [5.5, 2], [6.5, 3]])
    assert stream.values.dtype == np.float32
    np.testing.assert_allclose(stream.times, [9.0, 9.02, 9.045], rtol=1e-14)


def test_a_path_a_zip_member_and_bytes_give_the_same_stream(tmp_path):
    (tmp_path / "a.csv").write_text(TABLE)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", TABLE)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, archive.open("a.csv") as file:
        streams = [
            read_csv(source, "x", rate=50.0)
            for source in (tmp_path / "a.csv", file, csv_file(TABLE))
        ]
    for stream in streams:
        assert stream.values.tolist() == [[1.0], [2.0], [3.0]]
        assert stream.span == (0.0, 0.06)


def test_times_in_seconds_since_1970_keep_their_milliseconds():
    stream = read_csv(csv_file("t,x\n1700000000.125,1\n"), "x", time="t")
    assert stream.times.tolist() == [1700000000.125]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(*[st.floats(width=32)] * 2), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t", None]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_numbers_come_back_as_they_were_written(rows, delimiter, end):
    between = delimiter or "  "
    lines = [between.join(["a", "b"])] + [between.join(map(repr, row)) for row in rows]
    file = csv_file(end.join(lines))
    stream = read_csv(file, ["a", "b"], rate=1.0, delimiter=delimiter)
    np.testing.assert_array_equal(stream.values, np.array(rows, "float32"))


def test_quotes_blank_lines_marks_and_spaces_of_a_spreadsheet_are_read():
    text = '\ufeff\n"ms","x, y" ,note\n\n0, 1.5 ,"up, then down"\n\n"20","2",""\n'
    stream = read_csv(csv_file(text), "x, y", time="ms")
    assert stream.values.tolist() == [[1.5], [2.0]]
    latin = "ms,Temp °C,x\n0,1,2\n".encode("latin-1")
    assert read_csv(io.BytesIO(latin), "x", time="ms").values.tolist() == [[2.0]]


def test_lines_before_the_header_are_skipped_and_a_header_can_be_given():
    text = "# Device 7\n# 50 Hz\n" + TABLE
    assert len(read_csv(csv_file(text), "x", rate=50.0, skip=2)) == 3
    rows = csv_file("# Device 7\n0 1.5\n20 2.5\n")
    stream = read_csv(rows, "x", time="t", names=["t", "x"], delimiter=None, skip=1)
    assert stream.values.tolist() == [[1.5], [2.5]]


def test_cells_without_a_value_are_not_a_number_only_where_they_are_named():
    text = "t,x,y\n0,,1\nnan,NaN,2\n2,N/A,3\n"
    stream = read_csv(csv_file(text), ["x", "y"], time="t", missing=["", "N/A"])
    np.testing.assert_array_equal(stream.values, [[np.nan, n] for n in (1, 2, 3)])
    np.testing.assert_array_equal(stream.times, [0.0, np.nan, 2.0])
    with pytest.raises(ValueError, match=r"line 2, column 'x': ''.*missing=\[''\]"):
        read_csv(csv_file(text), ["x", "y"], time="t", missing="N/A")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"it has no header"),
        ("ms,x\n", r"it has no row"),
        ("0,1.5\n20,2.5\n", r"line 1 has only numbers: '0,1\.5'.*names=\["),
        ("ms,z\n0,1\n", r"'x', not in .*Choose from: 'ms', 'z'"),
        ("ms,x,x\n0,1,2\n", r"'x', twice in"),
        ("ms,x\n0,1\n\n20,2\n40,fast\n", r"line 5, column 'x': 'fast'.*g=\['fast"),
        ("ms,x\n2024-01-01T00:00:00,1\n", r"line 2.*'ms'.*no time zone.*'UTC'"),
        ("ms,x\n0,1\n20,0x1\n", r"line 3, column 'x': '0x1'"),
        ("ms,x\n0,1\n20,2,3\n40,4\n", r"line 3 with 3 of 2 cells"),
        (TABLE[:-8], r"line 4 with 3 of 4 cells.*cut short"),
        (TABLE.replace("x,", "x;"), r"'x', not in"),
        ("PK\x03\x04\x00\x00", r"'x', not in"),
    ],
)
def test_a_broken_table_is_refused_with_file_line_and_column(tmp_path, text, message):
    path = tmp_path / "walk.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_csv(path, "x", time="ms")
    assert "walk.csv" in str(error.value)


@pytest.mark.parametrize("read", [read_csv])
def test_a_missing_table_and_a_stream_without_channels_are_refused(read, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.csv"):
        read_csv(tmp_path / "no.csv", ["x"], rate=1.0)
    with pytest.raises(ValueError, match=r"columns=\[\]\. Name the columns"):
        read_csv(csv_file(TABLE), [], rate=1.0)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300), st.sampled_from([",", None]))
def test_any_bytes_are_a_table_or_a_value_error(content, delimiter):
    for prefix in (b"", b"x,t\n1,2\n"):
        try:
            stream = read_csv(
                io.BytesIO(prefix + content), "x", rate=1.0, delimiter=delimiter
            )
        except ValueError:
            continue
        assert stream.values.shape == (len(stream), 1)


def test_a_million_rows_are_read_in_seconds(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("ms,x,y,what\n" + "20,1.25,-0.5,walk\n" * 10**6)
    began = time.perf_counter()
    stream = read_csv(path, ["x", "y"], time="ms")
    assert time.perf_counter() - began < 10  # half a second on two idle cores
    assert stream.values.shape == (10**6, 2)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("t,x\n2024-03-31T01:59:59.98Z,1\n2024-03-31T02:00:00Z,2\n", {}),
        (
            "t,x\n2024-03-31 03:59:59.980,1\n2024-03-31 04:00:00.000,2\n",
            {"timezone": "Europe/Berlin"},
        ),
        (
            "t;x\n31.03.2024 01:59:59,98;1,0\n31.03.2024 02:00:00,00;2,0\n",
            {"timezone": "UTC", "time_format": "%d.%m.%Y %H:%M:%S,%f"},
        ),
        (
            "d,t,x\n3/31/2024,01:59:59.980,1\n3/31/2024,02:00:00.000,2\n",
            {
                "time": ["d", "t"],
                "time_format": "%m/%d/%Y %H:%M:%S.%f",
                "timezone": "UTC",
            },
        ),
        (
            "t,x\n45382.08333310185,1\n45382.083333333336,2\n",  # days of Excel
            {"time_unit": 86400, "start": -2209161600},
        ),
        (
            "t,x\n1711850399980000000,1\n1711850400000000000,2\n",
            {"time_unit": 1e-9},
        ),
        (
            "# by hand\n0,2024-03-31 01:59:59.98Z,1\n0,2024-03-31 02:00:00Z,2\n",
            {"names": ["n", "t", "x"]},
        ),
    ],
)
@pytest.mark.parametrize("comment", [None, "!"])
def test_dates_are_seconds_since_1970(text, options, comment):
    if comment and not text.startswith("#"):  # which is read row by row
        text = text.replace("\n", "\n! so far\n", 2)
    stream = read_csv(
        csv_file(text),
        "x",
        **{
            "time": "t",
            "comment": None if text.startswith("#") else comment,
            **options,
        },
    )
    expected = [1711850399.98, 1711850400.0]
    np.testing.assert_allclose(stream.times, expected, rtol=0, atol=2e-3)
    if "time_unit" not in options:
        assert stream.times.tolist() == expected
    assert stream.values.tolist() == [[1.0], [2.0]]


def test_a_time_of_day_passes_midnight_and_stands_where_it_did():
    text = "t,x\n23:59:59.500,1\n00:00:00.500,2\n"
    assert read_csv(csv_file(text), "x", time="t").times.tolist() == [86399.5, 0.5]


def test_dates_that_are_missing_are_not_a_number():
    text = "t,x\n,1\n2024-01-01T00:00:00Z,2\nN/A,3\n"
    stream = read_csv(csv_file(text), "x", time="t", missing=["", "N/A"])
    np.testing.assert_array_equal(stream.times, [np.nan, 1704067200.0, np.nan])


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("t,x\n3/4/2024 1:00,1\n", {}, r"line 2, column 't'.*time_format='%d.*='%m"),
        ("t,x\n2024-01-01 01:00,1\n", {}, r"line 2.*timezone='UTC'"),
        (
            "t,x\n2024-01-01T01:00Z,1\n2024-02-30T01:00Z,1\n",
            {},
            r"line 3.*there is not",
        ),
        ("t,x\n\n0,1\n", {"timezone": "UTC"}, r"line 3.*a number.*Leave `timezone`"),
        ("t,x\n20240331015959,1\n", {"timezone": "UTC"}, r"='%Y%m%d%H%M%S'"),
        ("t,x\ns,1\n0,2\n", {}, r"'s'.*skip_below=1"),
        ("t,x\n2024-01-01T01:00Z,1\n", {"time_format": "%d"}, r"`time_format` must"),
    ],
)
def test_dates_of_more_than_one_meaning_are_refused(text, options, message):
    with pytest.raises(ValueError, match=message):
        read_csv(csv_file(text), "x", time="t", **options)


def test_many_dates_are_read_in_seconds(tmp_path):
    moments = np.datetime64("2024-10-26", "ms") + np.arange(10**5) * 200
    path = tmp_path / "long.csv"
    path.write_text("t,x\n" + ",1\n".join(moments.astype(str)) + ",1\n")
    began = time.perf_counter()
    stream = read_csv(path, "x", time="t", timezone="UTC")
    assert time.perf_counter() - began < 2  # a tenth on two idle cores
    np.testing.assert_array_equal(stream.times, moments.astype("int64") / 1000)


@pytest.mark.parametrize("cell", ["-999", "-999.0", "-9.99e2"])
@pytest.mark.parametrize("missing", [-999, -999.0, "-999", ["NA", -999]])
def test_a_number_that_means_no_value_is_known_by_its_value(cell, missing):
    text = f"t,x\n0,1.5\n1,{cell}\n"
    expected = pd.read_csv(io.StringIO(text), na_values=missing)["x"]
    stream = read_csv(csv_file(text), "x", time="t", missing=missing)
    np.testing.assert_array_equal(stream.values[:, 0], expected)
    comma = text.replace(",", ";").replace(".", ",")
    stream = read_csv(csv_file(comma), "x", time="t", missing=missing)
    np.testing.assert_array_equal(stream.values[:, 0], expected)


def test_a_time_of_which_a_part_is_missing_is_missing():
    text = "d,t,x\n2024-01-01,12:00:00,1\n,12:00:01,2\n,,3\n"
    options = {"time": ["d", "t"], "timezone": "UTC", "missing": ""}
    stream = read_csv(csv_file(text), "x", **options)
    noon = pd.Timestamp("2024-01-01 12:00Z").timestamp()
    np.testing.assert_array_equal(stream.times, [noon, np.nan, np.nan])


def test_times_whose_digits_are_grouped_are_numbers():
    text = "t;x\n1.700.000.000,5;6\n1.700.000.001,25;7\n"
    stream = read_csv(csv_file(text), "x", time="t", thousands=".")
    expected = pd.read_csv(io.StringIO(text), sep=";", decimal=",", thousands=".")
    np.testing.assert_array_equal(stream.times, expected["t"])


def test_empty_cells_behind_the_last_column_are_none():
    stream = read_csv(csv_file("t,x\n0,1,,,\n1,2,\n"), "x", time="t")
    assert stream.values.tolist() == [[1.0], [2.0]]
    with pytest.raises(ValueError, match="line 2 with 5 of 2 cells"):
        read_csv(csv_file("t,x\n0,1,,5,\n"), "x", time="t")
