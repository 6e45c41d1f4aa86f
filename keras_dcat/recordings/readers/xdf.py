"""XDF, the files of the lab streaming layer: streams, and markers as labels."""

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.readers.label_files import Mark, as_intervals
from keras_dcat.recordings.readers.opened_files import (
    File,
    as_stream,
    check_names,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.readers.xdf_chunks import opened, stream_headers
from keras_dcat.recordings.stream import Stream

_XDF = "an XDF file"


def read_xdf(
    path: File,
    stream: str | int,
    channels: str | int | Sequence[str | int] | None = None,
    *,
    clock: str = "recorder",
    resets: str | None = None,
    start: float = 0.0,
) -> Stream:
    """A stream of an XDF file, on the clock of the computer that recorded it.

    Streams of one file that are read with `clock="recorder"` are on one clock. Times
    are the true ones of the samples, corrected by the measured offsets between the two
    clocks and not smoothed: where they come in packets, `mend` spreads them, and where
    samples are absent, there is a gap.

    Args:
        path: str or path, or a file open in binary mode. Packed files (`.xdfz`), too.
        stream: str or int. Name of the stream, or its type, or its number in the file.
        channels: list of str or int. Labels of channels, or their places from 0. None
            for all.
        clock: str. `"recorder"`, or `"own"` for the times as the stream's own computer
            gave them.
        resets: str. `"split"` if the clock of the stream was set anew while it ran,
            as at a restart, and its parts are to be brought to the recorder's clock
            each by its own offsets. None if there should be no such event.
        start: float. Seconds at which the file's own clock reads 0.

    Returns:
        `Stream` of values `(time, channels)` in memory, of the file's type.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file, or is damaged or cut short, if there is
            not one such stream, if it holds text or no sample, or if its clock was set
            anew or has no offsets.
        ImportError: if pyxdf, which reads the file, is not installed.

    Example:

    Of `session.xdf`, with a headset and markers, the one whose type is EEG:
    `read_xdf("session.xdf", "EEG", ["Fz", "Cz"])`.
    """
    source = source_of(path)
    header, loaded = _loaded(source, stream, clock, resets, is_text_refused=True)
    values = np.asarray(loaded["time_series"])
    wanted = range(header.channels) if channels is None else channels
    wanted = [wanted] if isinstance(wanted, str | int) else wanted
    places = [_place(source, header, channel) for channel in wanted]
    if not places:
        raise ValueError(
            "A stream must have at least one channel. Received: channels=[]. "
            "Name the channels to be read, or pass None for all."
        )
    values = values if channels is None else values[:, places]
    return as_stream(source, values, None, start, loaded["time_stamps"])


def read_xdf_markers(
    path: File,
    stream: str | int,
    *,
    channel: str | int = 0,
    until: float | None = None,
    pairs: Sequence[str] | None = None,
    clock: str = "recorder",
    resets: str | None = None,
    start: float = 0.0,
    class_names: Sequence[str] | None = None,
    ignore: str | Sequence[str] = (),
) -> Intervals:
    """Markers of an XDF file as labels that hold until the next one.

    Args:
        path: str or path, or a file open in binary mode. Packed files (`.xdfz`), too.
        stream: str or int. Name of the stream, or its type, or its number in the file.
        channel: str or int. Which one has the markers: a label, or a place from 0.
        until: float. When the last marker's label ends, in seconds, `start` included.
        pairs: two str, if classes have a marker at each end: `("start {}", "stop {}")`
            for `start walk` and `stop walk`. Between them there is no label.
        clock: str. `"recorder"`, which all streams of the file share, or `"own"`, as
            in `read_xdf`.
        resets: str. `"split"` if the clock of the stream was set anew, as in
            `read_xdf`.
        start: float. Seconds at which the file's own clock reads 0.
        class_names: sequence of str, in the order of the model's outputs. None for the
            sorted names of this file; markers that are all whole numbers are then
            numbers of classes.
        ignore: str or list of str. Markers that are no label. They end one all the
            same, unless there are `pairs`.

    Returns:
        `Intervals`, in the order of their starts.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file, or is damaged or cut short, if there is
            not one such stream, if the last marker's end is not given, if markers do
            not pair, or if one is not among `class_names`.
        ImportError: if pyxdf, which reads the file, is not installed.

    Example:

    `read_xdf_markers("session.xdf", "Markers", pairs=("start {}", "stop {}"))`
    """
    source = source_of(path)
    header, loaded = _loaded(source, stream, clock, resets)
    place = _place(source, header, channel)
    texts = [_text(row[place]) for row in loaded["time_series"]]
    times = np.asarray(loaded["time_stamps"], "float64").tolist()
    marks = [Mark(time, None, text) for time, text in zip(times, texts, strict=True)]
    instants = "hold" if pairs is None else None
    options: dict[str, Any] = {
        "class_names": class_names,
        "ignore": ignore,
        "start": start,
    }
    options |= {"until": until, "pairs": pairs}
    return as_intervals(source, marks, instants=instants, **options)


def _text(value):
    """A marker as text; 7.0 of a stream of float32 is marker 7."""
    if isinstance(value, str):
        return value.strip()
    return str(int(value)) if value == int(value) else str(value)


def _loaded(source, stream, clock, resets, *, is_text_refused=False):
    """The header of one stream, and its samples on the clock asked for."""
    for name, value, known in (
        ("clock", clock, ("recorder", "own")),
        ("resets", resets, (None, "split")),
    ):
        if value not in known:
            raise ValueError(
                f"`{name}` must be one of {list(known)}. "
                f"Received: {name}={value!r}. Choose one of them."
            )
    pyxdf = require("pyxdf", extra="xdf")
    with reading(source, _XDF), opened(source) as file:
        headers = stream_headers(file)
    header = _chosen(source, headers, stream)
    if is_text_refused and header.value_type == "string":
        raise ValueError(
            "Values must be numbers. "
            f"Received: stream {header} of {source.name!r}. "
            "Read its markers as labels: read_xdf_markers(path, stream)."
        )
    with reading(source, _XDF), opened(source) as file, _faults() as faults:
        (loaded,), _ = pyxdf.load_xdf(
            file,
            select_streams=[header.number],
            synchronize_clocks=clock == "recorder",
            dejitter_timestamps=False,
        )
    if faults:
        raise unreadable(source, _XDF, faults[0])
    if not len(loaded["time_stamps"]):
        raise unreadable(source, _XDF, f"stream {header} holds no sample")
    if clock == "recorder":
        _check_clock(source, header, loaded, resets)
    return header, loaded


@contextlib.contextmanager
def _faults():
    """What pyxdf only logs, and goes on: damage that it skips, clocks it cannot fit."""
    faults = []

    class Handler(logging.Handler):
        def emit(self, record):
            message = record.getMessage()
            lost = ("cannot be used", "truncating")
            if record.levelno >= logging.ERROR or any(word in message for word in lost):
                faults.append(message)

    logger = logging.getLogger("pyxdf.pyxdf")
    propagates, handler = logger.propagate, Handler()
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield faults
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagates


def _chosen(source, headers, stream):
    """The one stream that is meant."""
    if isinstance(stream, str):
        found = [each for each in headers if stream in (each.name, each.kind)]
    else:
        found = [each for each in headers if each.number == stream]
    if len(found) != 1:
        listed = "; ".join(map(str, found or headers)) or "nothing"
        raise ValueError(
            "A stream must be named by what it alone has: its name, type or number. "
            f"Received: {stream!r}, which {len(found) or 'none'} of {source.name!r} "
            f"{'have' if found else 'has'}. Choose the number of one: {listed}."
        )
    return found[0]


def _place(source, header, channel):
    """Where a channel stands."""
    if isinstance(channel, str) and header.labels:
        check_names(source, [channel], list(header.labels))
        return header.labels.index(channel)
    if isinstance(channel, str) or not 0 <= channel < header.channels:
        labels = "" if header.labels else ", which has no labels"
        raise ValueError(
            "A channel must be one of the stream's. "
            f"Received: {channel!r} for stream {header} of {source.name!r}{labels}. "
            f"Give its place, from 0 to {header.channels - 1}."
        )
    return channel


def _check_clock(source, header, loaded, resets):
    if not len(loaded["clock_times"]):
        raise ValueError(
            "A stream needs measured clock offsets to be on the recorder's clock. "
            f"Received: none for stream {header} of {source.name!r}. If it was sent by "
            "the computer that recorded it, or is alone, pass clock='own'."
        )
    parts = loaded["info"]["clock_segments"]
    if len(parts) > 1 and resets is None:
        times = loaded["time_stamps"]
        when = [f"{times[part[0]]:.3f} s" for part in parts[1:]]
        raise ValueError(
            "The clock of a stream must run through. "
            f"Received: stream {header} of {source.name!r}, whose clock was set anew "
            f"at {', '.join(when)} of the recorder's. Pass resets='split' to bring "
            "each part to the recorder's clock by its own offsets, and look at both "
            "sides of these times."
        )
