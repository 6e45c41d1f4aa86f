import numpy as np

from keras_dcat.recordings.resampling import interpolated


def test_values_between_samples_lie_on_a_line_and_ends_are_held():
    values = np.array([[0.0], [2.0], [6.0]])
    found = interpolated(values, np.array([-1.0, 0.5, 1.25, 2.0, 9.0]))
    assert found[:, 0].tolist() == [0.0, 1.0, 3.0, 6.0, 6.0]
