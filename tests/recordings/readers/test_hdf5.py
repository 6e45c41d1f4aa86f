import io
import pickle

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
