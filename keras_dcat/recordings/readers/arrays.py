"""NumPy arrays in files, and what readers of arrays share."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.recordings.readers.opened_files import (
    File,
    Source,
    as_stream,
    check_names,
    check_numeric,
    check_unpacked,
    reading,
    source_of,
)
from keras_dcat.recordings.stream import Stream

_NUMPY = "a .npy or .npz file without pickled objects"


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
        if given(key, time):
            raise ValueError(
                "The one array of a .npy file has no name. "
                f"Received: {', '.join(given(key, time))!r} for {source.name!r}. "
                "Leave `key` out, and pass `time` as an array."
            )
        with reading(source, _NUMPY):
            mapped: Any = "r" if source.content is None else None
            values = np.load(source.target(), mmap_mode=mapped, allow_pickle=False)
    else:
        with source.opened() as file:
            with reading(source, _NUMPY):
                loaded = np.load(file, allow_pickle=False)
            key = loaded.files[0] if key is None and len(loaded.files) == 1 else key
            wanted: list[Any] = [key, *given(time)]
            check_names(source, wanted, loaded.files)
            sizes = {m.filename: m.file_size for m in loaded.zip.infolist()}
            packed = [sizes.get(f"{name}.npy", sizes.get(name, 0)) for name in wanted]
            check_unpacked(source, sum(packed))
            with reading(source, _NUMPY):
                values = _array(loaded, wanted[0])
                name: Any = time
                time = _array(loaded, name) if isinstance(name, str) else time
        if isinstance(name, str):
            check_numeric(source, name, np.asarray(time).dtype)
    check_numeric(source, key, values.dtype)
    values = time_first(source, values, time_axis)
    return as_stream(source, values, rate, start, time, time_unit)


def _array(loaded: Any, key: str) -> np.ndarray:
    """An array of a `.npz` file, which may hold other things, too."""
    values = loaded[key]
    if not isinstance(values, np.ndarray):
        raise ValueError(f"{key!r} is no array")
    return values


def given(*names: Any) -> list[str]:
    """Those of the arguments that are names, not arrays or None."""
    return [name for name in names if isinstance(name, str)]


def time_first(source: Source, values: np.ndarray, time_axis: int) -> np.ndarray:
    """An array with the axis of time moved to the front."""
    return np.moveaxis(values, axis_of(source, values.shape, time_axis), 0)


def axis_of(source: Source, shape: tuple[int, ...], time_axis: int) -> int:
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
