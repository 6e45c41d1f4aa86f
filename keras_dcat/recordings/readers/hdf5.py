"""HDF5 files, whose data sets and tables are read where they are sliced."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.recordings.readers.arrays import axis_of
from keras_dcat.recordings.readers.columns import listed
from keras_dcat.recordings.readers.hdf5_files import (
    HDF5,
    check_size,
    found_in,
    names_of,
    opened,
    unchanged,
)
from keras_dcat.recordings.readers.hdf5_frames import columns_in, times_in
from keras_dcat.recordings.readers.opened_files import (
    File,
    as_stream,
    changed,
    check_names,
    check_numeric,
    reading,
    source_of,
)
from keras_dcat.recordings.readers.values_on_disk import LazyValues
from keras_dcat.recordings.stream import Stream


def read_hdf5(
    path: File,
    key: str,
    *,
    columns: str | Sequence[str] | None = None,
    time: str | Sequence[float] | None = None,
    time_unit: float = 1.0,
    timezone: str | None = None,
    rate: float | None = None,
    start: float = 0.0,
    time_axis: int = 0,
) -> Stream:
    """A data set or table of an HDF5 file, read where it is sliced.

    The file is open only while something is read from it, so that the stream can
    be pickled and the file read by others. What was opened is what is read: once the
    file is changed, slicing is an error.

    Args:
        path: str or path, or a file open in binary mode, which is held in memory.
        key: str. Path inside the file of an array, `"wrist/accelerometer"`, of a
            data set of records, or of what `DataFrame.to_hdf` of pandas wrote.
        columns: list of str. Of a table, the names of the columns that are the
            channels; `"acc.x"` is the field `x` of records `acc`.
        time: str or float array `(time,)`. Path of the data set of times in the
            same file, or the name of a column of the table, which is read at once,
            or the times. What pandas wrote as dates is in seconds since 1970 (UTC),
            as durations, in seconds; its index is the column `"index"`.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        timezone: str. The zone of dates of pandas that have none: `"UTC"`,
            `"Europe/Berlin"` or `"+02:00"`.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.
        time_axis: int. Which axis of an array is time.

    Returns:
        `Stream` of lazy values `(time, channels…)`. A data set `(time,)` is one
        channel.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not an HDF5 file or is cut short, if the data set or a
            column is not in it, if it holds anything but numbers, or if dates have
            no zone. It is refused, too, if its times or a chunk would take more than
            256 MiB and 100 times its bytes.
        ImportError: if h5py, which reads the file, is not installed.

    Example:

    >>> import io, h5py, numpy as np
    >>> file = io.BytesIO()
    >>> with h5py.File(file, "w") as content:
    ...     content["wrist"] = np.ones((100, 3))
    >>> _ = file.seek(0)
    >>> stream = read_hdf5(file, "wrist", rate=50.0)
    >>> stream.values[10:12].tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    >>> with h5py.File(file, "w") as content:
    ...     content["table"] = np.array([(0, 1.5), (20, 2.0)], "i8,f4")
    >>> _ = file.seek(0)
    >>> stream = read_hdf5(file, "table", columns="f1", time="f0", time_unit=0.001)
    >>> stream.values[:].tolist(), stream.times.tolist()
    ([[1.5], [2.0]], [0.0, 0.02])
    """
    source = source_of(path)
    with opened(source, HDF5) as file:
        found = found_in(source, file, key)
        table = columns_in(source, file, found)
        if table or columns is not None:
            chosen = _chosen(source, key, table, columns)
            with reading(source, HDF5):
                rows = file[chosen[0].path].shape[0]
            values = _TableValues(source, chosen, rows)
        else:
            values = _array_at(source, file, found, key, time_axis)
        if isinstance(time, str) and time in table:
            times = times_in(source, file, table[time], time, timezone)
            time, time_unit = times[0], 1.0 if times[1] else time_unit
        elif isinstance(time, str):
            time = _times_at(source, file, time)
    return as_stream(source, values, rate, start, time, time_unit)


class _ArrayValues(LazyValues):
    """A data set that is opened for each slice, with its time axis first."""

    def __init__(self, source, key, shape, dtype, axis):
        self.stored = shape
        shape = (shape[axis], *shape[:axis], *shape[axis + 1 :])
        super().__init__(shape if len(shape) > 1 else (*shape, 1), dtype)
        self.source, self.key, self.axis = source, key, axis
        self.state = source.content_state

    def _read(self, first, last):
        place = (slice(None),) * self.axis + (slice(first, last),)
        with _reopened(self.source, self.state) as file:
            found = unchanged(self.source, file, self.key, self.stored)
            if found.dtype != self.dtype:
                raise changed(self.source)
            with reading(self.source, HDF5):
                values = np.moveaxis(found[place], self.axis, 0)
        return values.reshape(last - first, *self.shape[1:])


class _TableValues(LazyValues):
    """Columns of a table that is opened for each slice, side by side."""

    def __init__(self, source, columns, rows):
        width = sum(column.width for column in columns)
        kinds = [np.dtype(bool) if c.kind == "bool" else c.dtype for c in columns]
        super().__init__((rows, width), np.result_type(*kinds))
        self.source, self.columns = source, columns
        self.state = source.content_state

    def _read(self, first, last):
        with _reopened(self.source, self.state) as file:
            for path in sorted({column.path for column in self.columns}):
                unchanged(self.source, file, path, (len(self),))
            with reading(self.source, HDF5):
                parts = [column.read(file, first, last) for column in self.columns]
        return np.concatenate(parts, axis=1).astype(self.dtype, copy=False)


def _reopened(source, state):
    """A file that was open before, if nobody has written to it since."""
    with reading(source, HDF5):
        is_same = source.content_state == state
    if not is_same:
        raise changed(source)
    return opened(source, HDF5)


def _chosen(source, key, table, columns):
    """The columns that are channels, all of numbers."""
    names = [name for name, one in table.items() if one.dtype.kind in "biuf"]
    if not table:
        raise ValueError(
            "Only tables have columns. "
            f"Received: columns={columns!r} of {key!r} of {source.name!r}, which is an "
            "array or a group. Leave `columns` out, or name a table."
        )
    if columns is None:
        few = ", ".join(map(repr, names[:20])) + ", …" * (len(names) > 20)
        raise ValueError(
            "The columns of a table must be named that are read. "
            f"Received: {key!r} of {source.name!r}, which has {few}. "
            f"Pass columns={names[-1:]}, for one, and time={names[0]!r}, if it is that."
        )
    named: list[Any] = listed(columns)
    check_names(source, named, list(table))
    for name in named:
        check_numeric(source, name, table[name].dtype)
        if "time" in table[name].kind:
            check_numeric(source, name, table[name].kind)
    return [table[name] for name in named]


def _array_at(source, file, found, key, time_axis):
    """An array of numbers, to be read where it is sliced."""
    if not hasattr(found, "shape"):
        check_names(source, [key], names_of(source, file))
    check_numeric(source, key, found.dtype)
    check_size(source, found, is_read=False)
    with reading(source, HDF5):
        shape, dtype = found.shape or (), found.dtype
    axis = axis_of(source, shape, time_axis)
    return _ArrayValues(source, key, shape, dtype, axis)


def _times_at(source, file, key):
    found = found_in(source, file, key)
    if not hasattr(found, "shape"):
        check_names(source, [key], names_of(source, file))
    check_numeric(source, key, found.dtype)
    check_size(source, found, is_read=True)
    with reading(source, HDF5):
        return found[()]
