import io
import os
import pickle
import shutil

import h5py
import numpy as np
import pytest

from keras_dcat.recordings.readers import read_hdf5

POINT = np.dtype([("x", "f4"), ("y", "f8")])
RECORDS = np.zeros(5, [("t", "i8"), ("acc", POINT), ("q", "f4", 4), ("what", "S4")])
RECORDS["t"] = np.arange(5) * 20
RECORDS["acc"]["x"], RECORDS["acc"]["y"] = np.arange(5), np.arange(5) / 2
RECORDS["q"] = np.arange(20).reshape(5, 4)


def h5_file(**content):
    file = io.BytesIO()
    with h5py.File(file, "w") as stored:
        for name, values in content.items():
            stored[name] = values
    return io.BytesIO(file.getvalue())


def test_fields_of_records_are_channels_in_the_order_asked_for():
    file = h5_file(table=RECORDS)
    options = {"time": "t", "time_unit": 0.001}
    stream = read_hdf5(file, "table", columns=["q", "acc.y", "acc.x"], **options)
    expected = np.column_stack([RECORDS["q"], RECORDS["acc"]["y"], RECORDS["acc"]["x"]])
    assert stream.values.dtype == expected.dtype == np.float64
    np.testing.assert_array_equal(stream.values[:], expected)
    np.testing.assert_array_equal(stream.values[3:1:-1], expected[3:1:-1])
    np.testing.assert_allclose(stream.times, np.arange(5) * 0.02, rtol=1e-15)
    copy = pickle.loads(pickle.dumps(stream))  # noqa: S301
    np.testing.assert_array_equal(copy.values[2], expected[2])


def test_times_of_a_table_may_be_a_data_set_beside_it():
    file = h5_file(table=RECORDS, clock=np.arange(5.0))
    stream = read_hdf5(file, "table", columns="acc.x", time="clock")
    assert stream.times.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"which has 't', 'acc\.x', 'acc\.y', 'q'\. Pass columns=\['q'\]"),
        ({"columns": "acc"}, r"'acc', not in.*'acc\.x', 'acc\.y'"),
        ({"columns": "Acc.X"}, r"Did you mean 'acc\.x'\?"),
        ({"columns": "what"}, r"'what' of .*S4.*array of numbers"),
        ({"columns": []}, r"at least one channel"),
        ({"columns": "q", "time": "what", "rate": None}, r"'what' of .*S4"),
        ({"columns": "q", "time": "q", "rate": None}, r"shape \(20,\) for 5 samples"),
    ],
)
def test_columns_of_a_table_that_are_not_there_or_no_numbers_are_refused(
    options, message
):
    with pytest.raises(ValueError, match=message):
        read_hdf5(h5_file(table=RECORDS), "table", **{"rate": 1.0, **options})


def test_columns_of_an_array_are_refused():
    with pytest.raises(ValueError, match=r"Only tables have columns.*Leave `columns`"):
        read_hdf5(h5_file(x=np.ones((5, 3))), "x", columns=["a"], rate=1.0)
    stream = read_hdf5(h5_file(x=np.ones((5, 3))), "x", rate=1.0)
    assert stream.values.shape == (5, 3)


def array(file):
    file["wrist"] = np.arange(12.0).reshape(6, 2)


def table(file):
    file["wrist"] = np.array([(0, 1.5)] * 6, "i8,f4")


def elsewhere(file):
    file["wrist"] = h5py.ExternalLink("other.h5", "/secret")


def larger(file):
    file["wrist"] = np.zeros((7, 2))


def of_integers(file):
    file["wrist"] = np.zeros((6, 2), "int64")


@pytest.mark.parametrize("kept", ["array", "table"])
@pytest.mark.parametrize("other", [elsewhere, larger, of_integers])
def test_what_was_opened_is_what_is_read_or_an_error(tmp_path, kept, other):
    make, columns = {"array": (array, None), "table": (table, "f1")}[kept]
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.full((6, 2), 42.0)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        make(file)
    stream = read_hdf5(path, "wrist", columns=columns, rate=1.0)
    assert len(stream.values[:]) == 6
    before = path.stat()
    with h5py.File(path, "w") as file:
        other(file)
    with pytest.raises(ValueError, match=r"changed since it was opened. Read it anew"):
        stream.values[:]
    # Whoever replaced it has taken care that it looks as before.
    stream.values.state = (path.stat().st_size, before.st_mtime_ns)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ValueError, match="changed since|in the very file|must be"):
        stream.values[:]


def test_a_file_that_was_moved_with_its_time_is_read(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        array(file)
    stream = read_hdf5(path, "wrist", rate=1.0)
    shutil.copy2(path, tmp_path / "b.h5")
    path.unlink()
    (tmp_path / "b.h5").rename(path)
    assert stream.values[1].tolist() == [2, 3]
