import io
import pickle

import h5py
import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings.readers import read_hdf5

MOMENTS = pd.date_range("2024-03-31 01:59:59.98", periods=4, freq="20ms")
FRAME = pd.DataFrame({"x": np.arange(4.0), "y": np.arange(4.0) / 2, "k": range(4)})


def plain(value):
    """What PyTables stores of a Python object."""
    return np.bytes_(pickle.dumps(value, 0))


def table(index, kind, zone=None):
    """What pandas 3.1 writes by `to_hdf(…, format="table")`."""
    file = io.BytesIO()
    records = np.zeros(4, [("index", "i8"), ("values_block_0", "f8", 2), ("k", "i8")])
    records["index"], records["k"] = index, FRAME.k
    records["values_block_0"] = FRAME[["x", "y"]]
    with h5py.File(file, "w") as stored:
        group = stored.create_group("wrist/imu")
        group.attrs["pandas_type"] = np.bytes_("frame_table")
        info = {1: {"names": [None]}, "index": {"tz": zone} if zone else {}}
        group.attrs["info"] = plain({**info, "values_block_0": {}, "k": {}})
        group["table"] = records
        group["table"].attrs["index_kind"] = np.bytes_(kind)
        group["table"].attrs["values_block_0_kind"] = plain(["x", "y"])
        group["table"].attrs["values_block_0_dtype"] = np.bytes_("float64")
        group["table"].attrs["k_kind"] = plain(["k"])
        group["table"].attrs["k_dtype"] = np.bytes_("bool")
    return io.BytesIO(file.getvalue())


def fixed(index, kind, zone=None):
    """What pandas 3.1 writes by `to_hdf(…, format="fixed")`."""
    file = io.BytesIO()
    with h5py.File(file, "w") as stored:
        group = stored.create_group("wrist/imu")
        group.attrs["pandas_type"] = np.bytes_("frame")
        group.attrs["nblocks"] = 2
        group["axis1"] = np.asarray(index, "i8")
        group["axis1"].attrs["kind"] = np.bytes_(kind)
        if zone:
            group["axis1"].attrs["tz"] = np.bytes_(zone)
        group["block0_items"] = [b"x", b"y"]
        group["block0_values"] = FRAME[["x", "y"]].to_numpy()
        group["block1_items"] = [b"k"]
        group["block1_values"] = FRAME[["k"]].to_numpy()
    return io.BytesIO(file.getvalue())


LAYOUTS = pytest.mark.parametrize("layout", [table, fixed])


@LAYOUTS
@pytest.mark.parametrize("unit", ["us", "ns"])
def test_a_frame_of_pandas_is_read_by_the_names_of_its_columns(layout, unit):
    index = MOMENTS.as_unit(unit).tz_localize("UTC")
    file = layout(index.asi8, f"datetime64[{unit}]", zone="UTC")
    stream = read_hdf5(file, "wrist/imu", columns=["y", "x"], time="index")
    np.testing.assert_array_equal(stream.values[:], FRAME[["y", "x"]])
    np.testing.assert_array_equal(stream.values[1:3], FRAME[["y", "x"]][1:3])
    expected = [moment.timestamp() for moment in index]
    np.testing.assert_array_equal(stream.times, expected)


@LAYOUTS
def test_dates_of_pandas_without_a_zone_need_one(layout):
    index = MOMENTS.as_unit("ns")
    file = layout(index.asi8, "datetime64")  # as pandas wrote before 3.0
    with pytest.raises(ValueError, match=r"row 0: '2024-03-31T01:59:59', .*'UTC'"):
        read_hdf5(file, "wrist/imu", columns="x", time="index")
    file.seek(0)
    zoned = index.tz_localize("America/New_York")
    stream = read_hdf5(
        file, "wrist/imu", columns="x", time="index", timezone="America/New_York"
    )
    np.testing.assert_allclose(stream.times, [m.timestamp() for m in zoned], rtol=1e-15)


@LAYOUTS
def test_durations_of_pandas_are_seconds(layout):
    file = layout([0, 20_000, 40_000, 60_000], "timedelta64[us]")
    stream = read_hdf5(file, "wrist/imu", columns="x", time="index", time_unit=9.0)
    assert stream.times.tolist() == [0.0, 0.02, 0.04, 0.06]


def test_truth_of_pandas_is_read_as_truth_and_numbers_in_the_unit_of_time():
    file = table([0, 20, 40, 60], "integer")
    options = {"time": "index", "time_unit": 0.001}
    stream = read_hdf5(file, "wrist/imu/table", columns=["k"], **options)
    assert stream.values.dtype == bool
    assert stream.values[:].tolist() == [[False], [True], [True], [True]]
    np.testing.assert_allclose(stream.times, [0.0, 0.02, 0.04, 0.06], rtol=1e-15)


def test_names_that_cannot_be_read_leave_the_block_its_own():
    file = table([0, 1, 2, 3], "integer")
    with h5py.File(file, "r+") as stored:
        stored["wrist/imu/table"].attrs["values_block_0_kind"] = plain([object])
    file.seek(0)
    stream = read_hdf5(file, "wrist/imu", columns="values_block_0", rate=1.0)
    np.testing.assert_array_equal(stream.values[:], FRAME[["x", "y"]])


def test_several_levels_of_names_are_joined_by_points():
    file = fixed(range(4), "integer")
    with h5py.File(file, "r+") as stored:
        group = stored["wrist/imu"]
        del group["block0_items"]
        group.attrs["block0_items_nlevels"] = 2
        group["block0_items_level0"], group["block0_items_label0"] = [b"acc"], [0, 0]
        group["block0_items_level1"] = [b"x", b"y"]
        group["block0_items_label1"] = [1, 0]
    file.seek(0)
    stream = read_hdf5(file, "wrist/imu", columns="acc.y", rate=1.0)
    np.testing.assert_array_equal(stream.values[:], FRAME[["x"]])


@pytest.mark.parametrize("damage", ["nblocks", "axis1", "block0_items"])
def test_a_damaged_frame_is_refused(damage):
    file = fixed(range(4), "integer")
    with h5py.File(file, "r+") as stored:
        group = stored["wrist/imu"]
        del (group.attrs if damage == "nblocks" else group)[damage]
    file.seek(0)
    with pytest.raises(ValueError, match=r"must be an HDF5 file"):
        read_hdf5(file, "wrist/imu", columns="x", rate=1.0)


@pytest.mark.parametrize("part", ["block0_items", "block0_values", "axis1"])
def test_a_part_in_another_file_is_refused_before_it_is_read(part, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = [b"password", b"key"]
    path = tmp_path / "a.h5"
    path.write_bytes(fixed(range(4), "integer").getvalue())
    with h5py.File(path, "r+") as stored:
        del stored["wrist/imu"][part]
        stored["wrist/imu"][part] = h5py.ExternalLink(
            str(tmp_path / "other.h5"), "secret"
        )
    with pytest.raises(ValueError, match=rf"imu/{part}' of .*takes them") as error:
        read_hdf5(path, "wrist/imu", columns="z", rate=1.0)
    assert "password" not in str(error.value)
