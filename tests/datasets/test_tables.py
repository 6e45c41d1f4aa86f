import io

import numpy as np
import pytest

from keras_dcat.datasets.tables import read_table


def reader(text):
    return lambda name: io.BytesIO(text.encode())


def test_numbers_are_read_as_they_stand():
    table = read_table(reader("1 2.5 -3\n4 nan 6e2\n"), "a.txt", 3, "Fetch.")
    np.testing.assert_array_equal(table, [[1, 2.5, -3], [4, np.nan, 600]])


def test_one_row_is_a_table_too():
    assert read_table(reader("1,2"), "a.txt", 2, "Fetch.", delimiter=",").shape == (
        1,
        2,
    )


@pytest.mark.parametrize("number", ["1e39", "-1e400", "inf"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_infinite_in_float32_is_refused_with_the_remedy(number, dtype):
    with pytest.raises(ValueError, match=r"a\.txt.*a number beyond 3\.4e\+38.*Fetch"):
        read_table(reader(f"1 {number}\n"), "a.txt", 2, "Fetch.", dtype=dtype)


@pytest.mark.parametrize(
    "text", ["", "1 2\n3\n", "1 2\n3 4 5\n", "1 two\n", "1\n2\n"], ids=repr
)
def test_what_is_cut_or_something_else_is_refused_with_the_remedy(text):
    with pytest.raises(ValueError, match=r"'a\.txt' must have 2 columns.*Download it"):
        read_table(reader(text), "a.txt", 2, "Download it.")
