import copy
import gc
import pickle

import numpy as np
import pytest

from keras_dcat.recordings.readers.block_memory import MEMORY
from keras_dcat.recordings.readers.open_decoders import DECODERS
from keras_dcat.recordings.readers.opened_files import Source
from keras_dcat.recordings.readers.remembered import RememberedValues, check_memory


class Decoder:
    closed = False

    def close(self):
        self.closed = True


class Values(RememberedValues):
    """Values whose blocks and decoder are kept under their version."""

    def version(self):
        return self._version()


def some_values():
    return Values(Source("a", b"abc"), (3, 1), "uint8", 100)


def pickled(values):
    return pickle.loads(pickle.dumps(values))  # noqa: S301


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_shares_nothing_that_is_kept(copied):
    values = some_values()
    other = copied(values)
    assert (other.shape, other.memory, other.source) == (
        (3, 1),
        100,
        Source("a", b"abc"),
    )
    assert other.version() != values.version()
    MEMORY.keep(values.version(), {0: np.zeros(1)}, 100)
    assert MEMORY.find(other.version(), [0]) == {}


def test_the_version_is_another_one_when_the_file_is(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    values = Values(Source(str(path)), (3, 1), "uint8", 100)
    before = values.version()
    assert values.version() == before
    path.write_bytes(b"abcd")
    assert values.version() != before


def test_what_is_kept_is_dropped_when_the_values_are():
    values = some_values()
    version, decoder = values.version(), Decoder()
    MEMORY.keep(version, {0: np.zeros(1)}, 100)
    DECODERS.put_back(version, decoder)
    del values
    gc.collect()
    assert MEMORY.find(version, [0]) == {}
    assert decoder.closed


@pytest.mark.parametrize("memory", [-1, 1.5, "1 GB", None])
def test_memory_that_is_no_number_of_bytes_is_refused(memory):
    with pytest.raises(ValueError, match=r"memory=.* its default, 268435456"):
        check_memory(memory)


def test_no_memory_and_numbers_of_numpy_are_fine():
    check_memory(0)
    check_memory(np.int64(5))
