"""Arrays stored by name: NumPy, MATLAB and HDF5."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.files import (
    File,
    Source,
    as_stream,
    check_names,
    check_numeric,
    check_unpacked,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.readers.hdf5 import opened
from keras_dcat.recordings.readers.lazy import LazyValues
from keras_dcat.recordings.readers.matlab import MATLAB, unpacked_size
from keras_dcat.recordings.stream import Stream

_NUMPY = "a .npy or .npz file without pickled objects"
_HDF5 = "an HDF5 file"
_MATLAB_INTS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
_MATLAB_NUMBERS = {
    **{"double": "float64", "single": "float32", "logical": "bool"},
    **{name: name for name in _MATLAB_INTS},
}


def read_numpy(
    path: File,
    key: str | None = None,
    *,
    time: str | Sequence[float] | None = None,
    time_unit: float = 1.0,
    rate: float | None = None,
    start: float = 0.0,
    time_axis: int = 0,
) -> Stream:
    """An array of a `.npy` file, mapped and not read, or of a `.npz` file.

    Args:
        path: str or path, or a file open in binary mode, which is read.
        key: str. Name of the array in a `.npz` file. May be left out if there is
            only one.
        time: str or float array `(time,)`. Name of the array of times in the same
            `.npz` file, or the times.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.
        time_axis: int. Which axis of the array is time.

    Returns:
        `Stream` of values `(time, channels…)`. An array `(time,)` is one channel.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file or is cut short, if the array is not
            in it, or if it holds anything but numbers. Objects are not unpickled.
            It is refused, too, if it would become more than 256 MiB and 100 times as
            large as it is.

    Example:

    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, gyroscope=np.ones((100, 3)))
    >>> _ = file.seek(0)
    >>> read_numpy(file, "gyroscope", rate=50.0).span
    (0.0, 2.0)
    """
    source = source_of(path)
    if source.head(6) == b"\x93NUMPY":
        if _given(key, time):
            raise ValueError(
                "The one array of a .npy file has no name. "
                f"Received: {', '.join(_given(key, time))!r} for {source.name!r}. "
                "Leave `key` out, and pass `time` as an array."
            )
        with reading(source, _NUMPY):
            mode = "r" if source.content is None else None
            values = np.load(source.target(), mmap_mode=mode, allow_pickle=False)
    else:
        with source.opened() as file:
            with reading(source, _NUMPY):
                loaded = np.load(file, allow_pickle=False)
            key = loaded.files[0] if key is None and len(loaded.files) == 1 else key
            check_names(source, [key, *_given(time)], loaded.files)
            wanted = [key, *_given(time)]
            sizes = {m.filename: m.file_size for m in loaded.zip.infolist()}
            packed = [sizes.get(f"{name}.npy", sizes.get(name, 0)) for name in wanted]
            check_unpacked(source, sum(packed))
            with reading(source, _NUMPY):
                values = _array(loaded, key)
                name = time
                time = _array(loaded, time) if isinstance(time, str) else time
        if isinstance(name, str):
            check_numeric(source, name, time.dtype)
    check_numeric(source, key, values.dtype)
    values = _time_first(source, values, time_axis)
    return as_stream(source, values, rate, start, time, time_unit)


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
    """A variable of a MAT-file. It is read whole, and nothing else is.

    Files of version 7.3 are HDF5 files whose axes are reversed. They are put in
    MATLAB's order here; `read_hdf5` with `time_axis=-1` reads them lazily.

    Args:
        path: str or path, or a file open in binary mode.
        key: str. Name of the variable. In a file of version 7.3 fields of a
            structure are reached by their path: `"trial/accelerometer"`.
        time: str or float array `(time,)`. Name of the variable of times in the
            same file, or the times.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.
        time_axis: int. Which axis of the variable, as MATLAB shows it, is time.

    Returns:
        `Stream` of values `(time, channels…)` in memory.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file or is cut short, if the variable is not
            in it, or if it is a structure, a cell array, sparse, or text.
            It is refused, too, if it would become more than 256 MiB and 100 times as
            large as it is.
        ImportError: if SciPy (to version 7.2) or h5py (version 7.3) is not
            installed.

    Example:

    >>> import io, scipy.io
    >>> file = io.BytesIO()
    >>> scipy.io.savemat(file, {"skeleton": np.zeros((20, 3, 90))})
    >>> _ = file.seek(0)
    >>> read_matlab(file, "skeleton", rate=20.0, time_axis=2).values.shape
    (90, 20, 3)
    """
    source = source_of(path)
    version = {b"\x00\x01IM": 5, b"\x01\x00MI": 5, b"\x00\x02IM": 7}.get(
        source.head(128)[124:]
    )
    if version is None:
        raise unreadable(source, MATLAB, "no header of one")
    load = _matlab_5 if version == 5 else _matlab_7
    values, *times = load(source, [key, *_given(time)])
    values = _time_first(source, values, time_axis)
    return as_stream(source, values, rate, start, *(times or [time]), time_unit)


def read_hdf5(
    path: File,
    key: str,
    *,
    time: str | Sequence[float] | None = None,
    time_unit: float = 1.0,
    rate: float | None = None,
    start: float = 0.0,
    time_axis: int = 0,
) -> Stream:
    """A data set of an HDF5 file, read where it is sliced.

    The file is open only while something is read from it, so that the stream can
    be pickled and the file moved, replaced or read by others.

    Args:
        path: str or path, or a file open in binary mode, which is held in memory.
        key: str. Path of the data set inside the file: `"wrist/accelerometer"`.
        time: str or float array `(time,)`. Path of the data set of times in the
            same file, which is read at once, or the times.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.
        time_axis: int. Which axis of the data set is time.

    Returns:
        `Stream` of lazy values `(time, channels…)`. A data set `(time,)` is one
        channel.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not an HDF5 file or is cut short, if the data set is
            not in it, or if it holds anything but numbers. It is refused, too, if its
            times or a chunk would take more than 256 MiB and 100 times its bytes.
        ImportError: if h5py, which reads the file, is not installed.

    Example:

    >>> import io, h5py
    >>> file = io.BytesIO()
    >>> with h5py.File(file, "w") as content:
    ...     content["wrist"] = np.ones((100, 3))
    >>> _ = file.seek(0)
    >>> stream = read_hdf5(file, "wrist", rate=50.0)
    >>> stream.values[10:12].tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    h5py = require("h5py", extra="io")
    source = source_of(path)
    with opened(source, _HDF5) as file:
        dataset, *times = _datasets(h5py, source, file, [key, *_given(time)])
        _check_size(source, dataset, is_read=False)
        for array in times:
            _check_size(source, array, is_read=True)
        with reading(source, _HDF5):
            times = [array[()] for array in times] or [time]
            shape, dtype = dataset.shape or (), dataset.dtype
    values = _HDF5Values(source, key, shape, dtype, _axis(source, shape, time_axis))
    return as_stream(source, values, rate, start, *times, time_unit)


class _HDF5Values(LazyValues):
    """A data set that is opened for each slice, with its time axis first."""

    def __init__(self, source, key, shape, dtype, axis):
        shape = (shape[axis], *shape[:axis], *shape[axis + 1 :])
        super().__init__(shape if len(shape) > 1 else (*shape, 1), dtype)
        self.source, self.key, self.axis = source, key, axis

    def _read(self, first, last):
        place = (slice(None),) * self.axis + (slice(first, last),)
        with opened(self.source, _HDF5) as file, reading(self.source, _HDF5):
            values = np.moveaxis(file[self.key][place], self.axis, 0)
        return values.reshape(last - first, *self.shape[1:])


def _array(loaded: Any, key: str) -> np.ndarray:
    """An array of a `.npz` file, which may hold other things, too."""
    values = loaded[key]
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{key!r} is no array")
    return values


def _matlab_5(source: Source, keys: list[str]) -> list[np.ndarray]:
    matlab = require("scipy.io", extra="io")
    with reading(source, MATLAB):
        kinds = {name: kind for name, _, kind in matlab.whosmat(source.target())}
    check_names(source, keys, list(kinds))
    for key in keys:
        _check_matlab(source, key, kinds[key])
    check_unpacked(source, unpacked_size(source, keys))
    with reading(source, MATLAB):
        variables = matlab.loadmat(source.target(), variable_names=keys)
    return [_of_kind(source, key, kinds[key], variables[key]) for key in keys]


def _of_kind(source: Source, key: str, kind: str, values: np.ndarray) -> np.ndarray:
    """The variable in MATLAB's type, which stores whole numbers in a smaller one."""
    check_numeric(source, key, values.dtype)
    dtype = np.dtype(_MATLAB_NUMBERS[kind])
    check_unpacked(source, values.size * dtype.itemsize)
    return values.astype(dtype, copy=False)


def _matlab_7(source: Source, keys: list[str]) -> list[np.ndarray]:
    h5py = require("h5py", extra="io")
    with opened(source, MATLAB) as file:
        datasets = _datasets(h5py, source, file, keys)
        with reading(source, MATLAB):
            kinds = [_kind(dataset.attrs) for dataset in datasets]
        for key, kind, dataset in zip(keys, kinds, datasets, strict=True):
            _check_matlab(source, key, kind)
            _check_size(source, dataset, is_read=True)
        with reading(source, MATLAB):
            return [np.transpose(dataset[()]) for dataset in datasets]


def _kind(attributes: Any) -> str:
    """MATLAB's word for what a data set holds."""
    if "MATLAB_empty" in attributes:  # then it holds its shape, and no values
        return "empty array"
    return attributes.get("MATLAB_class", b"class unknown").decode()


def _check_matlab(source: Source, key: str, kind: str) -> None:
    numeric = kind in _MATLAB_NUMBERS
    check_numeric(source, key, np.dtype("f8") if numeric else f"MATLAB {kind}")


def _datasets(h5py: Any, source: Source, file: Any, keys: list[str]) -> list:
    """Data sets of numbers by their names, with all the names for the error."""
    with reading(source, _HDF5):
        found = {key: file.get(key) for key in keys}
        types = {
            key: item.dtype
            for key, item in found.items()
            if isinstance(item, h5py.Dataset)
        }
        names = list(types)

        def list_dataset(name, item):
            if isinstance(item, h5py.Dataset) and name not in types:
                names.append(name)

        if len(types) < len(found):
            file.visititems(list_dataset)
    check_names(source, keys, names)
    for key in keys:
        check_numeric(source, key, types[key])
        with reading(source, _HDF5):
            is_own = _is_own(file, found[key])
        if not is_own:
            raise ValueError(
                "Values must be in the very file that is read. Received: "
                f"{key!r} of {source.name!r}, which takes them from another file. "
                "Copy them into it, or read that file."
            )
    return [found[key] for key in keys]


def _is_own(file: Any, dataset: Any) -> bool:
    """Whether values are in this file: by a link, a stranger's could read any other."""
    is_linked = dataset.file.filename != file.filename
    return not (is_linked or dataset.external or dataset.is_virtual)


def _check_size(source: Source, dataset: Any, is_read: bool) -> None:
    """Refuses what is too large: a chunk, and the data set if it is read whole."""
    with reading(source, _HDF5):
        shapes = [dataset.chunks or (0,)] + [dataset.shape or (0,)] * is_read
        size = max(map(math.prod, shapes)) * dataset.dtype.itemsize
    check_unpacked(source, size)


def _given(*names: Any) -> list[str]:
    """Those of the arguments that are names, not arrays or None."""
    return [name for name in names if isinstance(name, str)]


def _time_first(source: Source, values: np.ndarray, time_axis: int) -> np.ndarray:
    return np.moveaxis(values, _axis(source, values.shape, time_axis), 0)


def _axis(source: Source, shape: tuple[int, ...], time_axis: int) -> int:
    """The axis of time, counted from the front."""
    if not -len(shape) <= time_axis < len(shape):
        raise ValueError(
            "`time_axis` must be an axis of the array. "
            f"Received: time_axis={time_axis} for shape {shape} in {source.name!r}. "
            "Count from 0, or from -1 at the end."
        )
    axis = time_axis % len(shape)
    if shape[axis] and 0 in shape:
        raise ValueError(
            "Every sample must have a value. "
            f"Received: shape {shape} in {source.name!r}. Choose another array."
        )
    return axis
