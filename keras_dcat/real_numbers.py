"""Which of the things that users give are numbers."""

import numbers
from typing import Any

import numpy as np


def is_number(value: Any) -> bool:
    """Whether something is one real number: no text, no list, no bool, and not NaN.

    Comparisons of anything else end in an error of Python's, which names no argument.

    Args:
        value: anything.

    Returns:
        bool. True of an infinite one, which a comparison tells.

    Example:

    >>> is_number(50), is_number(np.float32(0.5)), is_number("50"), is_number(True)
    (True, True, False, False)
    """
    if isinstance(value, np.ndarray) and value.shape == ():
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        return False
    return bool(value == value)  # NaN is not


def is_positive(value: Any) -> bool:
    """Whether something is one number above 0 that is not infinite.

    Args:
        value: anything.

    Returns:
        bool.

    Example:

    >>> is_positive(50.0), is_positive(0), is_positive(float("inf")), is_positive("50")
    (True, False, False, False)
    """
    return is_number(value) and bool(0 < value < np.inf)
