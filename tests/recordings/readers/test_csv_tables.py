import io
import time
import zipfile

import numpy as np
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
