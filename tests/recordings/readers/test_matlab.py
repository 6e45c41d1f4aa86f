import io
import struct

import numpy as np
import pytest
import scipy.io

from keras_dcat.recordings.readers import read_matlab
from keras_dcat.recordings.readers.files import Source
from keras_dcat.recordings.readers.matlab import unpacked_size

VALUES = np.arange(60.0).reshape(20, 3)


def mat_file(packed=False, **variables):
    file = io.BytesIO()
    scipy.io.savemat(file, variables or {"x": VALUES}, do_compression=packed)
    return file.getvalue()


def test_a_packed_file_is_as_large_as_it_was_before():
    plain = mat_file(x=VALUES, long_name=np.ones((1, 1), "uint8"), text="hello")
    packed = mat_file(True, x=VALUES, long_name=np.ones((1, 1), "uint8"), text="hello")
    sizes = [
        unpacked_size(Source("a.mat", content), ["x"]) for content in (plain, packed)
    ]
    assert sizes[0] == len(plain) - 128 - 3 * 8  # less the header and the tags
    assert sizes[1] == len(plain) - 128


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "f4", "f8"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_kind_of_number_passes(dtype, packed):
    content = mat_file(packed, x=VALUES.astype(dtype))
    stream = read_matlab(io.BytesIO(content), "x", rate=1.0)
    np.testing.assert_array_equal(stream.values, VALUES.astype(dtype))


@pytest.mark.parametrize("kind", [0, 8, 10, 14, 15, 19, 200])
def test_values_of_a_type_that_there_is_not_are_refused(kind):
    content = bytearray(mat_file())
    at = content.index(struct.pack("<II", 9, VALUES.nbytes))
    content[at : at + 4] = struct.pack("<I", kind)
    with pytest.raises(ValueError, match=rf"'x' has values of type {kind}\. Ch"):
        read_matlab(io.BytesIO(content), "x", rate=1.0)


@pytest.mark.parametrize("packed", [False, True])
def test_complex_numbers_are_refused(packed):
    content = mat_file(packed, x=VALUES + 1j, y=VALUES)
    with pytest.raises(ValueError, match=r"'x' of .*complex128"):
        read_matlab(io.BytesIO(content), "x", rate=1.0)
    assert len(read_matlab(io.BytesIO(content), "y", rate=1.0)) == 20
