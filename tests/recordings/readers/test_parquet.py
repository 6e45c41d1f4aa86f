import io
import pickle
import sys

import numpy as np
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
