import io
import struct

import numpy as np
import pytest
import scipy.io

from keras_dcat.recordings.readers import read_matlab
from keras_dcat.recordings.readers.matlab_5 import variables_of
from keras_dcat.recordings.readers.opened_files import Source

VALUES = np.arange(60.0).reshape(20, 3)


def mat_file(packed=False, **variables):
    file = io.BytesIO()
    scipy.io.savemat(file, variables or {"x": VALUES}, do_compression=packed)
    return file.getvalue()


def cells(*items):
    made = np.empty(len(items), object)
    made[:] = items
    return made


@pytest.mark.parametrize("packed", [False, True])
def test_no_variable_is_unpacked_but_the_one_that_is_asked_for(packed):
    content = mat_file(packed, x=VALUES, y=VALUES, text="hello", s={"a": 1.0})
    found = variables_of(Source("a.mat", content), ["y"])
    assert list(found) == ["x", "y", "text", "s"]
    assert [name for name, array in found.items() if array is not None] == ["y"]
    np.testing.assert_array_equal(found["y"].values("y"), VALUES)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "f4", "f8"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_kind_of_number_passes_alone_and_inside_of_others(dtype, packed):
    values = VALUES.astype(dtype)
    content = mat_file(packed, x=values, s={"x": values, "c": cells(values, 1.0)})
    for path in ("x", "s/x", "s/c[0]"):
        stream = read_matlab(io.BytesIO(content), path, rate=1.0)
        np.testing.assert_array_equal(stream.values, values)
        assert stream.values.dtype == dtype


def test_shapes_of_three_axes_are_those_of_scipy():
    array = np.arange(24.0).reshape(2, 3, 4)
    content = mat_file(True, s={"x": array})
    stream = read_matlab(io.BytesIO(content), "s/x", rate=1.0)
    expected = scipy.io.loadmat(io.BytesIO(content), simplify_cells=True)["s"]["x"]
    np.testing.assert_array_equal(stream.values, expected)


@pytest.mark.parametrize("kind", [0, 8, 10, 14, 15, 19, 200])
@pytest.mark.parametrize("path", ["x", "s/x"])
def test_values_of_a_type_that_there_is_not_are_refused(kind, path):
    content = bytearray(mat_file(**{path[0]: VALUES if path == "x" else {"x": VALUES}}))
    at = content.index(struct.pack("<II", 9, VALUES.nbytes))
    content[at : at + 4] = struct.pack("<I", kind)
    with pytest.raises(ValueError, match=rf"'{path}' has values of type {kind}\. Ch"):
        read_matlab(io.BytesIO(content), path, rate=1.0)


@pytest.mark.parametrize("packed", [False, True])
def test_complex_numbers_are_refused(packed):
    content = mat_file(packed, x=VALUES + 1j, y=VALUES)
    with pytest.raises(ValueError, match=r"'x' of .*complex128"):
        read_matlab(io.BytesIO(content), "x", rate=1.0)
    assert len(read_matlab(io.BytesIO(content), "y", rate=1.0)) == 20


def test_a_variable_that_is_there_twice_is_refused():
    one = mat_file()
    with pytest.raises(ValueError, match=r"'x', twice in"):
        read_matlab(io.BytesIO(one + one[128:]), "x", rate=1.0)


@pytest.mark.parametrize("packed", [False, True])
def test_a_flipped_bit_gives_values_or_a_value_error(packed, rng):
    whole = mat_file(packed, s={"x": VALUES, "c": cells(VALUES, "text", {"y": 1.0})})
    for place in rng.integers(0, len(whole), 150):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(rng.integers(8))
        for path in ("s/c[0]", "s/c[2]/y", "s/nothing"):
            try:
                read_matlab(io.BytesIO(broken), path, rate=1.0)
            except ValueError:
                continue


@pytest.mark.parametrize("size", [2**31 - 1, 2**20])
def test_cells_that_are_said_to_be_many_take_no_memory(size):
    content = bytearray(mat_file(c=cells(*[1.0] * 7)))
    at = content.index(struct.pack("<ii", 1, 7))
    content[at : at + 8] = struct.pack("<ii", 1, size)
    with pytest.raises(ValueError, match=r"fewer cells than it says"):
        read_matlab(io.BytesIO(content), f"c[{size - 1}]", rate=1.0)
