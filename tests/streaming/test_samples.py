import numpy as np
import pytest

from keras_dcat.streaming.samples import checked_samples, numbers
from tests.streaming.conftest import DESCRIPTION


@pytest.mark.parametrize(
    ("sent", "taken"),
    [("int16", "float32"), ("float32", "float32"), ("float64", "float64")],
)
def test_numbers_of_any_type_become_floats(sent, taken):
    found = checked_samples(np.ones((4, 3), sent), DESCRIPTION)
    assert found.dtype == taken
    assert found.shape == (4, 3)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (np.ones((4, 2)), r"\(samples, 3\).*shape \(4, 2\).*'imu', with all"),
        (np.float32(1.0), r"shape \(\)"),
        (np.full((4, 3), np.nan), "must be finite.*Leave"),
        (np.full((4, 3), 1e39), "must be finite"),
        ([[1, 2, 3], [1, 2]], "real numbers.*Convert"),
        ([["a", "b", "c"]], "values of type <U1"),
    ],
)
def test_what_does_not_fit_is_refused(sent, message):
    with pytest.raises(ValueError, match=message):
        checked_samples(sent, DESCRIPTION)


def test_an_error_names_what_was_no_number():
    with pytest.raises(ValueError, match="`timestamps`.*values of type complex128"):
        numbers([1j], "timestamps")
