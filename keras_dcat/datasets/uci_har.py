"""UCI HAR and HAPT: a phone at the waist, in windows and as it was recorded."""

import os
import re

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.datasets.inertial import inertial_streams
from keras_dcat.datasets.tables import read_table
from keras_dcat.recordings import Intervals, Recording, Stream

CLASS_NAMES = (
    "walking",
    "walking upstairs",
    "walking downstairs",
    "sitting",
    "standing",
    "lying",
)
HAPT_CLASS_NAMES = CLASS_NAMES + (
    "stand to sit",
    "sit to stand",
    "sit to lie",
    "lie to sit",
    "stand to lie",
    "lie to stand",
)
TEST_SUBJECTS = (2, 4, 9, 10, 12, 13, 18, 20, 24)
TRAIN_SUBJECTS = tuple(s for s in range(1, 31) if s not in TEST_SUBJECTS)
RATE = 50.0
WINDOW_STEPS = 128
_SIGNALS = [
    f"{s}_{axis}" for s in ("total_acc", "body_gyro", "body_acc") for axis in "xyz"
]
_REMEDY = (
    "Download it from https://archive.ics.uci.edu/dataset/240 and unpack it once: "
    "'UCI HAR Dataset.zip' is inside; members are named "
    "'UCI HAR Dataset/train/Inertial Signals/total_acc_x_train.txt'."
)
_HAPT_REMEDY = (
    "Download it from https://archive.ics.uci.edu/dataset/341; members are named "
    "RawData/acc_exp01_user01.txt, RawData/gyro_exp01_user01.txt and "
    "RawData/labels.txt."
)
_HAPT_MEMBER = re.compile(r"RawData/(acc|gyro)_exp(\d+)_user(\d+)\.txt$")


def load_uci_har(path: str | os.PathLike) -> list[Recording]:
    """10,299 windows of 128 samples at 50 Hz, 6 activities of 30 subjects.

    The phone hangs on a belt. The publisher cut the windows, each half over the
    one before, after a median and a low-pass filter: every window is a recording
    of its own, and only a split by subject keeps neighbours on one side. Official
    protocol: `TRAIN_SUBJECTS` and `TEST_SUBJECTS`. `load_uci_hapt` has the same
    experiment uncut.

    Args:
        path: str or path of `UCI HAR Dataset.zip`, or of a folder of its members.

    Returns:
        list of `Recording`, the training windows, then the test windows, as
        published, with labels that index `CLASS_NAMES` and the streams, float32,
        50 Hz

        - `accelerometer` `(128, 3)` in g, `gyroscope` `(128, 3)` in rad/s, and
          `imu` `(128, 6)`, the two side by side;
        - `body_accelerometer` `(128, 3)` in g, without gravity.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if a file of the data set is missing, or damaged.

    Reference:
        Anguita et al., ESANN 2013. Data: CC BY 4.0 by its page; its README
        forbids commercial use.
    """
    archive = Archive(path, _REMEDY)
    names = set(archive.names())
    anchor = "train/subject_train.txt"
    root = next((n.removesuffix(anchor) for n in names if _is(n, anchor)), "")
    missing = sorted({root + n for p in ("train", "test") for n in _files(p)} - names)
    if missing:
        raise ValueError(
            "The archive must hold the inertial signals, labels and subjects of UCI "
            f"HAR. Received: {str(path)!r} without {len(missing)} of the 22 files, "
            f"such as {missing[0]!r}. {_REMEDY}"
        )
    with archive.reader() as read:
        return [
            recording
            for part in ("train", "test")
            for recording in _windows(lambda name: read(root + name), part)
        ]


def load_uci_hapt(path: str | os.PathLike) -> list[Recording]:
    """61 continuous recordings of 30 subjects, 50 Hz, 12 classes.

    The experiment of UCI HAR as the phone on the belt recorded it, with the six
    changes of posture labelled as well. Time between two labels has none. The
    official split is by subject: the download's `Train/subject_id_train.txt` and
    `Test/subject_id_test.txt`.

    Args:
        path: str or path of the publisher's zip, or of a folder of its members.

    Returns:
        list of `Recording`, by experiment, with `Intervals` of labels that index
        `HAPT_CLASS_NAMES` and the streams, float32, 50 Hz, `accelerometer`
        `(time, 3)` in g, `gyroscope` `(time, 3)` in rad/s, and `imu` `(time, 6)`,
        the two side by side.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if a file of the data set is missing, or damaged.

    Reference:
        Reyes-Ortiz et al., Neurocomputing, 2016. Data: CC BY 4.0 by its page; its
        README forbids commercial use.
    """
    archive = Archive(path, _HAPT_REMEDY)
    experiments: dict[tuple[int, int], dict[str, str]] = {}
    annotation = None
    for name in archive.names():
        match = _HAPT_MEMBER.search(name)
        if match:
            key = int(match.group(2)), int(match.group(3))
            experiments.setdefault(key, {})[match.group(1)] = name
        elif _is(name, "RawData/labels.txt"):
            annotation = name
    alone = [n for e in experiments.values() if len(e) == 1 for n in e.values()]
    if alone or not experiments or annotation is None:
        raise ValueError(
            "The archive must hold the raw data of HAPT: labels, and an accelerometer "
            f"and a gyroscope for each experiment. Received: {str(path)!r} with "
            f"{len(experiments)} experiments, {len(alone)} of them with one sensor "
            f"only, labels in {annotation!r}. {_HAPT_REMEDY}"
        )
    with archive.reader() as read:
        labels = read_table(read, annotation, 5, _HAPT_REMEDY, dtype="int64")
        return [
            _experiment(read, key, names, labels[(labels[:, :2] == key).all(axis=1)])
            for key, names in sorted(experiments.items())
        ]


def _is(name, published):
    """Whether a member is the published one, under whatever folder."""
    return name == published or name.endswith("/" + published)


def _files(part):
    signals = [f"{part}/Inertial Signals/{s}_{part}.txt" for s in _SIGNALS]
    return [*signals, f"{part}/y_{part}.txt", f"{part}/subject_{part}.txt"]


def _windows(read, part):
    names = *signals, labels, subjects = _files(part)
    columns = [
        read_table(read, name, WINDOW_STEPS, _REMEDY, dtype="float32")
        for name in signals
    ]
    labels = read_table(read, labels, 1, _REMEDY, dtype="int64")[:, 0] - 1
    subjects = read_table(read, subjects, 1, _REMEDY, dtype="int64")[:, 0]
    lengths = {
        len(each): name
        for name, each in zip(names, [*columns, labels, subjects], strict=True)
    }
    among = sorted({*lengths.values(), names[-2]})
    if len(lengths) > 1 or labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
        raise ValueError(
            "The files of UCI HAR must have one line for each window, and labels from "
            f"1 to 6. Received: {sorted(lengths)} lines and labels from "
            f"{labels.min() + 1} to {labels.max() + 1} in {among}. {_REMEDY}"
        )
    values = np.stack(columns, axis=-1)
    for number, (window, label, subject) in enumerate(
        zip(values, labels.tolist(), subjects.tolist(), strict=True)
    ):
        streams = inertial_streams(window[:, :6], RATE)
        streams["body_accelerometer"] = Stream(window[:, 6:], RATE)
        yield Recording(streams, label, subject, f"uci_har/{part}/{number:05d}")


def _experiment(read, key, names, labels):
    values = [
        read_table(read, names[sensor], 3, _HAPT_REMEDY, dtype="float32")
        for sensor in ("acc", "gyro")
    ]
    steps = [len(each) for each in values]
    first, last = labels[:, 3] - 1, labels[:, 4]  # theirs count from 1, ends included
    classes = labels[:, 2] - 1
    wrong = (first < 0) | (last <= first) | (last > steps[0])
    wrong |= (classes < 0) | (classes >= len(HAPT_CLASS_NAMES))
    if steps[0] != steps[1] or wrong.any():
        raise ValueError(
            "The two sensors of an experiment must have as many samples, and labels "
            f"from 1 to 12 within them. Received: {steps} samples and the labels "
            f"{labels[wrong, 2:].tolist()} in {names['acc']!r}. {_HAPT_REMEDY}"
        )
    experiment, subject = key
    return Recording(
        streams=inertial_streams(np.hstack(values), RATE),
        label=Intervals(first / RATE, last / RATE, classes),
        subject=subject,
        session=f"hapt/exp{experiment:02d}_user{subject:02d}",
    )
