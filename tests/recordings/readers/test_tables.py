import io
import pickle
import sys
import time
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import read_csv, read_parquet

TABLE = "ms,x,y,what\n0,1,4.5,sit\n20,2,5.5,walk\n45,3,6.5,walk\n"


def csv_file(text):
    return io.BytesIO(text.encode())


def parquet_file(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return io.BytesIO(file.getvalue())


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
        ("ms,x\n2024-01-01T00:00:00,1\n", r"'ms'.*or give times.*from Parquet\.$"),
        ("ms,x\n2024-01-01 08:30:00.25,1\n", r"line 2.*or give times as numbers"),
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


@pytest.mark.parametrize("read", [read_csv, read_parquet])
def test_a_missing_table_and_a_stream_without_channels_are_refused(read, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.csv"):
        read(tmp_path / "no.csv", ["x"], rate=1.0)
    with pytest.raises(ValueError, match=r"columns=\[\]\. Name the columns"):
        read(csv_file(TABLE), [], rate=1.0)


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


def test_columns_of_parquet_keep_their_type_and_gaps_are_not_a_number():
    file = parquet_file(
        t=[0, 20, 40], x=pa.array([1.5, None, 2.5], pa.float32()), what=["a", "b", "b"]
    )
    stream = read_parquet(file, "x", time="t", time_unit=0.001)
    np.testing.assert_array_equal(stream.values, [[1.5], [np.nan], [2.5]])
    assert stream.values.dtype == np.float32
    np.testing.assert_allclose(stream.times, [0.0, 0.02, 0.04], rtol=1e-14)
    mixed = read_parquet(parquet_file(a=[1, 2], b=[0.5, 1.5]), ["b", "a"], rate=2.0)
    assert mixed.values.tolist() == [[0.5, 1.0], [1.5, 2.0]]
    times = parquet_file(x=[1.0, 2.0])
    assert read_parquet(times, "x", time=[0.0, 3.0]).times.tolist() == [0.0, 3.0]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_parquet_are_seconds_since_1970(unit):
    moments = np.array(["2024-01-01T00:00:00", "NaT"], f"datetime64[{unit}]")
    file = parquet_file(t=moments, x=[1.0, 2.0])
    stream = read_parquet(file, "x", time="t", time_unit=0.001)
    np.testing.assert_array_equal(stream.times, [1704067200.0, np.nan])


def test_columns_of_parquet_that_are_not_numbers_are_refused():
    file = parquet_file(x=[b"\x80\x04.", pickle.dumps(1)], y=["1", "2"], z=[[1], [2]])
    for column in "xyz":
        file.seek(0)
        with pytest.raises(ValueError, match=rf"'{column}' of .*type object"):
            read_parquet(file, column, rate=1.0)
    file.seek(0)
    with pytest.raises(ValueError, match=r"'w', not in .*'x', 'y', 'z'"):
        read_parquet(file, "w", rate=1.0)


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -9])
def test_parquet_cut_short_is_refused(tmp_path, keep):
    content = parquet_file(x=np.arange(1000.0)).getvalue()
    path = tmp_path / "walk.parquet"
    path.write_bytes(content[:keep])
    with pytest.raises(ValueError, match=r"Parquet.*walk\.parquet.*cut short"):
        read_parquet(path, "x", rate=1.0)


def test_another_type_of_file_is_not_parquet():
    with pytest.raises(ValueError, match=r"must be a Parquet file"):
        read_parquet(csv_file(TABLE), "x", rate=1.0)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200), st.data())
def test_any_bytes_are_parquet_or_a_value_error(content, data):
    whole = parquet_file(x=np.arange(20.0)).getvalue()
    place = data.draw(st.integers(0, len(whole)))
    for broken in (content, whole[:place] + content + whole[place + len(content) :]):
        try:
            read_parquet(io.BytesIO(broken), "x", rate=1.0)
        except (ValueError, OSError):
            continue


def test_a_missing_library_names_the_extra_that_has_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"`pyarrow\.parquet`.*keras_dcat\[io\]"):
        read_parquet(csv_file(TABLE), "x", rate=1.0)
