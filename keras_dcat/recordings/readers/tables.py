"""Tables with one row per sample: CSV and Parquet."""

import csv
import datetime
import io
import itertools
from collections.abc import Iterator, Sequence

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
from keras_dcat.recordings.stream import Stream

_CSV = "a table of text with one row per sample"
_PARQUET = "a Parquet file"


def read_csv(
    path: File,
    columns: str | Sequence[str],
    *,
    time: str | Sequence[float] | None = None,
    time_unit: float = 1.0,
    rate: float | None = None,
    start: float = 0.0,
    delimiter: str | None = ",",
    names: Sequence[str] | None = None,
    skip: int = 0,
    missing: str | Sequence[str] = (),
) -> Stream:
    """Columns of a CSV file. The whole file is read; other columns may be text.

    Args:
        path: str or path, or a file open in binary mode, such as a zip's member.
        columns: list of str. Names of the columns that are the channels.
        time: str or float array `(time,)`. Name of the column of times, or the
            times. Not a number stays not a number; `mend` deals with it.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.
        delimiter: str. What stands between cells. None for any blank space.
        names: list of str. The names of all columns, if the file has no header.
        skip: int. Number of lines before the header, or before the first row if
            `names` are given.
        missing: str or list of str. Cells that mean "no value" and become not a
            number. `""` for empty ones. The word `nan` always does.

    Returns:
        `Stream` of float32 values `(time, columns)` in memory. Times are float64.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if there is no header, no row, or not such a column, or if a
            row is too short, too long, or has a cell that is not a number; with
            file, line and column.

    Example:

    >>> table = io.BytesIO(b"t,x,y,note\\n0,1.5,2,sit\\n20,1.75,2,walk\\n")
    >>> stream = read_csv(table, ["x", "y"], time="t", time_unit=0.001)
    >>> stream.values.tolist(), stream.times.tolist()
    ([[1.5, 2.0], [1.75, 2.0]], [0.0, 0.02])
    """
    source = source_of(path)
    channels = _as_list(columns)
    missing = [missing] if isinstance(missing, str) else missing
    if names is None:
        names, skip = _header(source, skip, delimiter)
    wanted = channels + ([time] if isinstance(time, str) else [])
    check_names(source, wanted, list(names))
    used = [list(names).index(name) for name in wanted]
    table = _parsed(source, skip, list(names), used, delimiter, missing)
    arrays = dict(zip(wanted, table, strict=True))
    values = np.column_stack([arrays[name] for name in channels]).astype("float32")
    times = arrays[time] if isinstance(time, str) else time
    return as_stream(source, values, rate, start, times, time_unit)


def read_parquet(
    path: File,
    columns: str | Sequence[str],
    *,
    time: str | Sequence[float] | None = None,
    time_unit: float = 1.0,
    rate: float | None = None,
    start: float = 0.0,
) -> Stream:
    """Columns of a Parquet file. Only they are read.

    Args:
        path: str or path, or a file open in binary mode.
        columns: list of str. Names of the columns that are the channels. Cells
            without a value become not a number.
        time: str or float array `(time,)`. Name of the column of times, or the
            times. A column of type timestamp is in seconds since 1970 (UTC),
            whatever `time_unit` says.
        time_unit: float. Seconds per unit of `time`: 0.001 for milliseconds.
        rate: float. Samples per second, in Hz, instead of `time`.
        start: float. Seconds at which the file's own clock reads 0.

    Returns:
        `Stream` of values `(time, columns)` in memory, of the type that holds all
        columns.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not a Parquet file or is cut short, or if there is not
            such a column of numbers.
            It is refused, too, if it would become more than 256 MiB and 100 times as
            large as it is.
        ImportError: if pyarrow, which reads the file, is not installed.

    Example:

    >>> import tempfile, pyarrow, pyarrow.parquet
    >>> table = pyarrow.table({"ms": [0, 20], "x": [1.5, 2.0]})
    >>> with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
    ...     pyarrow.parquet.write_table(table, file.name)
    ...     stream = read_parquet(file.name, ["x"], time="ms", time_unit=0.001)
    >>> stream.values.tolist(), stream.times.tolist()
    ([[1.5], [2.0]], [0.0, 0.02])
    """
    parquet = require("pyarrow.parquet", extra="io")
    source = source_of(path)
    channels = _as_list(columns)
    wanted = channels + ([time] if isinstance(time, str) else [])
    with reading(source, _PARQUET):
        file = parquet.ParquetFile(source.target())
        names = file.schema_arrow.names
    with file:
        check_names(source, wanted, names)
        check_unpacked(source, 8 * len(wanted) * file.metadata.num_rows)
        with reading(source, _PARQUET):
            table = file.read(columns=list(dict.fromkeys(wanted)))
            arrays = {name: table.column(name).to_numpy() for name in wanted}
    if isinstance(time, str):
        if arrays[time].dtype.kind == "M":
            time_unit, arrays[time] = 1.0, _seconds(arrays[time])
        check_numeric(source, time, arrays[time].dtype)
        time = arrays[time]
    for name in channels:
        check_numeric(source, name, arrays[name].dtype)
    # A damaged file may hold signalling NaN, which NumPy would warn of.
    with np.errstate(invalid="ignore"):
        values = np.column_stack([arrays[name] for name in channels])
    return as_stream(source, values, rate, start, time, time_unit)


def _as_list(columns: str | Sequence[str]) -> list[str]:
    listed = [columns] if isinstance(columns, str) else list(columns)
    if not listed:
        raise ValueError(
            "A stream must have at least one channel. Received: columns=[]. "
            "Name the columns to be read."
        )
    return listed


def _lines(source: Source, skip: int) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, numbered from 1, after the first few."""
    # A header with a degree sign of another encoding must not stop the numbers.
    with io.TextIOWrapper(source.opened(), "utf-8-sig", errors="replace") as text:
        for number, line in enumerate(text, start=1):
            if number > skip and line.strip(" \r\n"):
                yield number, line


def _header(source: Source, skip: int, delimiter: str | None) -> tuple[list[str], int]:
    """Names of the columns, and the number of the line that has them."""
    number, line = next(_lines(source, skip), (skip + 1, ""))
    if not line:
        raise unreadable(source, _CSV, "it has no header")
    with reading(source, _CSV):
        names = [name.strip() for name in _cells(line, delimiter)]
    if all(_is_number(name) for name in names):
        raise ValueError(
            "A table must begin with the names of its columns. "
            f"Received: {source.name!r}, whose line {number} has only numbers: "
            f"{line[:60].strip()!r}. Pass the names of all columns: names=[…]."
        )
    return names, number


def _parsed(
    source: Source,
    skip: int,
    names: list[str],
    used: list[int],
    delimiter: str | None,
    missing: Sequence[str],
) -> list[np.ndarray]:
    """Columns in use as float64 `(rows,)`; the others are skipped, not parsed."""
    rows = (line for _, line in _lines(source, skip))
    first = next(rows, None)
    if first is None:
        raise unreadable(source, _CSV, "it has no row")
    layout = [(f"{n}", "f8" if n in used else "U1") for n in range(len(names))]
    convert = {n: lambda cell: np.nan if cell in missing else float(cell) for n in used}
    try:
        table = np.loadtxt(
            itertools.chain([first], rows),
            dtype=layout,
            delimiter=delimiter,
            quotechar='"',
            comments=None,
            converters=convert if missing else None,
            encoding=None,
            ndmin=1,
        )
    except Exception as error:
        fault = _first_fault(source, skip, names, used, delimiter, missing)
        raise fault or unreadable(source, _CSV, str(error)) from error
    return [table[f"{n}"] for n in used]


def _first_fault(
    source: Source,
    skip: int,
    names: list[str],
    used: list[int],
    delimiter: str | None,
    missing: Sequence[str],
) -> ValueError | None:
    """Where a table is broken, found cell by cell once it is known to be."""
    with reading(source, _CSV):
        for number, line in _lines(source, skip):
            cells = _cells(line, delimiter)
            if len(cells) != len(names):
                return ValueError(
                    "Every row must have one cell for each column. "
                    f"Received: {source.name!r}, line {number} with {len(cells)} "
                    f"of {len(names)} cells. Correct the row or the header; if it "
                    "is the last one, the file is cut short."
                )
            for column in used:
                cell = cells[column]
                if cell not in missing and not _is_number(cell):
                    cure = f"if it means 'no value', pass missing=[{cell!r}]"
                    if _is_date(cell):
                        cure = "give times as numbers; dates are read from Parquet"
                    return ValueError(
                        "Every cell of a column that is read must be a number. "
                        f"Received: {source.name!r}, line {number}, column "
                        f"{names[column]!r}: {cell!r}. Correct it, or {cure}."
                    )
    return None


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return line.split()
    return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_date(cell: str) -> bool:
    try:
        datetime.datetime.fromisoformat(cell.strip())
    except ValueError:
        return False
    return True


def _seconds(moments: np.ndarray) -> np.ndarray:
    """Seconds since 1970 of datetime64 values; not a number where there is none."""
    seconds = moments.astype("datetime64[ns]").astype("int64") / 1e9
    return np.where(np.isnat(moments), np.nan, seconds)
