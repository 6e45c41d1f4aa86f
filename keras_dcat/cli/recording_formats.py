"""How the files of a stream, and of labels, are read: a section for each format."""

import functools
import operator
from collections.abc import Callable
from typing import Annotated, Any

from keras_dcat import recordings
from keras_dcat.cli.sections import Options, taking
from keras_dcat.extras import require

pydantic = require("pydantic", extra="cli")

Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Columns = Annotated[list[str | int], pydantic.Field(min_length=1)]


_OfMend: Any = taking(recordings.mend)


class Mend(_OfMend):
    """What is known of a clock: the options of `recordings.mend`."""


class Files(Options):
    """How the files of one stream are read: the options of the format's reader.

    Attributes:
        format: what the files are, `csv` unless given.
        rate: samples per second of the windows, in Hz; and of the files, if nothing in
            them says when a sample was taken.
        mend: `Mend`, where samples have times.
    """

    format: str = "csv"
    mend: Mend = Mend()

    @property
    def rate_of_windows(self) -> float | None:
        """The rate that windows are brought to, if the file does not say its own."""
        return self.rate

    def read(self, path, **row) -> recordings.Stream:
        """The stream of one file, on the clock that it came with.

        Args:
            path: path.
            **row: options of the reader that are of this file alone.

        Returns:
            `Stream`; or a list of them, if the reader was told to split it.
        """
        return type(self).function(path, **{**self.given(), **row})


class WithClock(Files):
    """Files that say when a sample was taken."""

    rate: Positive | None = None


class WithoutClock(Files):
    """Files that say it in a column, or not at all."""

    rate: Positive

    @pydantic.model_validator(mode="after")
    def _clock(self):
        if self.time is None and self.mend.model_fields_set:
            raise ValueError("`mend` is about times: name where they are, `time: …`")
        return self

    @property
    def rate_of_windows(self):
        return None if self.time is None else self.rate

    def read(self, path, **row):
        clock = {"rate": self.rate} if self.time is None else {}
        return super().read(path, **clock, **row)


class Labels(Options):
    """How files of labels are read: the options of the format's reader.

    Attributes:
        format: what the files are, `table` unless given.
    """

    format: str = "table"

    def read(self, path, end: float, class_names, **row) -> recordings.Intervals:
        """The labels of one session.

        Args:
            path: path.
            end: float. When the session ends, in seconds: how long the last label
                holds, where the file does not say.
            class_names: sequence of str; None for the names in the file.
            **row: options of the reader that are of this file alone.

        Returns:
            `Intervals`.
        """
        said = {**self.given(), **row}
        says_ends = said.get("end") or said.get("duration")
        if "until" in self.options and not says_ends:
            said.setdefault("until", end)
        return type(self).function(path, class_names=class_names, **said)


_CLOCK: dict[str, Any] = {
    "without": ["rate"],
    "base": WithoutClock,
    "time_unit": Positive,
}

FILES = {
    "csv": taking(
        recordings.read_csv,
        columns=Columns,
        time=str | int | list[str] | None,
        **_CLOCK,
    ),
    "parquet": taking(
        recordings.read_parquet, columns=Columns, time=str | None, **_CLOCK
    ),
    "numpy": taking(recordings.read_numpy, time=str | None, **_CLOCK),
    "matlab": taking(recordings.read_matlab, time=str | None, **_CLOCK),
    "hdf5": taking(recordings.read_hdf5, time=str | None, **_CLOCK),
    "audio": taking(recordings.read_audio, without=["rate"], base=WithClock),
    "video": taking(
        recordings.read_video, without=["rate", "time", "time_unit"], base=WithClock
    ),
    "xdf": taking(recordings.read_xdf, base=WithClock),
    "edf": taking(recordings.read_edf, base=WithClock),
    "rosbag": taking(recordings.read_rosbag, base=WithClock),
    "c3d": taking(recordings.read_c3d, base=WithClock),
    "c3d_analog": taking(recordings.read_c3d_analog, base=WithClock),
}
_LABEL_READERS: dict[str, Callable] = {
    "table": recordings.read_label_table,
    "audacity": recordings.read_audacity_labels,
    "elan": recordings.read_elan,
    "edf_annotations": recordings.read_edf_annotations,
    "xdf_markers": recordings.read_xdf_markers,
}
LABELS = {
    name: taking(function, without=["class_names"], base=Labels)
    for name, function in _LABEL_READERS.items()
}


def _one_of(sections: dict[str, type[Options]], default: str):
    """The section that a part of the file chooses by its `format`."""

    def chosen(said):
        return said.get("format", default) if isinstance(said, dict) else said.format

    tagged = [Annotated[each, pydantic.Tag(name)] for name, each in sections.items()]
    names = ", ".join(sections)
    discriminator = pydantic.Discriminator(
        chosen,
        custom_error_type="format",
        custom_error_message=f"a mapping whose `format` is one of {names}",
    )
    return Annotated[functools.reduce(operator.or_, tagged), discriminator]


AnyFiles = _one_of(FILES, "csv")
AnyLabels = _one_of(LABELS, "table")
