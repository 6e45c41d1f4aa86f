"""Tables in HDF5: records with fields, and what `DataFrame.to_hdf` of pandas writes."""

import dataclasses
import re
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.columns import in_utc
from keras_dcat.recordings.readers.hdf5_files import (
    HDF5,
    check_size,
    elsewhere,
    is_own,
)
from keras_dcat.recordings.readers.opened_files import (
    Source,
    check_numeric,
    check_unpacked,
    reading,
)
from keras_dcat.recordings.readers.pickled_names import names_in, words_in

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_MOMENT = re.compile(r"(datetime64|timedelta64|datetime)(?:\[(\w+)(?:, .*)?\])?")


@dataclasses.dataclass(frozen=True)
class Column:
    """Where the values of a column are.

    Args:
        path: str. The data set.
        fields: tuple of str. The field of its records, and the field in that.
        item: int. Which of the values of a row, or None for all.
        dtype: NumPy type of one value.
        width: int. How many channels it is.
        kind: str. What pandas says that numbers mean, such as `"datetime64[us]"`.
        is_zoned: bool. Whether dates are in UTC because they have a zone.
    """

    path: str
    fields: tuple[str, ...]
    item: int | None
    dtype: np.dtype
    width: int
    kind: str = ""
    is_zoned: bool = False

    def read(self, file: Any, first: int, last: int) -> np.ndarray:
        """Values of a range of rows, `(rows, width)`."""
        dataset = file[self.path]
        if not self.fields:
            values = dataset[first:last]
        else:
            values = dataset.fields(self.fields[0])[first:last]
            for name in self.fields[1:]:
                values = values[name]
        values = values.reshape(last - first, -1)
        if self.item is not None:
            values = values[:, self.item : self.item + 1]
        return values.astype(bool) if self.kind == "bool" else values


def columns_in(source: Source, file: Any, found: Any) -> dict[str, Column]:
    """The columns of a table.

    Args:
        source: `Source`. The file, for errors.
        file: `h5py.File`.
        found: `h5py.Dataset` or `h5py.Group` of it.

    Returns:
        dict of `Column`; empty, if it is no table.

    Raises:
        ValueError: if it is damaged, too large, or in another file.
    """
    h5py = require("h5py", extra="io")
    with reading(source, HDF5):
        is_group = isinstance(found, h5py.Group)
        frame = found if is_group else found.parent
        kind = str(_text(frame.attrs.get("pandas_type", b"")))
    if kind:
        _check_own(source, frame)
    with reading(source, HDF5):
        if is_group and kind.endswith("_table"):
            found = frame["table"]
        elif is_group and kind in ("frame", "series"):
            columns = _of_blocks(frame) if kind == "frame" else _of_series(frame)
            found = None
        elif is_group or found.dtype.names is None or len(found.shape) != 1:
            return {}
        if found is not None:
            columns = _of_records(found)
            if kind.endswith("_table") and found.name == f"{frame.name}/table":
                columns = _of_pandas(frame, found, columns)
        datasets = {column.path for column in columns.values()}
        if len({file[path].shape[0] for path in datasets}) > 1:
            raise ValueError("its columns are of different lengths")
        datasets = {path: file[path] for path in sorted(datasets)}
    for path, dataset in datasets.items():
        is_own(source, file, dataset, path)
        check_size(source, dataset, is_read=False)
    return columns


def times_in(
    source: Source, file: Any, column: Column, name: str, timezone: str | None
) -> tuple[np.ndarray, bool]:
    """All values of a column of times.

    Args:
        source: `Source`. The file, for errors.
        file: `h5py.File`.
        column: `Column`.
        name: str. What it is called, for errors.
        timezone: str. The zone of dates that have none.

    Returns:
        tuple of array `(rows,)`, and whether it is in seconds already.

    Raises:
        ValueError: if it is no numbers, or if dates have no zone.
    """
    check_numeric(source, name, column.dtype)
    with reading(source, HDF5):
        rows = file[column.path].shape[0]
    check_unpacked(source, 8 * column.width * rows)
    with reading(source, HDF5):
        values = column.read(file, 0, rows)
    match = _MOMENT.fullmatch(column.kind)
    if values.shape[1] != 1 or match is None:
        return values, False
    counts = values[:, 0].astype("int64")
    per_second = _PER_SECOND.get(match[2] or "ns", 10**9)
    there = counts != np.iinfo("int64").min
    zone = "UTC" if column.is_zoned or match[1] == "timedelta64" else timezone
    where = f"{name!r} of {source.name!r}"
    return in_utc(counts, there, per_second, zone, where), True


def _check_own(source, frame):
    """Refuses a table of which a part is in another file, or far too large."""
    h5py = require("h5py", extra="io")
    with reading(source, HDF5):
        links = {name: frame.get(name, getlink=True) for name in frame}
        foreign = [
            n for n, link in links.items() if not isinstance(link, h5py.HardLink)
        ]
    if foreign:
        raise elsewhere(source, f"{frame.name}/{foreign[0]}")
    for name in links:
        if "_items" in name or "_level" in name or "_label" in name:
            with reading(source, HDF5):
                names = frame[name]
            is_own(source, frame.file, names, name)
            check_size(source, names, is_read=True)


def _of_records(dataset):
    """Fields of records; of several values, where a field has so many."""
    columns = {}

    def add(dtype, before):
        for name in dtype.names:
            fields = (*before, name)
            inner = dtype.fields[name][0]
            if inner.names is not None:
                add(inner, fields)
                continue
            width = int(np.prod(inner.shape))
            column = Column(dataset.name, fields, None, inner.base, width)
            columns[".".join(fields)] = column

    add(dataset.dtype, ())
    return columns


def _of_pandas(frame, dataset, records):
    """Columns by the names that pandas wrote beside the records."""
    attributes, columns = dataset.attrs, {}
    info = []
    if "info" in frame.attrs:
        info = words_in(frame.attrs["info"])
    for name, record in records.items():
        zoned = _is_zoned(info, name, records)
        kind = attributes.get(f"{name}_kind")
        if name == "index":
            columns[name] = dataclasses.replace(
                record, kind=_text(kind), is_zoned=zoned
            )
            continue
        try:
            names = names_in(kind)
        except Exception:  # names of another kind; the block has a name of its own
            columns[name] = record
            continue
        kind = _text(attributes.get(f"{name}_dtype", b""))
        for item, own in enumerate(names):
            columns[own] = dataclasses.replace(
                record, item=item, width=1, kind=kind, is_zoned=zoned
            )
    return columns


def _is_zoned(info, name, records):
    """Whether pandas noted a zone for a column."""
    if name not in info:
        return False
    for word in info[info.index(name) + 1 :]:
        if word == "tz":
            return True
        if word in records:
            return False
    return False


def _of_blocks(frame):
    """Columns of a table that pandas wrote as one array for each type."""
    axis = frame["axis1"]
    columns = {"index": _whole(axis, _text(axis.attrs.get("kind", b"")))}
    for number in range(min(int(frame.attrs["nblocks"]), 1000)):
        block = frame[f"block{number}_values"]
        kind = _text(block.attrs.get("value_type", b""))
        names = _items(frame, f"block{number}_items")
        if len(block.shape) != 2 or len(names) != block.shape[1]:
            raise ValueError(f"names of block {number} do not fit its values")
        for item, name in enumerate(names):
            columns[name] = dataclasses.replace(_whole(block, kind), item=item, width=1)
    return columns


def _items(frame, name):
    if name in frame:
        return [_text(item) for item in frame[name][()]]
    levels = []
    for level in range(min(int(frame.attrs[f"{name}_nlevels"]), 10)):
        words = [_text(word) for word in frame[f"{name}_level{level}"][()]]
        labels = frame[f"{name}_label{level}"][()]
        levels.append([words[label] for label in labels])
    return [".".join(parts) for parts in zip(*levels, strict=True)]


def _of_series(frame):
    name = _text(frame.attrs.get("name", b"values"))
    axis, values = frame["index"], frame["values"]
    return {
        "index": _whole(axis, _text(axis.attrs.get("kind", b""))),
        name if name != "N." else "values": _whole(values, ""),
    }


def _whole(dataset, kind):
    width = int(np.prod(dataset.shape[1:]))
    return Column(
        dataset.name, (), None, dataset.dtype, width, kind, "tz" in dataset.attrs
    )


def _text(word):
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
