"""UESTC-MMEA-CL: glasses with a camera and an inertial sensor, 32 activities."""

import os
import pathlib
import re
from collections.abc import Callable

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.datasets.inertial import inertial_streams
from keras_dcat.datasets.tables import read_table
from keras_dcat.recordings import Recording, Stream

CLASS_NAMES = (
    "upstairs",
    "downstairs",
    "drinking",
    "fall",
    "reading",
    "sweep floor",
    "cut fruits",
    "mop floor",
    "writing",
    "wipe table",
    "wash hand",
    "standing",
    "play phone",
    "type pc",
    "eating",
    "cooking",
    "pick up phone",
    "drop trash",
    "fold clothes",
    "walking",
    "play card",
    "brush teeth",
    "wash dish",
    "moving something",
    "type phone",
    "chat",
    "open and close door",
    "ride bike",
    "sit and stand",
    "take and drop something",
    "shopping",
    "watch TV",
)
SPLITS = ("train", "val", "test")
RATE = 25.0
# The values of the publisher's code. With them the mean square of the acceleration,
# by the means and deviations in the same code, is 1.02 g²; with 16384, a quarter.
COUNTS_PER_G = 8192.0
COUNTS_PER_DEGREE_PER_SECOND = 16.4
_LIST = re.compile(r"(?:^|/)(train|val|test)\.txt$")
_SENSOR = re.compile(r"^(.*?)sensor/([^/]+/[^/]+)\.csv$")
_REMEDY = (
    "Ask for it at https://ivipclab.github.io/publication_uestc-mmea-cl/mmea-cl/; "
    "members are named train.txt, val.txt, test.txt, "
    "sensor/1_upstairs/1_upstairs_2020_12_30_15_36_01.csv and "
    "video/1_upstairs/1_upstairs_2020_12_30_15_36_01.mp4."
)


def load_uestc_mmea(
    path: str | os.PathLike,
    split: str | None = None,
    read_video: Callable[[pathlib.Path], Stream] | None = None,
) -> list[Recording]:
    """Clips of 32 everyday activities seen from the wearer's glasses, 30.4 h.

    The sensor took one sample for each frame of the video, 25 a second, give or
    take two a clip. Values are as recorded: the authors take a median of 5
    samples against outliers, and the gyroscope has an offset.

    Ten people wore the glasses, but the files do not say who wore them when: the
    subject of every recording is `"unknown"`, so this data set cannot show what
    unseen people bring. Official protocol: the publisher's lists, 7:2:1 by clip.
    The same people are on all sides.

    Args:
        path: str or path of the publisher's folder, or of a zip of its members.
        split: `"train"`, `"val"` or `"test"`. By default all of them.
        read_video: function from the path of an `.mp4` file to a `Stream`, which is
            added as `video`. By default videos are not read, and need not be there.
            They are not decoded here: hand in `keras_dcat.recordings.read_video`, or
            another function whose stream reads frames where windows need them.

    Returns:
        list of `Recording`, in the order of the lists, with labels that index
        `CLASS_NAMES`, a session that begins with the name of the list, and the
        streams, float32, 25 Hz, `accelerometer` `(time, 3)` in g, `gyroscope`
        `(time, 3)` in degrees/s, and `imu` `(time, 6)`, the two side by side.

    Raises:
        FileNotFoundError: if there is nothing at `path`, or no video of a clip
            that `read_video` is to read.
        ValueError: if `split` has another name, if a list or a clip of a list is
            missing, if a file is damaged, or if videos are to be read from a zip.

    Reference:
        Xu et al., IEEE Transactions on Multimedia, 2024, [UESTC-MMEA-CL](
        https://arxiv.org/abs/2301.10931). For education and research; no
        commercial use.
    """
    if split is not None and split not in SPLITS:
        raise ValueError(
            f"`split` must be one of {SPLITS}, or None for all. "
            f"Received: split={split!r}. Choose one of them."
        )
    archive = Archive(path, _REMEDY)
    if read_video is not None and not archive.path.is_dir():
        raise ValueError(
            "Videos are read from a folder. "
            f"Received: the file {str(path)!r}. Unpack it, and give the folder."
        )
    splits = SPLITS if split is None else (split,)
    lists, sensors = {}, {}
    for name in archive.names():
        match = _LIST.search(name)
        if match:
            lists[match.group(1)] = name
        match = _SENSOR.search(name)
        if match:
            sensors[match.group(2)] = (
                name,
                f"{match.group(1)}video/{match.group(2)}.mp4",
            )
    missing = [f"{each}.txt" for each in splits if each not in lists]
    with archive.reader() as read:
        clips = [
            (each, *clip)
            for each in splits
            if each in lists
            for clip in _listed(read, lists[each])
        ]
        missing += [f"sensor/{c}.csv" for _, c, _ in clips if c not in sensors]
        if missing:
            raise ValueError(
                "The archive must hold the lists of UESTC-MMEA-CL and the sensor file "
                f"of every clip in them. Received: {str(path)!r} without "
                f"{len(missing)}, such as {missing[0]!r}. {_REMEDY}"
            )
        recordings = []
        for part, clip, label in clips:
            sensor, video = sensors[clip]
            streams = _inertial(read_table(read, sensor, 6, _REMEDY, delimiter=","))
            if read_video is not None:
                streams["video"] = read_video(_existing(archive.path / video))
            session = f"uestc_mmea/{part}/{clip.rsplit('/')[-1]}"
            recordings.append(Recording(streams, label, "unknown", session))
        return recordings


def _listed(read, name):
    """Clips of a list, `class folder/clip`, with their labels."""
    clips = []
    # What is not UTF-8 becomes a path that no member has, and is told as such.
    for line in read(name).read().decode(errors="replace").splitlines():
        fields = line.split()  # a path on the publisher's disk, frames, samples, label
        if not fields:
            continue
        clip = "/".join(fields[0].split("/")[-2:])
        is_label = len(fields) == 4 and re.fullmatch("[0-9]{1,2}", fields[3])
        label = int(fields[3]) if is_label else -1
        if label not in range(len(CLASS_NAMES)) or not clip.startswith(f"{label + 1}_"):
            raise ValueError(
                "Every line of a list must be a clip, its frames, its samples and its "
                f"label, one less than the number of its folder. Received: {line!r} in "
                f"{name!r}. Fetch it again. {_REMEDY}"
            )
        clips.append((clip, label))
    return clips


def _inertial(counts):
    values = np.empty(counts.shape, "float32")
    values[:, :3] = counts[:, :3] / COUNTS_PER_G
    values[:, 3:] = counts[:, 3:] / COUNTS_PER_DEGREE_PER_SECOND
    return inertial_streams(values, RATE)


def _existing(video):
    if not video.is_file():
        raise FileNotFoundError(
            "Every clip must have its video, if videos are read. "
            f"Received: no file {str(video)!r}. {_REMEDY}"
        )
    return video
