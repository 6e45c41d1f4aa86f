"""A table on disk that grows by a row an epoch, and the same for TensorBoard."""

import csv
import pathlib
from collections.abc import Mapping, Sequence

from keras_dcat.extras import require
from keras_dcat.file_kinds import check_is_file


class MonitorLog:
    """`transfer.csv` in a folder, and event files of TensorBoard beside it.

    Every row is on disk when it is written: a run that dies loses none.

    Args:
        folder: path. Made if it is not there.
        columns: names of the columns.
        tensorboard: bool. Whether to write event files.

    Raises:
        ValueError: if the file is there and has other columns.
        ImportError: if event files are asked for and `tensorboard` is missing.
    """

    def __init__(self, folder: pathlib.Path, columns: Sequence[str], tensorboard: bool):
        summary = require("tensorboard.summary", "tensorboard") if tensorboard else None
        folder.mkdir(parents=True, exist_ok=True)
        path, columns = folder / "transfer.csv", list(columns)
        check_is_file(path)
        if path.exists() and path.stat().st_size:
            with path.open(newline="", encoding="utf-8", errors="replace") as file:
                found = _first_row(file)
            if found != columns:
                raise ValueError(
                    f"{path} must have the columns of this training. "
                    f"Received: a file with {str(found)[:200]}. Take another folder."
                )
        self._file = path.open("a", newline="", encoding="utf-8")
        self._rows = csv.DictWriter(self._file, columns)
        if not self._file.tell():
            self._rows.writeheader()
        self._events = summary.Writer(str(folder)) if summary else None

    def write(self, epoch: int, row: Mapping[str, float]) -> None:
        """Adds the row of an epoch.

        Args:
            epoch: int.
            row: dict from a column to its number.
        """
        self._rows.writerow({"epoch": epoch, **row})
        self._file.flush()
        if self._events is not None:
            for name, value in row.items():
                self._events.add_scalar(f"transfer/{name}", value, epoch)
            self._events.flush()

    def close(self) -> None:
        """Closes the files."""
        self._file.close()
        if self._events is not None:
            self._events.close()


def _first_row(file):
    """Cells of the first line, or what the line is instead of them."""
    line = file.readline(10_000)
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return [line]
