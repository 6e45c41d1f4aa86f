"""MHEALTH: chest, ankle and wrist sensors and an ECG in 12 exercises."""

import os
import re

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.datasets.tables import read_table
from keras_dcat.recordings import Recording, Stream

CLASS_NAMES = (
    "standing still",
    "sitting and relaxing",
    "lying down",
    "walking",
    "climbing stairs",
    "waist bends forward",
    "frontal elevation of arms",
    "knees bending",
    "cycling",
    "jogging",
    "running",
    "jump front and back",
)
RATE = 50.0
_NUM_COLUMNS = 24
_MEMBER = re.compile(r"(?:^|/)mHealth_subject(\d+)\.log$")
_REMEDY = (
    "Download it from https://archive.ics.uci.edu/dataset/319; members are named "
    "MHEALTHDATASET/mHealth_subject1.log."
)


def load_mhealth(path: str | os.PathLike) -> list[Recording]:
    """One continuous recording of each of 10 subjects, at 50 Hz.

    Sensors are strapped to the chest, the left ankle and the right wrist. Most of
    a recording lies between the exercises, is of no class and has the label -1.
    There is no official split; the authors leave one subject out at a time.

    Args:
        path: str or path of the publisher's zip, or of a folder of its members.

    Returns:
        list of `Recording`, by subject, with a `Stream` of labels `(time, 1)` that
        index `CLASS_NAMES`, -1 where there is none, and the streams, float32

        - `chest` `(time, 3)`: acceleration in m/s²; there is no gyroscope;
        - `ankle` and `wrist` `(time, 6)`: acceleration in m/s², then turn rate in
          degrees/s;
        - `ankle_magnetometer` and `wrist_magnetometer` `(time, 3)`: magnetic
          field in local units;
        - `ecg` `(time, 2)`: two leads on the chest, in mV.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it holds no recording of the data set, or a damaged one.

    Reference:
        Banos et al., mHealthDroid, IWAAL 2014. Data: CC BY 4.0.
    """
    archive = Archive(path, _REMEDY)
    matches = [match for match in map(_MEMBER.search, archive.names()) if match]
    if not matches:
        raise ValueError(
            "The archive must hold recordings of MHEALTH. "
            f"Received: {str(path)!r} without one. {_REMEDY}"
        )
    with archive.reader() as read:
        return [
            _recording(
                read_table(read, match.string, _NUM_COLUMNS, _REMEDY, dtype="float32"),
                subject=int(match.group(1)),
            )
            for match in sorted(matches, key=lambda match: int(match.group(1)))
        ]


def _recording(table, subject):
    numbers = table[:, 23]
    unknown = np.unique(numbers[~np.isin(numbers, np.arange(len(CLASS_NAMES) + 1))])
    if len(unknown):
        raise ValueError(
            "Labels of MHEALTH run from 0 to 12. "
            f"Received: {unknown[:5].tolist()} for subject {subject}. "
            f"Fetch the file again. {_REMEDY}"
        )
    labels = numbers.astype("int64") - 1  # their 0 is "no class"
    streams = {
        "chest": table[:, :3],
        "ecg": table[:, 3:5],
        "ankle": table[:, 5:11],
        "ankle_magnetometer": table[:, 11:14],
        "wrist": table[:, 14:20],
        "wrist_magnetometer": table[:, 20:23],
    }
    return Recording(
        streams={name: Stream(values, RATE) for name, values in streams.items()},
        label=Stream(labels[:, None], RATE),
        subject=subject,
        session=f"mhealth/subject{subject}",
    )
