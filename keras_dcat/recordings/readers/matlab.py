"""MAT-files, of whatever version."""

import re
from collections.abc import Sequence

from keras_dcat.recordings.readers import matlab_5, matlab_73
from keras_dcat.recordings.readers.arrays import given, time_first
from keras_dcat.recordings.readers.hdf5_files import opened
from keras_dcat.recordings.readers.matlab_5 import MATLAB
from keras_dcat.recordings.readers.matlab_paths import found_at
from keras_dcat.recordings.readers.opened_files import (
    File,
    as_stream,
    source_of,
    unreadable,
)
from keras_dcat.recordings.stream import Stream


def read_matlab(
    path: File,
    key: str,
    *,
    time: str | Sequence[float] | None = None,
    time_unit: float = 1.0,
    rate: float | None = None,
    start: float = 0.0,
    time_axis: int = 0,
) -> Stream:
    """An array of numbers of a MAT-file, wherever in structures and cells it is.

    Files of version 7.3 are HDF5 files whose axes are reversed. They are put in
    MATLAB's order here; `read_hdf5` with `time_axis=-1` reads them lazily.
    Of other files, no more than the variable is unpacked that the array is in.

    Args:
        path: str or path, or a file open in binary mode.
        key: str. Name of the variable, or a path into it: `"data/acc"` is field
            `acc` of structure `data`. Several structures, and cells, have places
            from 0, in MATLAB's order: `"data[1]/acc"` is `data(2).acc`,
            `"trials[0]"` is `trials{1}`, `"trials[0, 2]"` is `trials{1, 3}`.
        time: str or float array `(time,)`. Path of the times in the same file, or
            the times.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.
        time_axis: int. Which axis of the variable, as MATLAB shows it, is time.

    Returns:
        `Stream` of values `(time, channels…)` in memory.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file or is cut short, if there is no array at
            the path, or if it is a structure, a cell array, sparse, text, or an
            object, such as a table.
            It is refused, too, if it would become more than 256 MiB and 100 times as
            large as it is.
        ImportError: if h5py is not installed, which reads version 7.3.

    Example:

    >>> import io, numpy as np, scipy.io
    >>> file = io.BytesIO()
    >>> scipy.io.savemat(file, {"trial": {"skeleton": np.zeros((20, 3, 90))}})
    >>> _ = file.seek(0)
    >>> read_matlab(file, "trial/skeleton", rate=20.0, time_axis=2).values.shape
    (90, 20, 3)
    """
    source = source_of(path)
    version = {b"\x00\x01IM": 5, b"\x01\x00MI": 5, b"\x00\x02IM": 7}.get(
        source.head(128)[124:]
    )
    if version is None:
        raise unreadable(source, MATLAB, "no header of one")
    keys = [key, *given(time)]
    load = _before_73 if version == 5 else _of_73
    values, *times = load(source, keys)
    values = time_first(source, values, time_axis)
    return as_stream(
        source, values, rate, start, times[0] if times else time, time_unit
    )


def _roots(keys):
    """The variables that paths begin with."""
    return {re.split(r"[/\[]", key)[0] for key in keys}


def _before_73(source, keys):
    roots = _roots(keys)
    variables = matlab_5.variables_of(source, roots)
    if not roots <= {name for name, array in variables.items() if array is not None}:
        variables = matlab_5.variables_of(source, None)  # for the error to list them
    return [found_at(source, variables, key).values(key) for key in keys]


def _of_73(source, keys):
    with opened(source, MATLAB) as file:
        variables = matlab_73.variables_of(source, file, _roots(keys))
        return [found_at(source, variables, key).values(key) for key in keys]
