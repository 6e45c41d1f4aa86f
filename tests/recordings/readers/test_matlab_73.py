import io

import h5py
import numpy as np
import pytest

from keras_dcat.recordings.readers import read_matlab

VALUES = np.arange(12.0).reshape(4, 3)


def mat_file(fill):
    """A file of version 7.3 into which `fill(file, put)` writes."""

    def put(place, name, values, kind, **attributes):
        place[name] = values
        place[name].attrs["MATLAB_class"] = np.bytes_(kind)
        for key, value in attributes.items():
            place[name].attrs[key] = value
        return place[name].ref

    content = io.BytesIO()
    with h5py.File(content, "w", userblock_size=512) as file:
        fill(file, put)
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    return head + content.getvalue()[128:]


def cell(file, put):
    refs = np.empty((2, 1), h5py.ref_dtype)
    refs[0, 0] = put(file, "#refs#/a", VALUES.T, "double")
    refs[1, 0] = put(file, "#refs#/b", VALUES.T + 1, "double")
    file.create_dataset("c", data=refs, dtype=h5py.ref_dtype)
    file["c"].attrs["MATLAB_class"] = np.bytes_("cell")


def read(content, key):
    return read_matlab(io.BytesIO(content), key, rate=1.0)


@pytest.mark.parametrize(
    ("kind", "stored", "dtype"),
    [("double", "f8", "f8"), ("int16", "i2", "i2"), ("logical", "u1", "bool")],
)
def test_numbers_have_the_type_and_shape_that_matlab_shows(kind, stored, dtype):
    values = VALUES.astype(dtype)
    content = mat_file(lambda file, put: put(file, "x", values.T.astype(stored), kind))
    stream = read(content, "x")
    assert stream.values.dtype == dtype
    np.testing.assert_array_equal(stream.values, values)


def test_references_are_followed_and_their_store_is_not_listed():
    content = mat_file(cell)
    np.testing.assert_array_equal(read(content, "c[1]").values, VALUES + 1)
    with pytest.raises(ValueError, match=r"Choose from: 'c\[0\]', 'c\[1\]'\.$"):
        read(content, "x")


@pytest.mark.parametrize(
    ("kind", "attributes", "message"),
    [
        ("char", {}, r"MATLAB char\..*str2num"),
        (
            "table",
            {"MATLAB_object_decode": 3},
            r"MATLAB table.*T\{:, \{'x', 'y', 'z'\}\}",
        ),
        ("datetime", {}, r"MATLAB datetime.*posixtime"),
        ("double", {"MATLAB_empty": 1}, r"MATLAB empty array\. Choose another"),
        ("cell", {"MATLAB_empty": 1}, r"MATLAB empty cell\. Choose another"),
        ("Robot", {}, r"MATLAB Robot.*struct\(x\)"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_with_the_command_that_makes_one(
    kind, attributes, message
):
    content = mat_file(lambda file, put: put(file, "x", [[1, 2]], kind, **attributes))
    with pytest.raises(ValueError, match=message):
        read(content, "x")


def test_sparse_and_complex_numbers_are_refused():
    def fill(file, put):
        put(file, "s/data", [1.0], "double")
        file["s"].attrs["MATLAB_class"] = np.bytes_("double")
        file["s"].attrs["MATLAB_sparse"] = 3
        put(file, "z", np.zeros(3, [("real", "f8"), ("imag", "f8")]), "double")

    content = mat_file(fill)
    with pytest.raises(ValueError, match=r"MATLAB sparse.*full\(x\)"):
        read(content, "s")
    with pytest.raises(ValueError, match=r"'z' of .*real"):
        read(content, "z")


def test_a_cell_that_holds_itself_is_listed_to_an_end():
    def fill(file, put):
        file.create_dataset("c", (2, 1), h5py.ref_dtype)
        file["c"].attrs["MATLAB_class"] = np.bytes_("cell")
        file["c"][0, 0] = file["c"][1, 0] = file["c"].ref

    with pytest.raises(ValueError, match=r"'x', not in.*Choose from: nothing"):
        read(mat_file(fill), "x")


def test_links_to_another_file_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = VALUES
        other["secret"].attrs["MATLAB_class"] = np.bytes_("double")

    def fill(file, put):
        cell(file, put)
        file["x"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
        file["y"] = h5py.SoftLink("/x")

    path = tmp_path / "a.mat"
    path.write_bytes(mat_file(fill))
    for name in "xy":
        with pytest.raises(ValueError, match=rf"'{name}' of .*takes them from another"):
            read_matlab(path, name, rate=1.0)
    np.testing.assert_array_equal(read_matlab(path, "c[0]", rate=1.0).values, VALUES)


def test_a_flipped_bit_gives_values_or_a_value_error(rng):
    whole = mat_file(cell)
    for place in rng.integers(512, len(whole), 200):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(rng.integers(8))
        for key in ("c[1]", "nothing"):
            try:
                read(bytes(broken), key)
            except (ValueError, OSError):
                continue
