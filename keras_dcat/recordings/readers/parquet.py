"""Parquet files with one row per sample."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.columns import (
    dated,
    in_utc,
    joined,
    listed,
    time_columns,
)
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

_PARQUET = "a Parquet file"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def read_parquet(
    path: File,
    columns: str | Sequence[str],
    *,
    time: str | Sequence[str] | Sequence[float] | None = None,
    time_unit: float = 1.0,
    time_format: str | None = None,
    timezone: str | None = None,
    rate: float | None = None,
    start: float = 0.0,
) -> Stream:
    """Columns of a Parquet file. Only they are read.

    Args:
        path: str or path, or a file open in binary mode.
        columns: list of str. Names of the columns that are the channels; `"acc.x"`
            is the field `x` of the structures `acc`. Lists of one length are so
            many channels. Durations are in seconds. Cells without a value become
            not a number.
        time: str or float array `(time,)`. Name of the column of times, or the
            times. Timestamps, and text as `read_csv` takes it, are in seconds since
            1970 (UTC), times of day in seconds since midnight, durations in
            seconds. Two names of text, such as `["date", "time"]`, are joined.
        time_unit: float. Seconds per unit of `time`, where it is numbers: 0.001 for
            milliseconds.
        time_format: str. How dates are written where they are text, as for
            `datetime.strptime`. None for ISO 8601.
        timezone: str. The zone of timestamps and dates that say none: `"UTC"`,
            `"Europe/Berlin"` or `"+02:00"`.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.

    Returns:
        `Stream` of values `(time, channels)` in memory, of the type that holds all
        columns. A column of lists of lists is `(time, …)`, if it is the only one.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not a Parquet file or is cut short, if there is not
            such a column of numbers, if lists differ in length, or if timestamps
            have no zone.
            It is refused, too, if it would become more than 256 MiB and 100 times as
            large as it is.
        ImportError: if pyarrow, which reads the file, is not installed.

    Example:

    >>> import tempfile, pyarrow, pyarrow.parquet
    >>> table = pyarrow.table({"ms": [0, 20], "acc": [[1.5, 0.0], [2.0, 0.5]]})
    >>> with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
    ...     pyarrow.parquet.write_table(table, file.name)
    ...     stream = read_parquet(file.name, ["acc"], time="ms", time_unit=0.001)
    >>> stream.values.tolist(), stream.times.tolist()
    ([[1.5, 0.0], [2.0, 0.5]], [0.0, 0.02])
    """
    arrow, parquet = (require(f"pyarrow{n}", extra="io") for n in ("", ".parquet"))
    source = source_of(path)
    channels = listed(columns)
    clock = time_columns(time)
    with reading(source, _PARQUET):
        file = parquet.ParquetFile(source.target())
        schema = file.schema_arrow
    with file:
        wanted = dict.fromkeys(channels + clock)
        paths = {name: _path_of(arrow, source, schema, name) for name in wanted}
        _check_size(source, file.metadata, paths.values())
        with reading(source, _PARQUET):
            # Text as the few words that it is made of, however often they come.
            roots = list(dict.fromkeys(path[0] for path in paths.values()))
            read = {"columns": list(dict.fromkeys(map(".".join, paths.values())))}
            words = [name for name in roots if _is_text(arrow, schema.field(name).type)]
            if words:
                file = parquet.ParquetFile(source.target(), read_dictionary=words)
            table = file.read(**read)
            arrays = {name: _column(arrow, table, path) for name, path in paths.items()}
    reader = _Reader(arrow, source)
    values = _side_by_side(source, {n: reader.values(n, arrays[n]) for n in channels})
    if clock:
        texts = [reader.times(name, arrays[name], timezone) for name in clock]
        if len(texts) > 1 and any(one.dtype.kind != "S" for one in texts):
            raise ValueError(
                "Several columns of times must be text, which is joined. "
                f"Received: {clock} of {source.name!r}. Name one of them."
            )
        is_text = texts[0].dtype.kind == "S"
        is_number = arrow.types.is_integer(arrays[clock[0]].type) or (
            arrow.types.is_floating(arrays[clock[0]].type)
        )
        time = joined(texts)
        if is_text or (is_number and (time_format or timezone)):
            where = f"column {' '.join(map(str, clock))!r}"
            time, time_unit = dated(
                *(time, time_unit, time_format, timezone, [""]),
                lambda row: f"{source.name!r}, row {row}, {where}",
                can_be_missing=False,
            )
        elif not is_number:
            time_unit = 1.0
    return as_stream(source, values, rate, start, time, time_unit)


def _path_of(arrow, source, schema, name):
    """The names by which a column is reached, from the outermost in."""
    names = schema.names
    if name in names or not isinstance(name, str) or "." not in name:
        check_names(
            source, [name], _leaves(arrow, schema) if name not in names else names
        )
        return [name]
    parts = name.split(".")
    field = None
    path: list[str] = []
    fields = schema
    while parts:
        for count in range(len(parts), 0, -1):
            part = ".".join(parts[:count])
            if part in _names(arrow, fields):
                field = fields.field(part)
                path, parts, fields = [*path, part], parts[count:], field.type
                break
        else:
            check_names(source, [name], _leaves(arrow, schema))
    return path


def _names(arrow, fields):
    if isinstance(fields, arrow.Schema):
        return fields.names
    if not arrow.types.is_struct(fields):
        return []
    return [fields.field(n).name for n in range(fields.num_fields)]


def _leaves(arrow, fields, before=""):
    """Paths of all columns that are no structures."""
    found: list[str] = []
    for name in _names(arrow, fields):
        kind = fields.field(name).type
        inner = _names(arrow, kind)
        path = f"{before}{name}"
        found += _leaves(arrow, kind, f"{path}.") if inner else [path]
    return found


def _check_size(source, metadata, paths):
    """Refuses what becomes too large, by the numbers of values that it declares."""
    size = 0
    with reading(source, _PARQUET):
        starts = tuple(".".join(path) for path in paths)
        for group in range(metadata.num_row_groups):
            for number in range(metadata.num_columns):
                column = metadata.row_group(group).column(number)
                place = column.path_in_schema
                if any(place == s or place.startswith(f"{s}.") for s in starts):
                    size += 8 * column.num_values
    check_unpacked(source, max(size, 8 * len(starts) * metadata.num_rows))


def _column(arrow, table, path):
    """A column of a table, or a field of its structures."""
    column = table.column(path[0])
    compute = require("pyarrow.compute", extra="io")
    for name in path[1:]:
        column = compute.struct_field(column, name)
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _is_text(arrow, kind):
    if arrow.types.is_dictionary(kind):
        kind = kind.value_type
    return arrow.types.is_string(kind) or arrow.types.is_large_string(kind)


def _side_by_side(source, arrays):
    """Columns as channels of one array `(time, channels)`."""
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    for name, array in arrays.items():
        if array.ndim > 2:
            raise ValueError(
                "Lists of lists can only be a stream of their own. "
                f"Received: {name!r} of {source.name!r}, of shape {array.shape[1:]} a "
                "row, among others. Read it alone."
            )
    # A damaged file may hold signalling NaN, which NumPy would warn of.
    with np.errstate(invalid="ignore"):
        return np.column_stack(list(arrays.values()))


class _Reader:
    """Arrow's columns as NumPy's arrays."""

    def __init__(self, arrow: Any, source: Source):
        self.arrow, self.types, self.source = arrow, arrow.types, source

    def values(self, name, array):
        """Numbers `(rows,)`, or `(rows, …)` of lists."""
        types = self.types
        if types.is_dictionary(array.type):
            array = array.dictionary_decode()
        kind = array.type
        if types.is_list(kind) or types.is_large_list(kind):
            return self._of_lists(name, array)
        if types.is_fixed_size_list(kind):
            return self._of_lists(name, array)
        if types.is_struct(kind):
            fields = [f"{name}.{kind.field(n).name}" for n in range(kind.num_fields)]
            raise ValueError(
                "Values must be real numbers, and no structures of them. "
                f"Received: {name!r} of {self.source.name!r}. "
                f"Name its fields: {', '.join(map(repr, fields[:20]))}."
            )
        if types.is_duration(kind):
            return self._seconds(array, kind.unit)
        if types.is_timestamp(kind) or types.is_date(kind):
            raise ValueError(
                "Values must be real numbers. "
                f"Received: {name!r} of {self.source.name!r}, which is dates. "
                f"Pass it as the times: time={name!r}."
            )
        is_number = types.is_integer(kind) or types.is_floating(kind)
        if types.is_decimal(kind):
            array = array.cast(self.arrow.float64())
        elif types.is_boolean(kind) or (is_number and array.null_count):
            wide = array.null_count or types.is_boolean(kind)
            if types.is_boolean(kind) and not array.null_count:
                return array.to_numpy(zero_copy_only=False)
            if wide and not types.is_floating(kind):
                array = array.cast(self.arrow.float64(), safe=False)
        elif not is_number:
            check_numeric(self.source, name, f"{kind}")
        with reading(self.source, _PARQUET):
            return array.to_numpy(zero_copy_only=False)

    def _of_lists(self, name, array):
        """Lists of one length, as channels; a list that is missing has no values."""
        length = self._length(name, array)
        with reading(self.source, _PARQUET):
            there = array.is_valid().to_numpy(zero_copy_only=False)
            inner = array.drop_null().flatten()
        values = self.values(name, inner)
        if len(values) != length * int(there.sum()):
            raise ValueError("values of lists are missing")
        values = values.reshape(int(there.sum()), length, *values.shape[1:])
        if there.all():
            return values
        filled = np.full((len(there), *values.shape[1:]), np.nan)
        filled[there] = values
        return filled

    def _length(self, name, array):
        if self.types.is_fixed_size_list(array.type):
            return array.type.list_size
        compute = require("pyarrow.compute", extra="io")
        with reading(self.source, _PARQUET):
            lengths = compute.list_value_length(array)
            lengths = lengths.fill_null(-1).to_numpy(zero_copy_only=False)
        known = lengths[lengths >= 0]
        first = int(known[0]) if len(known) else 0
        others = np.flatnonzero((lengths >= 0) & (lengths != first))
        if len(others) or not first:
            row = int(others[0]) if len(others) else 0
            found = f"{int(lengths[row])} in row {row}, {first} before it"
            if not len(others):
                found = "lists without any"
            raise ValueError(
                "Lists must have as many values in every row, one for each channel. "
                f"Received: {name!r} of {self.source.name!r}: {found}. If they are "
                "samples of a packet, write a row for each: "
                f"table.explode({name!r}) of pandas, with the time of each."
            )
        return first

    def times(self, name, array, timezone):
        """Seconds, or bytes that are to be dates, or numbers of some unit."""
        types = self.types
        if _is_text(self.arrow, array.type):
            return self._texts(array)
        if types.is_dictionary(array.type):
            array = array.dictionary_decode()
        kind = array.type
        if types.is_duration(kind):
            return self._seconds(array, kind.unit)
        if types.is_time(kind):
            whole = self.arrow.int32() if types.is_time32(kind) else self.arrow.int64()
            return self._seconds(array.cast(whole), kind.unit)
        if types.is_date(kind):
            array = array.cast(self.arrow.timestamp("ms"))
            kind = array.type
        if types.is_timestamp(kind):
            counts, there = self._counts(array)
            zone = "UTC" if kind.tz is not None else timezone
            where = f"{name!r} of {self.source.name!r}"
            return in_utc(counts, there, _PER_SECOND[kind.unit], zone, where)
        return self.values(name, array)

    def _texts(self, array):
        """Text as bytes, from the few that there are."""
        if not self.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        words = [(word or "").strip()[:100] for word in array.dictionary.to_pylist()]
        words = np.array([*(word.encode() for word in words), b""])
        places = array.indices.fill_null(len(words) - 1)
        return words[places.to_numpy(zero_copy_only=False)]

    def _counts(self, array):
        with reading(self.source, _PARQUET):
            there = array.is_valid().to_numpy(zero_copy_only=False)
            counts = array.cast(self.arrow.int64()).fill_null(0)
            return counts.to_numpy(zero_copy_only=False), there

    def _seconds(self, array, unit):
        """Counts of a unit in seconds; not a number where there is none."""
        counts, there = self._counts(array)
        per_second = _PER_SECOND[unit]
        seconds = counts // per_second + counts % per_second / per_second
        return np.where(there, seconds, np.nan)
