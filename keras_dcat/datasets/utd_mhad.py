"""UTD-MHAD: 27 actions seen by a Kinect and an inertial sensor."""

import os
import re

import numpy as np

from keras_dcat.datasets.archive import Archive
from keras_dcat.datasets.inertial import inertial_streams
from keras_dcat.extras import require
from keras_dcat.recordings import Recording, Stream, read_matlab
from keras_dcat.recordings.readers.opened_files import reading, source_of
from keras_dcat.recordings.readers.values_on_disk import LazyValues
from keras_dcat.storage import stored_arrays

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
RATE = 50.0
# For each of the 20 joints the one it hangs on; the centre of the hips is the root.
PARENTS = (1, 2, 3, 3, 1, 4, 5, 6, 1, 8, 9, 10, 3, 12, 13, 14, 3, 16, 17, 18)
_MEMBER = re.compile(r"(?:^|/)a(\d+)_s(\d+)_t(\d+)_(skeleton|inertial|depth)\.mat$")
_REMEDY = (
    "Download Skeleton.zip and Inertial.zip (or UTD-MHAD.zip) from "
    "https://personal.utdallas.edu/~kehtar/UTD-MHAD.html; members are named "
    "Skeleton/a1_s1_t1_skeleton.mat and Inertial/a1_s1_t1_inertial.mat."
)
_HIP, _SPINE_TOP = 3, 1  # centre of the hips and of the shoulders, 0-based
_LEFT_SHOULDER, _RIGHT_SHOULDER = 4, 8
_DEPTH_KEYS = ("depth", "depth_offsets", "action", "subject", "trial")


def load_utd_mhad(
    path: str | os.PathLike, depth: str | os.PathLike | None = None
) -> list[Recording]:
    """861 clips of 27 actions by 8 subjects, 2 to 7 s each.

    Skeleton and inertial clip show the same moment, but the Kinect ran near
    20 frames per second, not at its nominal 30, and not evenly from clip to
    clip. The inertial clock is taken as true, and the frames of a clip as
    spread over it.

    The sensor sits on the right wrist in actions 1–21, on the right thigh in
    22–27. Official protocol: `TRAIN_SUBJECTS` and `TEST_SUBJECTS`.

    Args:
        path: str or path of the publisher's zip, or of a folder of its members.
        depth: str or path of a NumPy archive of smaller depth videos: `depth`
            `(frames, height, width)` of all clips one after the other, clip `i`
            in `depth_offsets[i]:depth_offsets[i + 1]`, and `action`, `subject`,
            `trial` `(clips,)`, from 1. Without it, depth is what there is of the
            publisher's `Depth/a1_s1_t1_depth.mat`, read where windows need it.

    Returns:
        list of `Recording`, by action, subject and trial, with labels that index
        `CLASS_NAMES` and the streams, float32

        - `skeleton` `(time, 60)`: 20 joints × (x to the right, y up, z away from
          the camera) in lengths of the trunk, from the hips, turned about the
          vertical until the shoulders are parallel to the camera's picture. Its
          rate differs from clip to clip: `recording.resampled(skeleton=20)`;
        - `depth` `(time, height, width, 1)`, if there is one for the clip; of an
          archive of smaller ones in the type that it has there;
        - `accelerometer` `(time, 3)` in g, `gyroscope` `(time, 3)` in degrees/s,
          and `imu` `(time, 6)`, the two side by side, 50 Hz.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it holds no clip of the data set, or if the archive of
            depth videos has other keys or sizes.
        ImportError: if SciPy, which reads the files, is not installed.

    Reference:
        Chen, Jafari, Kehtarnavaz, ICIP 2015. For research use.
    """
    archive = Archive(path, _REMEDY)
    members: dict[tuple[int, ...], dict[str, str]] = {}
    for name in archive.names():
        match = _MEMBER.search(name)
        if match:
            clip = tuple(int(number) for number in match.groups()[:3])
            members.setdefault(clip, {})[match.group(4)] = name
    needed = {"skeleton", "inertial"}
    clips = {clip: names for clip, names in members.items() if needed <= {*names}}
    if not clips:
        raise ValueError(
            "The archive must hold skeleton and inertial clips of UTD-MHAD. "
            f"Received: {str(path)!r} without a pair of them. {_REMEDY}"
        )
    with archive.reader() as read:
        if depth is not None:
            videos = _smaller_videos(depth)
        else:
            videos = {
                clip: _DepthVideo(archive, names["depth"], read)
                for clip, names in clips.items()
                if "depth" in names
            }
        return [
            _recording(
                clip,
                skeleton=_values(read, names["skeleton"], "d_skel", (20, 3), 2),
                inertial=_values(read, names["inertial"], "d_iner", (6,), 0),
                video=videos.get(clip),
            )
            for clip, names in sorted(clips.items())
        ]


class _DepthVideo(LazyValues):
    """Frames `(time, height, width, 1)` of a clip, read when they are sliced."""

    def __init__(self, archive, name, read):
        whosmat = require("scipy.io", extra="io").whosmat
        with reading(source_of(read(name)), "a depth video of UTD-MHAD"):
            (_, (height, width, frames), _), *_ = whosmat(read(name))
        super().__init__((frames, height, width, 1), "float32")
        self.archive, self.name = archive, name

    def _read(self, first, last):
        with self.archive.reader() as read:
            frames = _values(read, self.name, "d_depth", self.shape[1:3], 2)
        return frames[first:last, ..., None].astype("float32")


def _values(read, name, key, shape, time_axis):
    """Finite values `(time, …)` of a MAT-file, of the shape that a sample must have."""
    values = read_matlab(read(name), key, rate=1.0, time_axis=time_axis).values
    with np.errstate(over="ignore"):  # what overflows is refused
        finite = np.isfinite(values.astype("float32")).all()
    if values.shape[1:] != shape or not len(values) or not finite:
        raise ValueError(
            f"{name!r} must have samples of shape {shape}, all finite. "
            f"Received: {key!r} of shape {values.shape}, time first, finite: {finite}. "
            f"Fetch it again, it may have been cut. {_REMEDY}"
        )
    return values


def _smaller_videos(path):
    """Depth videos of a NumPy archive by clip `(action, subject, trial)`."""
    try:
        stored = stored_arrays(path)
        arrays = {key: stored[key] for key in _DEPTH_KEYS}
        found = {key: values.shape for key, values in arrays.items()}
        fits = _are_videos(**arrays)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        found, fits = error, False
    if not fits:
        raise ValueError(
            f"An archive of depth videos must have the arrays {_DEPTH_KEYS}, and one "
            f"offset more than clips, rising from 0 to the number of frames. "
            f"Received: {str(path)!r} with {found}. See `depth` of `load_utd_mhad`."
        )
    frames, offsets = arrays["depth"][..., None], arrays["depth_offsets"]
    clips = zip(*(arrays[key].tolist() for key in _DEPTH_KEYS[2:]), strict=True)
    return {
        clip: frames[offsets[number] : offsets[number + 1]]
        for number, clip in enumerate(clips)
    }


def _are_videos(depth, depth_offsets, action, subject, trial):
    clips = action.shape
    return (
        depth.ndim == 3
        and depth.dtype.kind in "biuf"
        and subject.shape == trial.shape == clips
        and len(clips) == 1
        and depth_offsets.shape == (clips[0] + 1,)
        and depth_offsets.dtype.kind in "iu"
        and depth_offsets[0] == 0
        and depth_offsets[-1] == len(depth)
        and bool((np.diff(depth_offsets.astype("int64")) > 0).all())
    )


def _recording(clip, skeleton, inertial, video):
    action, subject, trial = clip
    inertial = inertial.astype("float32")
    duration = len(inertial) / RATE
    joints = _facing_ahead(_body_centred(skeleton))
    frames = joints.reshape(len(joints), -1).astype("float32")
    streams = {} if video is None else {"depth": Stream(video, len(video) / duration)}
    return Recording(
        streams={
            "skeleton": Stream(frames, rate=len(frames) / duration),
            **inertial_streams(inertial, RATE),
            **streams,
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


def _facing_ahead(joints):
    """Joints turned about the vertical: the clip's mean shoulders lie along x."""
    shoulders = joints[:, _RIGHT_SHOULDER] - joints[:, _LEFT_SHOULDER]
    x, _, z = shoulders.mean(axis=0)
    length = np.hypot(x, z)
    if length < 1e-6:
        return joints
    sine, cosine = z / length, x / length
    turn = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])
    return joints @ turn
