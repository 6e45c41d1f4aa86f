import io

import numpy as np
import pytest
import scipy.io

from keras_dcat.recordings.readers import read_matlab


def mat_file(**variables):
    file = io.BytesIO()
    scipy.io.savemat(file, variables)
    file.seek(0)
    return file


def test_times_and_values_come_from_two_places_of_a_file():
    data = {"acc": np.arange(6.0).reshape(3, 2), "t": np.array([[0.0], [20], [40]])}
    stream = read_matlab(
        mat_file(data=data), "data/acc", time="data/t", time_unit=0.001, start=1.0
    )
    np.testing.assert_array_equal(stream.values, data["acc"])
    np.testing.assert_allclose(stream.times, [1.0, 1.02, 1.04], rtol=1e-15)


def test_the_axis_of_time_is_counted_as_matlab_shows_the_array():
    array = np.arange(24.0).reshape(2, 3, 4)
    stream = read_matlab(mat_file(s={"x": array}), "s/x", rate=1.0, time_axis=2)
    np.testing.assert_array_equal(stream.values, np.moveaxis(array, 2, 0))


def test_all_paths_of_a_file_are_named_where_a_variable_is_not_there():
    file = mat_file(data={"acc": np.ones(3)}, other=np.ones(3), text="hello")
    with pytest.raises(ValueError, match=r"'dat/acc', not in.*Did you mean 'data/acc'"):
        read_matlab(file, "dat/acc", rate=1.0)
