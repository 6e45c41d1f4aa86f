"""SP-SW-HAR: a phone in the pocket and a watch on the wrist, each with its clock."""

import os
import re

from keras_dcat.datasets.archive import Archive
from keras_dcat.datasets.tables import read_table
from keras_dcat.recordings import Recording, Stream

CLASS_NAMES = ("seated", "standing up", "walking", "turning", "sitting down")
_LABELS = {name.upper().replace(" ", "_"): i for i, name in enumerate(CLASS_NAMES)}
_DEVICES = {"sp": "phone", "sw": "watch"}
_NUM_COLUMNS = 8
_MEMBER = re.compile(r"(?:^|/)s(\d+)_(\d+)_(sp|sw)\.csv$")
_REMEDY = (
    "Download it from https://doi.org/10.5281/zenodo.8398688; members are named "
    "DATA/s01/s01_01_sp.csv (phone) and DATA/s01/s01_01_sw.csv (watch)."
)


def load_sp_sw_har(path: str | os.PathLike) -> list[Recording]:
    """223 executions of a sequence of 5 activities by 23 subjects, 42 min.

    Seated, standing up, walking, turning, walking back, turning, sitting down:
    with a phone in the pocket and a watch on the wrist. They run at 102 and at
    104 Hz by their own clocks, which come as they are, not mended: seconds since
    1970 in steps of 1 ms, never falling, but repeated by 8 % of the phone's
    samples and 0.5 % of the watch's, which were delivered in bunches.
    `keras_dcat.recordings.mend(stream, packets="centre")` brings them in order.

    Both devices were labelled, and agree on more than 99.5 % of the samples. The
    label of a recording is the watch's, whose clock is the smoother one. There is
    no official split; split by subject.

    Args:
        path: str or path of the publisher's zip, or of a folder of its members.

    Returns:
        list of `Recording`, by subject and execution, with a `Stream` of labels
        `(time, 1)` that index `CLASS_NAMES`, and the streams `phone` and `watch`
        `(time, 6)`, float32: acceleration in m/s², then turn rate in rad/s.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it holds no execution, one without both devices, or a
            damaged file.

    Reference:
        Matey-Sanz, Casteleyn, Granell, Data in Brief, 2023, 109809. Data: CC BY
        4.0.
    """
    archive = Archive(path, _REMEDY)
    executions: dict[tuple[int, int], dict[str, str]] = {}
    for name in archive.names():
        match = _MEMBER.search(name)
        if match:
            execution = int(match.group(1)), int(match.group(2))
            executions.setdefault(execution, {})[_DEVICES[match.group(3)]] = name
    alone = [name for e in executions.values() if len(e) == 1 for name in e.values()]
    if alone or not executions:
        raise ValueError(
            "The archive must hold executions of SP-SW-HAR, each seen by the phone "
            f"and by the watch. Received: {str(path)!r} with {len(executions)} of "
            f"them, {len(alone)} seen by one device only {alone[:3]}. {_REMEDY}"
        )
    with archive.reader() as read:
        return [
            _recording(read, execution, names)
            for execution, names in sorted(executions.items())
        ]


def _recording(read, execution, names):
    subject, number = execution
    streams, labels = {}, {}
    for device in _DEVICES.values():
        table = read_table(
            read,
            names[device],
            _NUM_COLUMNS,
            _REMEDY,
            delimiter=",",
            skiprows=1,
            converters={7: _label},
            encoding="utf-8",
        )
        times = table[:, 6] / 1e3
        streams[device] = Stream(table[:, :6].astype("float32"), timestamps=times)
        labels[device] = Stream(table[:, 7:].astype("int64"), timestamps=times)
    return Recording(
        streams=streams,
        label=labels["watch"],
        subject=subject,
        session=f"sp_sw_har/s{subject:02d}_{number:02d}",
    )


def _label(text):
    if text not in _LABELS:
        raise ValueError(f"the label {text!r}")
    return _LABELS[text]
