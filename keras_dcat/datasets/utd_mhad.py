"""UTD-MHAD: 27 actions seen by a Kinect and an inertial sensor."""

import os
import re

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.extras import require
from keras_dcat.recordings import Recording, Stream

CLASS_NAMES = (
    "swipe left",
    "swipe right",
    "wave",
    "clap",
    "throw",
    "cross arms",
    "basketball shoot",
    "draw X",
    "draw circle clockwise",
    "draw circle counter-clockwise",
    "draw triangle",
    "bowling",
    "boxing",
    "baseball swing",
    "tennis swing",
    "arm curl",
    "tennis serve",
    "push",
    "knock",
    "catch",
    "pick up and throw",
    "jog",
    "walk",
    "sit to stand",
    "stand to sit",
    "lunge",
    "squat",
)
TRAIN_SUBJECTS = (1, 3, 5, 7)
TEST_SUBJECTS = (2, 4, 6, 8)
INERTIAL_RATE = 50.0
_MEMBER = re.compile(r"(?:^|/)a(\d+)_s(\d+)_t(\d+)_(skeleton|inertial)\.mat$")
_REMEDY = (
    "Download Skeleton.zip and Inertial.zip (or UTD-MHAD.zip) from "
    "https://personal.utdallas.edu/~kehtar/UTD-MHAD.html; members are named "
    "Skeleton/a1_s1_t1_skeleton.mat and Inertial/a1_s1_t1_inertial.mat."
)
_HIP, _SPINE_TOP = 3, 1  # centre of the hips and of the shoulders, 0-based


def load_utd_mhad(path: str | os.PathLike) -> list[Recording]:
    """861 clips of 27 actions by 8 subjects, 2 to 7 s each.

    Skeleton and inertial clip show the same moment, but the Kinect ran near
    20 frames per second, not at its nominal 30, and not evenly from clip to
    clip. The inertial clock is taken as true, and the frames of a clip as
    spread over it.

    The sensor sits on the right wrist in actions 1–21, on the right thigh in
    22–27. Official protocol: `TRAIN_SUBJECTS` and `TEST_SUBJECTS`.

    Args:
        path: str or path of the publisher's zip, or of a folder of its members.

    Returns:
        list of `Recording`, by action, subject and trial, with labels that index
        `CLASS_NAMES` and the streams, float32

        - `skeleton` `(time, 60)`: 20 joints × (x, y, z) in lengths of the trunk,
          with the hips at the origin. Its rate differs from clip to clip:
          `recording.resampled(skeleton=20)`;
        - `accelerometer` `(time, 3)` in g, `gyroscope` `(time, 3)` in degrees/s,
          and `imu` `(time, 6)`, the two side by side, 50 Hz.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it holds no clip of the data set.
        ImportError: if SciPy, which reads the files, is not installed.

    Reference:
        Chen, Jafari, Kehtarnavaz, ICIP 2015. For research use.
    """
    loadmat = require("scipy.io", extra="io").loadmat
    archive = Archive(path, _REMEDY)
    members = {}
    for name in archive.names():
        match = _MEMBER.search(name)
        if match:
            clip = tuple(int(number) for number in match.groups()[:3])
            members.setdefault(clip, {})[match.group(4)] = name
    clips = {clip: names for clip, names in members.items() if len(names) == 2}
    if not clips:
        raise ValueError(
            "The archive must hold skeleton and inertial clips of UTD-MHAD. "
            f"Received: {str(path)!r} without a pair of them. {_REMEDY}"
        )
    with archive.reader() as read:
        return [
            _recording(
                clip,
                skeleton=loadmat(read(names["skeleton"]))["d_skel"],
                inertial=loadmat(read(names["inertial"]))["d_iner"],
            )
            for clip, names in sorted(clips.items())
        ]


def _recording(clip, skeleton, inertial):
    action, subject, trial = clip
    inertial = inertial.astype("float32")
    duration = len(inertial) / INERTIAL_RATE
    joints = _body_centred(np.transpose(skeleton, (2, 0, 1)))
    frames = joints.reshape(len(joints), -1).astype("float32")
    return Recording(
        streams={
            "skeleton": Stream(frames, rate=len(frames) / duration),
            "accelerometer": Stream(inertial[:, :3], INERTIAL_RATE),
            "gyroscope": Stream(inertial[:, 3:], INERTIAL_RATE),
            "imu": Stream(inertial, INERTIAL_RATE),
        },
        label=action - 1,
        subject=subject,
        session=f"utd_mhad/a{action}_s{subject}_t{trial}",
    )


def _body_centred(joints):
    """Joints `(time, 20, 3)` from the hips, in lengths of the clip's trunk."""
    hips = joints[:, _HIP : _HIP + 1]
    trunk = np.linalg.norm(joints[:, _SPINE_TOP] - joints[:, _HIP], axis=-1)
    return (joints - hips) / max(float(np.median(trunk)), 1e-6)
