"""A table of recordings: who was recorded, what they did, and the files of it."""

import contextlib
import csv
import datetime
import io
import os
import pathlib
from typing import Any, NamedTuple

from keras_dcat.cli.experiment import Data
from keras_dcat.file_kinds import kind_of
from keras_dcat.recordings import ClockReport, Intervals, Recording, Stream, mend
from keras_dcat.shown import counted

_MOST_BYTES = 64 * 2**20  # of a table: a row is of some hundred


class Mended(NamedTuple):
    """What became of the timestamps of one stream in one recording.

    Attributes:
        session: str.
        stream: str.
        path: path of the file.
        report: `ClockReport`.
    """

    session: str
    stream: str
    path: pathlib.Path
    report: ClockReport


def read_sessions(
    data: Data,
) -> tuple[list[Recording], tuple[str, ...], tuple[Mended, ...]]:
    """Reads a table of recordings and its files, which are as seen from where it lies.

    Args:
        data: `Data` with `recordings` and `streams`.

    Returns:
        `(recordings, class_names, mended)`: recordings without a label have -1, and of
        each stream with timestamps there is what was done to them.

    Raises:
        ValueError: if the table lacks something, has a label that is none of
            `class_names`, or if a file makes no sense; with its session.
        FileNotFoundError: if there is no such file.
    """
    rows, read = _rows(data), []
    table: Any = data.recordings
    mended = []
    for row in rows:
        streams = {}
        for stream, files in data.streams.items():
            path = table.parent / row[stream]
            start = _start(data, row, stream)
            streams[stream], report = _read(path, files, row["session"], stream, start)
            if report is not None:
                mended.append(Mended(row["session"], stream, path, report))
        read.append((row, streams, _label(data, row, streams)))
    names = data.class_names
    if names is None:
        names = _names(data, [label for _, _, label in read])
    recordings = [
        Recording(
            streams,
            list(names).index(label) if isinstance(label, str) else label,
            row["subject"],
            row["session"],
        )
        for row, streams, label in read
    ]
    return recordings, tuple(names), tuple(mended)


def _label(data, row, streams):
    """What a row says that was done: a name, `Intervals`, or None."""
    if not row["labels"]:
        return row["label"] or None
    path = data.recordings.parent / row["labels"]
    end = max(stream.span[1] for stream in streams.values())
    start = _start(data, row, "labels")
    with _told(f"Session {row['session']!r}, its labels", "data: {labels: {…}}"):
        return data.labels.read(path, end, data.class_names, **start)


def _start(data, row, name):
    """When a file's clock reads 0, as the option of a reader, if the row says so."""
    column = f"{name}_start"
    if column in data.streams or not row.get(column):
        return {}
    cell = row[column]
    try:
        return {"start": float(cell)}
    except ValueError:
        pass
    try:
        moment = datetime.datetime.fromisoformat(cell)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"A cell of `{column}` must be seconds, or a date with its zone. "
            f"Received: {cell!r}, session {row['session']!r}. "
            "Write it as 2024-05-01T12:00:00+02:00, or leave it empty."
        )
    return {"start": moment.timestamp()}


@contextlib.contextmanager
def _told(where, part):
    """An error of a file says whose it is, and where the file's options are said."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{where}: {error}") from error
    except ValueError as error:
        raise ValueError(
            f"{where}: {error} Options stand in the experiment file: `{part}`."
        ) from error


def _names(data, labels):
    """The names of all classes, sorted."""
    files = [label for label in labels if isinstance(label, Intervals)]
    numbered = [each for each in files if each.class_names is None and len(each)]
    if numbered:
        found = sorted({number for each in numbered for number in each.labels.tolist()})
        raise ValueError(
            "Labels that are numbers need names, in their order. "
            f"Received: {found} in the files of `labels`, from {data.recordings}. "
            "Say what they mean, from 0 on: `data: {class_names: [walk, sit]}`."
        )
    return sorted(
        {label for label in labels if isinstance(label, str)}
        | {name for each in files for name in each.class_names or ()}
    )


def _rows(data):
    """Rows of the table, without the blanks around their cells."""
    path, columns = data.recordings, ("session", "subject", *data.streams)
    found = kind_of(os.path.realpath(path)) or (
        "more bytes than any table of recordings has"
        if path.exists() and path.stat().st_size > _MOST_BYTES
        else ""
    )
    if found:
        raise ValueError(
            f"`recordings` must be a table of files, as CSV. Received: {str(path)!r}, "
            f"{found}. Give the table, with a row for each recording."
        )
    try:
        text = path.read_text("utf-8-sig")
        # Spreadsheets write semicolons where the comma is in numbers.
        tables = [csv.DictReader(io.StringIO(text), delimiter=d) for d in ",;\t"]
        reader = max(tables, key=lambda each: len(set(each.fieldnames or ())))
        rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} must be a table of text, in UTF-8, with commas between its cells. "
            f"Received: {error}. Save it as CSV (UTF-8)."
        ) from error
    found = list(reader.fieldnames or ())
    missing = sorted(set(columns) - set(found))
    twice = sorted({name for name in found if found.count(name) > 1})
    if missing or twice or not rows:
        raise ValueError(
            f"{path} must have a row for each recording, and the columns "
            f"{', '.join(columns)}; and `label` or `labels`, if there are labels. "
            f"Received: {counted(len(rows), 'row')}, the columns {found}, none of "
            f"{missing}, and twice {twice}. Add or correct them."
        )
    return [
        _checked(row, f"{path}, line {number}", columns, data) for number, row in rows
    ]


def _checked(row, where, columns, data):
    class_names = data.class_names
    if None in row or None in row.values():
        raise ValueError(
            f"{where}: a row must have a cell for each column. Received: "
            f"{'more' if None in row else 'fewer'}. Put names with commas in quotes, "
            "and leave a cell that is empty in its place."
        )
    row = {name: cell.strip() for name, cell in row.items()}
    row.setdefault("label", "")
    row.setdefault("labels", "")
    empty = [name for name in columns if not row[name]]
    if empty:
        raise ValueError(
            f"{where}: every cell but a label must be filled. "
            f"Received: nothing in {empty}. Fill them, or leave the row out."
        )
    if class_names is not None and row["label"] not in ("", *class_names):
        raise ValueError(
            f"{where}: a label must be one of `class_names`, or nothing. "
            f"Received: {row['label']!r}, and the names {list(class_names)}. "
            "Correct it, or add it to the names."
        )
    if row["labels"] and (row["label"] or data.labels is None):
        raise ValueError(
            f"{where}: `labels` is a file, and `data.labels` says how it is read; "
            f"`label` is the class of a whole recording. Received: {row['labels']!r} "
            f"and {row['label']!r}. Fill one of the two cells; for a file, write "
            "`data: {labels: {format: table, label: …, begin: …, end: …}}`."
        )
    return row


def _read(path: pathlib.Path, files, session, name, start) -> tuple:
    """A stream, and what was done to its timestamps if it has any."""
    where = f"Session {session!r}, stream {name!r}"
    with _told(where, f"streams: {{{name}: {{…}}}}"):
        stream, report = files.read(path, **start), None
    if isinstance(stream, Stream) and stream.timestamps is not None:
        where = f"{where}, {os.fspath(path)!r}"
        unit = "time_unit: …, " if "time_unit" in files.options else ""
        with _told(where, f"streams: {{{name}: {{{unit}mend: {{…}}}}}}"):
            stream, report = mend(stream, **files.mend.given())
    if isinstance(stream, list) and len(stream) == 1:  # there was nothing to split
        (stream,) = stream
    if not isinstance(stream, Stream):
        raise ValueError(
            f"Session {session!r}, stream {name!r}: a recording has one stream of each "
            f"sensor. Received: {len(stream)} parts, as it was told to split "
            f"{os.fspath(path)!r}. Give each part a row and a file of its own."
        )
    return stream, report
