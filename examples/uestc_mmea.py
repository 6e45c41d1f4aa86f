"""Glasses with a camera and an IMU: which should teach which? For who has UESTC-MMEA.

The publisher's lists of clips, with the same people on all sides: this says nothing
about new people, and intervals are over clips.
"""

import argparse

import av
import keras
import numpy as np

from keras_dcat import datasets, encoders, evaluation, windows
from keras_dcat.evaluation import CONTROLS, METHODS, RIVALS, Experiment
from keras_dcat.recordings import Stream
from keras_dcat.windows.augmentation import Compose, Rotation3D, Scaling

CLASSES = datasets.uestc_mmea.CLASS_NAMES
FRAMES_PER_SECOND, SIZE = 5, 48


def read_video(path):
    """A clip as small grey frames, `(time, 48, 48, 1)`, five a second."""
    with av.open(str(path)) as container:
        every = max(1, round(datasets.uestc_mmea.RATE / FRAMES_PER_SECOND))
        frames = [
            frame.reformat(SIZE, SIZE, "gray").to_ndarray()
            for number, frame in enumerate(container.decode(video=0))
            if number % every == 0
        ]
    return Stream(np.stack(frames)[..., None], float(FRAMES_PER_SECOND))


def modality(stream, default_size):
    """An encoder of a stream, and how its windows are varied."""

    def build(train, size=default_size, dropout=0.03 if stream == "video" else 0.2):
        options = {"key_dim": 32, "dropout": dropout}
        shape = train.shape(stream)
        if stream == "video":
            scale = keras.layers.Rescaling(1 / 255)
            return encoders.video(
                shape, len(CLASSES), size, normalization=scale, **options
            )
        normalization = windows.normalization_layer(train, stream)
        return encoders.imu(
            shape, len(CLASSES), size, normalization=normalization, **options
        )

    if stream == "video":
        return evaluation.Modality(build)
    sensors = ((0, 1, 2), (3, 4, 5))
    return evaluation.Modality(build, Compose((Rotation3D(15, sensors), Scaling(0.1))))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", help="UESTC-MMEA-CL: the publisher's folder, unpacked")
parser.add_argument("--quick", action="store_true", help="less of all, to try it")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--output", default="outputs/uestc_mmea")
args = parser.parse_args()

sides = []
for split in ("train", "test"):
    clips = datasets.load_uestc_mmea(args.data, split, read_video)
    clips = clips[:: max(1, len(clips) // 40)] if args.quick else clips
    sides.append(windows.index_windows(clips, length=4.0, stride=2.0))
study = evaluation.Study(
    {"the publisher's": tuple(sides)},
    {s: modality(s, "tiny" if args.quick else "small") for s in ("video", "imu")},
    CLASSES,
    evaluation.Training(
        epochs=1 if args.quick else 20,
        min_steps=1 if args.quick else 1500,
        run_eagerly=args.quick,
    ),
    new_subjects=False,
)
methods = METHODS if args.quick else METHODS | CONTROLS | RIVALS
evaluation.run_experiments(
    {
        "The camera teaches the IMU": Experiment(study, [("video", "imu")], methods),
        "The IMU teaches the camera": Experiment(study, [("imu", "video")]),
    },
    args.output,
    args.seeds[:2] if args.quick else args.seeds,
    title="Glasses with a camera and an IMU",
    about="32 everyday activities of ten people, who are on both sides.",
)
