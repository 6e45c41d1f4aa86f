"""EDF and BDF, the files of clinics: signals, and annotations as labels."""

import dataclasses
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.intervals import Intervals
from keras_dcat.recordings.readers.columns import in_utc
from keras_dcat.recordings.readers.label_files import Mark, as_intervals
from keras_dcat.recordings.readers.opened_files import (
    File,
    Source,
    as_stream,
    check_names,
    reading,
    source_of,
    unreadable,
)
from keras_dcat.recordings.stream import Stream

_EDF = "an EDF or BDF file"
_ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)[\x14\x15]")


def read_edf(
    path: File,
    signals: str | Sequence[str],
    *,
    start: float = 0.0,
    timezone: str | None = None,
) -> Stream:
    """Signals of an EDF or BDF file in their physical units.

    A recording that was interrupted (EDF+D) has the time of every sample, so that its
    gaps are gaps.

    Args:
        path: str or path, or a file open in binary mode.
        signals: list of str. Labels of the signals that are the channels. They must
            have one rate.
        start: float. Seconds at which the file's own clock reads 0: the moment of its
            first sample.
        timezone: str. Where the start in the file's header is from, such as `"UTC"` or
            `"Europe/Berlin"`. Times then are seconds since 1970, plus `start`. None for
            times that count from the first sample.

    Returns:
        `Stream` of values `(time, signals)` in memory, float32 for EDF and float64 for
        the 24 bits of BDF.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file or is cut short, if a signal is not in it,
            if signals differ in their rates, or if its start has no date.
        ImportError: if edfio, which reads the file, is not installed.

    Example:

    >>> import edfio, io
    >>> file = io.BytesIO()
    >>> pulse = edfio.EdfSignal(np.arange(100.0), 50, label="pulse")
    >>> edfio.Edf([pulse]).write(file)
    >>> _ = file.seek(0)
    >>> read_edf(file, "pulse").span
    (0.0, 2.0)
    """
    source = source_of(path)
    edf, layout = _loaded(source)
    names = [signal.label for signal in edf.signals]
    wanted = [signals] if isinstance(signals, str) else list(signals)
    if not wanted:
        raise ValueError(
            "A stream must have at least one channel. Received: signals=[]. "
            f"Choose from: {names[:20]}."
        )
    check_names(source, wanted, names)
    chosen = [edf.signals[names.index(name)] for name in wanted]
    with reading(source, _EDF), warnings.catch_warnings():
        warnings.simplefilter("error")  # edfio returns uncalibrated numbers, and warns
        rates = [float(signal.sampling_frequency) for signal in chosen]
        dtype = "float64" if layout.is_bdf else "float32"
        values = [np.asarray(signal.data).astype(dtype) for signal in chosen]
    if len(set(rates)) > 1:
        groups = {
            rate: [n for n, r in zip(wanted, rates, strict=True) if r == rate]
            for rate in sorted(set(rates))
        }
        raise ValueError(
            "Signals that are read together must have one rate. "
            f"Received: {source.name!r} with "
            f"{'; '.join(f'{rate:g} Hz: {names}' for rate, names in groups.items())}. "
            "Read each group as a stream of its own."
        )
    if not len(values[0]):
        raise unreadable(source, _EDF, "it holds no sample")
    start += _start(source, edf, timezone)
    values, rate = np.column_stack(values), rates[0]
    times = None
    if layout.onsets is not None:
        begins = layout.onsets - layout.onsets[0]
        expected = np.arange(len(begins)) * layout.duration
        if np.abs(begins - expected).max() > 0.25 / rate:
            within = np.arange(len(values) // len(begins)) / rate
            times = np.add.outer(begins, within).ravel()
    return as_stream(source, values, rate if times is None else None, start, times)


def read_edf_annotations(
    path: File,
    *,
    instants: str | None = None,
    until: float | None = None,
    pairs: Sequence[str] | None = None,
    start: float = 0.0,
    timezone: str | None = None,
    class_names: Sequence[str] | None = None,
    ignore: str | Sequence[str] = (),
) -> Intervals:
    """Annotations of an EDF+ or BDF+ file, such as the stages of a night.

    Args:
        path: str or path, or a file open in binary mode.
        instants: str. What annotations without a duration mean: `"hold"` until the
            next one begins, or `"drop"`. None if there should be none.
        until: float. When the last one ends that holds, in seconds, `start` included.
        pairs: two str, if classes have an annotation at each end: `("start {}",
            "stop {}")` for `start walk` and `stop walk`.
        start: float. Seconds at which the file's own clock reads 0: the moment of its
            first sample.
        timezone: str. Where the start in the file's header is from, as in `read_edf`.
        class_names: sequence of str, in the order of the model's outputs. None for
            the sorted names of this file, or for numbers.
        ignore: str or list of str. Annotations that are no label.

    Returns:
        `Intervals`, in the order of their starts.

    Raises:
        FileNotFoundError: if there is no file at `path`.
        ValueError: if it is not such a file or is cut short, if an annotation has no
            duration and neither `instants` nor `pairs` say what that means, or if its
            text is not among `class_names`.
        ImportError: if edfio, which reads the file, is not installed.

    Example:

    >>> import edfio, io
    >>> file = io.BytesIO()
    >>> pulse = edfio.EdfSignal(np.arange(100.0), 50, label="pulse")
    >>> rest = edfio.EdfAnnotation(0.5, 1.0, "rest")
    >>> edfio.Edf([pulse], annotations=[rest]).write(file)
    >>> _ = file.seek(0)
    >>> labels = read_edf_annotations(file)
    >>> labels.starts.tolist(), labels.ends.tolist(), labels.class_names
    ([0.5], [1.5], ('rest',))
    """
    source = source_of(path)
    edf, _ = _loaded(source)
    with reading(source, _EDF):
        marks = [
            Mark(each.onset, each.onset + each.duration, each.text.strip())
            if each.duration
            else Mark(each.onset, None, each.text.strip())
            for each in edf.annotations
        ]
    options: dict[str, Any] = {
        "class_names": class_names,
        "ignore": ignore,
        "until": until,
    }
    options |= {"start": start + _start(source, edf, timezone)}
    return as_intervals(source, marks, instants=instants, pairs=pairs, **options)


@dataclasses.dataclass(frozen=True)
class _Layout:
    """What the header says of the records, checked against the file's size."""

    is_bdf: bool
    duration: float  # of a record, in seconds
    onsets: np.ndarray | None  # of the records, where the file has them


def _loaded(source: Source) -> tuple[Any, _Layout]:
    edfio = require("edfio", extra="edf")
    with source.opened() as file:
        content = file.read()
    with reading(source, _EDF), warnings.catch_warnings():
        layout = _layout(content)
        # What it warns of has been checked; an unknown number of records is allowed.
        warnings.simplefilter("ignore")
        read = edfio.read_bdf if layout.is_bdf else edfio.read_edf
        return read(content, header_encoding=_encoding(content)), layout


def _layout(content: bytes) -> _Layout:
    is_bdf = content[:8] == b"\xffBIOSEMI"
    if not is_bdf and content[:8] != b"0       ":
        raise ValueError("no version of one at its start")
    begin, records, count = (
        int(content[slice(*place)]) for place in ((184, 192), (236, 244), (252, 256))
    )
    duration = float(content[244:252])
    if not 0 < count < 10**4 or begin != 256 * (count + 1) or not 0 <= duration < 1e6:
        raise ValueError(f"a header of {begin} bytes for {count} signals")
    labels = [content[256 + 16 * n :][:16].rstrip() for n in range(count)]
    place = 256 + 216 * count
    samples = [int(content[place + 8 * n :][:8]) for n in range(count)]
    width = 3 if is_bdf else 2
    size = width * sum(samples)
    if min(samples) < 0 or not size:
        raise ValueError(f"{min(samples)} samples in a record")
    found, rest = divmod(len(content) - begin, size)
    # -1 is what is written while the number is not known.
    if rest or (records != found and records != -1):
        raise ValueError(f"{found} records and {rest} bytes of {records} in its header")
    marks = b"BDF Annotations" if is_bdf else b"EDF Annotations"
    if marks not in labels or not found:
        return _Layout(is_bdf, duration, None)
    first = labels.index(marks)
    span = slice(width * sum(samples[:first]), width * sum(samples[: first + 1]))
    table = np.frombuffer(content, np.uint8, found * size, begin).reshape(found, size)
    onsets = [_ONSET.match(row[span].tobytes()) for row in table]
    if not all(onsets):
        raise ValueError(f"no time in record {onsets.index(None)}")
    times = np.array([float(each.group(1)) for each in filter(None, onsets)])
    return _Layout(is_bdf, duration, times)


def _encoding(content: bytes) -> str:
    """EDF allows ASCII alone, and files have degree signs and umlauts."""
    try:
        content[: int(content[184:192])].decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _start(source: Source, edf: Any, timezone: str | None) -> float:
    """Seconds since 1970 of the first sample, or 0."""
    if timezone is None:
        return 0.0
    where = f"the start of {source.name!r}"
    with reading(source, "an EDF file with the date of its start"):
        moment = edf.startdatetime
    shown = np.datetime64(moment, "us").astype("int64")
    return float(in_utc(np.array([shown]), np.array([True]), 10**6, timezone, where)[0])
