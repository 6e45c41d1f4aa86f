import warnings

import numpy as np
import pytest

from keras_dcat.transfer.memory import SmallerBatches, fewer_windows

ERRORS = [
    MemoryError(),
    type("ResourceExhaustedError", (Exception,), {})("OOM when allocating tensor"),
    type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
    RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 4 bytes"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory"),
]


def with_room_for(most, error, sizes):
    def run(inputs):
        sizes.append(len(inputs["a"]))
        if len(inputs["a"]) > most:
            raise error
        return [inputs["a"] + 1, inputs["b"][0]]

    return run


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: type(each).__name__)
def test_what_does_not_fit_is_run_in_parts_of_which_the_size_is_kept(error):
    inputs = {"a": np.arange(11), "b": [np.arange(22).reshape(11, 2)]}
    sizes = []
    smaller = SmallerBatches(with_room_for(3, error, sizes))
    with pytest.warns(UserWarning, match="no memory for 11 windows.*by 2"):
        found = smaller(inputs)
    assert sizes == [11, 5, 2, 2, 2, 2, 2, 1]
    np.testing.assert_array_equal(found[0], np.arange(1, 12))
    np.testing.assert_array_equal(found[1], inputs["b"][0])
    with warnings.catch_warnings(action="error"):
        smaller(inputs)
    assert sizes[8:] == [2] * 5 + [1]


def test_where_not_one_window_fits_is_said_so():
    smaller = SmallerBatches(with_room_for(0, MemoryError(), []))
    message = r"one window at least.*Received: MemoryError.*shorter windows"
    with pytest.raises(MemoryError, match=message):
        smaller({"a": np.arange(2), "b": [np.arange(2)]})


def test_other_errors_are_left_alone():
    with pytest.raises(ZeroDivisionError):
        fewer_windows(ZeroDivisionError(), 8)
