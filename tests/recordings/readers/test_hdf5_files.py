import io

import h5py
import numpy as np
import pytest

from keras_dcat.recordings.readers.hdf5_files import opened
from keras_dcat.recordings.readers.opened_files import Source


def content(userblock=0, libver="earliest"):
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=userblock, libver=libver) as stored:
        stored["x"] = np.arange(9)
    return file.getvalue()


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("userblock", [0, 512, 2048])
def test_a_file_is_opened_wherever_it_begins_and_whatever_its_version(
    userblock, libver
):
    with opened(Source("a.h5", content(userblock, libver)), "an HDF5 file") as file:
        assert file["x"][()].tolist() == list(range(9))


@pytest.mark.parametrize("userblock", [0, 2048])
def test_a_block_for_a_driver_is_refused_before_memory_is_taken_for_it(userblock):
    whole = content(userblock)
    place = userblock + 48
    assert whole[place : place + 8] == b"\xff" * 8
    address = (200).to_bytes(8, "little")
    damaged = whole[:place] + address + whole[place + 8 :]
    with pytest.raises(ValueError, match=r"HDF5 file.*a\.h5.*several parts.*download"):
        opened(Source("a.h5", damaged), "an HDF5 file")


@pytest.mark.parametrize("damaged", [b"", b"\x89HDF\r\n\x1a\n", bytes(5000)])
def test_another_file_is_refused(damaged):
    with pytest.raises(ValueError, match=r"must be an HDF5 file.*a\.h5"):
        opened(Source("a.h5", damaged), "an HDF5 file")
