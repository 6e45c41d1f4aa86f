"""PAMAP2: three inertial units and a heart rate in 12 activities."""

import os
import re

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.datasets.tables import read_table
from keras_dcat.recordings import Recording, Stream

# Their numbers have gaps: others are of the optional recordings, and 0 is none.
ACTIVITIES = {
    1: "lying",
    2: "sitting",
    3: "standing",
    4: "walking",
    5: "running",
    6: "cycling",
    7: "Nordic walking",
    12: "ascending stairs",
    13: "descending stairs",
    16: "vacuum cleaning",
    17: "ironing",
    24: "rope jumping",
}
CLASS_NAMES = tuple(ACTIVITIES.values())
_UNITS = {"hand": 3, "chest": 20, "ankle": 37}  # first column of 17, its temperature
# Time, activity, heart rate; of a unit the ±16 g accelerometer and the gyroscope.
_COLUMNS = [0, 1, 2] + [
    first + offset for first in _UNITS.values() for offset in (1, 2, 3, 7, 8, 9)
]
_MEMBER = re.compile(r"(?:^|/)Protocol/subject(10\d)\.dat$")
_REMEDY = (
    "Download it from https://archive.ics.uci.edu/dataset/231 and unpack it once: "
    "PAMAP2_Dataset.zip is inside; members are named "
    "PAMAP2_Dataset/Protocol/subject101.dat."
)


def load_pamap2(path: str | os.PathLike) -> list[Recording]:
    """The protocol of 9 subjects, one continuous recording each, over 10 h in all.

    An inertial unit sits on the wrist of the dominant arm, on the chest, and on
    the ankle of the dominant side, 100 Hz each; the heart rate comes about 9
    times a second. Where a unit lost its wireless link its samples are left out,
    so the loss is a gap in the stream's timestamps, not a value.

    Transient activities, number 0 in the files, are of no class and have the
    label -1: leave them out, as the publisher says. The ±6 g accelerometer, which
    saturates, the magnetometer and the invalid orientation are not read, nor are
    the optional recordings. There is no official split; the authors leave one
    subject out at a time.

    Args:
        path: str or path of `PAMAP2_Dataset.zip`, or of a folder of its members.

    Returns:
        list of `Recording`, by subject (101 to 109), with a `Stream` of labels
        `(time, 1)` that index `CLASS_NAMES`, -1 where there is none, and the
        streams, float32, by timestamps in seconds since the recording began

        - `hand`, `chest` and `ankle` `(time, 6)`: acceleration in m/s², then turn
          rate in rad/s;
        - `heart_rate` `(time, 1)`: beats per minute.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it holds no recording of the protocol, or a damaged one.

    Reference:
        Reiss, Stricker, ISWC 2012. Data: CC BY 4.0.
    """
    archive = Archive(path, _REMEDY, max_member_bytes=2**30)
    matches = [match for match in map(_MEMBER.search, archive.names()) if match]
    if not matches:
        raise ValueError(
            "The archive must hold recordings of PAMAP2's protocol. "
            f"Received: {str(path)!r} without one. {_REMEDY}"
        )
    with archive.reader() as read:
        return [
            _recording(
                read_table(
                    read, match.string, len(_COLUMNS), _REMEDY, usecols=_COLUMNS
                ),
                subject=int(match.group(1)),
            )
            for match in sorted(matches, key=lambda match: match.group(1))
        ]


def _recording(table, subject):
    times, heart_rate = table[:, 0], table[:, 2:3]
    values = {"heart_rate": heart_rate}
    for number, unit in enumerate(_UNITS):
        values[unit] = table[:, 3 + 6 * number : 9 + 6 * number]
    return Recording(
        streams={name: _present(each, times) for name, each in values.items()},
        label=Stream(_labels(table[:, 1], subject)[:, None], timestamps=times),
        subject=subject,
        session=f"pamap2/subject{subject}",
    )


def _present(values, times):
    """The samples of which no value is missing."""
    there = ~np.isnan(values).any(axis=1)
    return Stream(values[there].astype("float32"), timestamps=times[there])


def _labels(activities, subject):
    classes = {0: -1} | {number: i for i, number in enumerate(ACTIVITIES)}
    numbers, inverse = np.unique(activities, return_inverse=True)
    unknown = [number for number in numbers.tolist() if number not in classes]
    if unknown:
        raise ValueError(
            f"Activities of the protocol are 0 and {list(ACTIVITIES)}. "
            f"Received: {unknown} for subject {subject}. "
            f"Fetch the file again. {_REMEDY}"
        )
    return np.array([classes[number] for number in numbers.tolist()])[inverse]
