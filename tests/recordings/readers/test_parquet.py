import decimal
import io
import pickle
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import read_parquet

TABLE = b"ms,x,y,what\n0,1,4.5,sit\n"


def parquet_file(**columns):
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return io.BytesIO(file.getvalue())


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
    stream = read_parquet(file, "x", time="t", time_unit=0.001, timezone="UTC")
    np.testing.assert_array_equal(stream.times, [1704067200.0, np.nan])


def test_columns_of_parquet_that_are_not_numbers_are_refused():
    file = parquet_file(
        x=[b"\x80\x04.", pickle.dumps(1)], y=["1", "2"], z=[["1"], ["2"]]
    )
    for column in "xyz":
        file.seek(0)
        with pytest.raises(ValueError, match=rf"'{column}' of .*type "):
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
        read_parquet(io.BytesIO(TABLE), "x", rate=1.0)


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
        read_parquet(io.BytesIO(TABLE), "x", rate=1.0)


@pytest.mark.parametrize("kind", ["list", "large", "fixed", "float16"])
def test_lists_of_one_length_are_channels(kind):
    inner = pa.float16() if kind == "float16" else pa.float32()
    of_kind = {
        "large": pa.large_list(inner),
        "fixed": pa.list_(inner, 3),
    }.get(kind, pa.list_(inner))
    rows = np.arange(12, dtype="float16" if kind == "float16" else "f4").reshape(4, 3)
    column = pa.array(list(rows), of_kind)
    file = parquet_file(acc=column, x=[9, 8, 7, 6])
    stream = read_parquet(file, "acc", rate=1.0)
    np.testing.assert_array_equal(stream.values, rows)
    assert stream.values.dtype == rows.dtype
    file.seek(0)
    stream = read_parquet(file, ["x", "acc"], rate=1.0)
    np.testing.assert_array_equal(stream.values, np.c_[[9, 8, 7, 6], rows])


def test_lists_of_lists_are_axes_of_their_own():
    array = np.arange(24.0).reshape(4, 3, 2)
    file = parquet_file(hand=pa.array(array.tolist()), x=[1, 2, 3, 4])
    np.testing.assert_array_equal(read_parquet(file, "hand", rate=1.0).values, array)
    file.seek(0)
    with pytest.raises(ValueError, match=r"'hand' of .*\(3, 2\) a row.*Read it alone"):
        read_parquet(file, ["hand", "x"], rate=1.0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0], [2.0, 3.0]], r"2 in row 1, 1 before it.*explode"),
        ([[], []], r"lists without any"),
        ([[1.0], []], r"0 in row 1, 1 before it"),
    ],
)
def test_lists_of_several_lengths_are_refused_with_the_row(rows, message):
    with pytest.raises(ValueError, match=message):
        read_parquet(parquet_file(x=rows), "x", rate=1.0)


FIXED = pytest.param(
    pa.list_(pa.float64(), 2),
    marks=pytest.mark.skipif(
        int(pa.__version__.split(".")[0]) < 26, reason="pyarrow itself cannot read it"
    ),
)


@pytest.mark.parametrize("of_kind", [pa.list_(pa.float64()), FIXED])
def test_a_list_that_is_missing_has_no_values(of_kind):
    file = parquet_file(x=pa.array([[1.0, 2.0], None, [3.0, None]], of_kind))
    expected = [[1.0, 2.0], [np.nan, np.nan], [3.0, np.nan]]
    np.testing.assert_array_equal(read_parquet(file, "x", rate=1.0).values, expected)


def test_fields_of_structures_are_reached_by_their_path():
    rows = [{"x": 1.0, "in": {"y": 2}}, None, {"x": 3.0, "in": {"y": 4}}]
    file = parquet_file(acc=rows, **{"a.x": [7, 8, 9]})
    stream = read_parquet(file, ["acc.in.y", "acc.x", "a.x"], rate=1.0)
    expected = [[2, 1, 7], [np.nan, np.nan, 8], [4, 3, 9]]
    np.testing.assert_array_equal(stream.values, expected)
    for name, message in {
        "acc": r"Name its fields: 'acc\.x', 'acc\.in'",
        "acc.z": r"'acc\.z', not in.*'acc\.x', 'acc\.in\.y', 'a\.x'",
        "b": r"'b', not in.*'acc\.x'",
    }.items():
        file.seek(0)
        with pytest.raises(ValueError, match=message):
            read_parquet(file, name, rate=1.0)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_are_seconds_as_times_and_as_channels(unit):
    counts = pa.array([0, 20, None], pa.int64()).cast(pa.duration(unit))
    per_second = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
    expected = [0.0, 20 / per_second, np.nan]
    stream = read_parquet(
        parquet_file(t=counts, x=counts), "x", time="t", time_unit=0.5
    )
    np.testing.assert_array_equal(stream.times, expected)
    np.testing.assert_array_equal(stream.values[:, 0], expected)


def test_times_of_day_and_days_are_seconds():
    clock = pa.array([0, 86_399_500_000], pa.time64("us"))
    file = parquet_file(t=clock, d=pa.array([0, 19723], pa.date32()), x=[1, 2])
    assert read_parquet(file, "x", time="t").times.tolist() == [0.0, 86399.5]
    file.seek(0)
    stream = read_parquet(file, "x", time="d", timezone="Europe/Berlin")
    assert stream.times.tolist() == [-3600.0, 1704067200.0 - 3600]


def test_timestamps_with_a_zone_need_none_and_those_without_do(tmp_path):
    moments = pd.date_range("2024-01-01", periods=2, freq="20ms", tz="America/Lima")
    expected = [moment.timestamp() for moment in moments]
    frame = pd.DataFrame({"t": moments, "naive": moments.tz_localize(None), "x": 1.0})
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    assert read_parquet(path, "x", time="t").times.tolist() == expected
    with pytest.raises(ValueError, match=r"'naive' of .*row 0.*no time zone.*'UTC'"):
        read_parquet(path, "x", time="naive")
    stream = read_parquet(path, "x", time="naive", timezone="America/Lima")
    assert stream.times.tolist() == expected


def test_text_is_read_as_dates_as_in_csv(tmp_path):
    file = parquet_file(
        iso=["2024-01-01T00:00:00Z", None],
        d=["1.1.2024"] * 2,
        c=["00:00:00"] * 2,
        x=[1, 2],
    )
    path = tmp_path / "a.parquet"
    path.write_bytes(file.getvalue())
    stream = read_parquet(path, "x", time="iso")
    np.testing.assert_array_equal(stream.times, [1704067200.0, np.nan])
    options = {"time_format": "%d.%m.%Y %H:%M:%S", "timezone": "UTC"}
    stream = read_parquet(path, "x", time=["d", "c"], **options)
    assert stream.times.tolist() == [1704067200.0] * 2
    with pytest.raises(ValueError, match=r"row 0, column 'd': '1\.1\.2024'.*='%d"):
        read_parquet(path, "x", time="d")
    with pytest.raises(ValueError, match=r"Several columns of times must be text"):
        read_parquet(path, "x", time=["d", "x"])
    with pytest.raises(ValueError, match=r"`timezone` is for dates.*Leave `timezone`"):
        read_parquet(path, "x", time="x", timezone="UTC")


@pytest.mark.parametrize(
    ("column", "dtype", "expected"),
    [
        (pa.array([True, False]), "bool", [1, 0]),
        (pa.array([True, None]), "f8", [1, np.nan]),
        (pa.array([2**63, 1], pa.uint64()), "u8", [2**63, 1]),
        (pa.array([1, None], pa.int8()), "f8", [1, np.nan]),
        (pa.array([1.5, 2.5]).dictionary_encode(), "f8", [1.5, 2.5]),
        (pa.array([decimal.Decimal("1.50"), None]), "f8", [1.5, np.nan]),
    ],
)
def test_every_kind_of_number_is_read(column, dtype, expected):
    stream = read_parquet(parquet_file(x=column), "x", rate=1.0)
    assert stream.values.dtype == dtype
    np.testing.assert_array_equal(stream.values[:, 0], np.array(expected, dtype))


def test_dates_are_no_channels():
    file = parquet_file(t=pa.array([0, 1], pa.timestamp("s")))
    with pytest.raises(ValueError, match=r"'t' of .*which is dates.*time='t'"):
        read_parquet(file, "t", rate=1.0)


def test_lists_that_unpack_to_far_more_than_their_file_are_refused():
    zeros = pa.nulls(40_000_000, pa.bool_())
    file = parquet_file(x=pa.FixedSizeListArray.from_arrays(zeros, 20_000))
    with pytest.raises(ValueError, match=r"100 times the bytes.*for 320000000"):
        read_parquet(file, "x", rate=1.0)
