"""Tables of numbers in text, as most public data come."""

import warnings

import numpy as np

_LARGEST = float(np.finfo("float32").max)


def read_table(read, name, num_columns, remedy, **options):
    """The numbers of a text member of an archive.

    Args:
        read: function from a member's name to a binary file.
        name: str. Name of the member.
        num_columns: int. How many columns it must have, or are asked for.
        remedy: str. What to download and how it must look, for the error.
        **options: of `numpy.loadtxt`.

    Returns:
        array `(rows, num_columns)` with at least one row.

    Raises:
        ValueError: if it is empty, cut, or holds something else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of an empty file NumPy only warns
            table = np.loadtxt(read(name), ndmin=2, **options)
        if table.shape[1] != num_columns:
            raise ValueError(f"{table.shape[1]} columns")
        if (np.abs(table) > _LARGEST).any():  # it would become infinite in float32
            raise ValueError(f"a number beyond {_LARGEST:.2g}")
    except (ValueError, UserWarning) as error:
        raise ValueError(
            f"{name!r} must have {num_columns} columns on every line. "
            f"Received: {error}. Fetch it again, it may have been cut. {remedy}"
        ) from error
    return table
