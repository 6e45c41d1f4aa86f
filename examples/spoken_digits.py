"""A full-band microphone teaches one that hears too little to be a spy.

Spoken digits at 8,000 Hz, and the same sound at 1,000 Hz, where little more than the
pitch of the voice is left. Each speaker is left out in turn.
"""

import argparse
import dataclasses

from keras_dcat import datasets, encoders, evaluation, windows
from keras_dcat.evaluation import (
    CONTROLS,
    DCAT,
    METHODS,
    RIVALS,
    Experiment,
    ablation,
)
from keras_dcat.windows.augmentation import Compose, Jitter, Scaling, TimeWarp

CLASSES = datasets.spoken_digits.CLASS_NAMES
RATES = {"audio": 8000, "narrow_band": 1000}
PAIR = ("audio", "narrow_band")
PARTS = {
    "without InfoNCE": DCAT(loss_weights={"info_nce": 0.0}),
    "without fused labels": DCAT(loss_weights={"fused": 0.0}),
    "without cross-attention": DCAT(loss_weights={"cross_attention": 0.0}),
}


def modality(stream, default_size):
    """An encoder of raw samples, which are made louder and noisier."""

    def build(train, size=default_size, dropout=0.2):
        return encoders.audio(
            train.shape(stream),
            len(CLASSES),
            size,
            sampling_rate=RATES[stream],
            num_mels=40 if stream == "audio" else 16,
            key_dim=32,
            dropout=dropout,
        )

    return evaluation.Modality(build, Compose((Scaling(0.3), Jitter(0.0005))))


def few_labels(study, num_labelled=2):
    """The study with labels of some who train; pairs of all are there."""
    splits = {}
    for number, (name, (train, test)) in enumerate(study.splits.items()):
        people = sorted(set(train.subjects.tolist()))
        people = people[number:] + people[:number]  # everybody's turn comes
        splits[name] = (train.keep_labels_of(people[:num_labelled]), test)
    return dataclasses.replace(study, splits=splits)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", help="Free Spoken Digit Dataset: the zip or a folder")
parser.add_argument("--quick", action="store_true", help="less of all, to try it")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--only", nargs="+", help="headings of experiments to run")
parser.add_argument("--methods", nargs="+", help="labels of those to compare")
parser.add_argument("--foresight", action="store_true", help="was `diagnose` right?")
parser.add_argument("--runs", help="file of packed runs, read and added to")
parser.add_argument("--output", default="outputs/spoken_digits")
args = parser.parse_args()

recordings = datasets.load_spoken_digits(args.data, RATES["narrow_band"])
if args.quick:  # a few digits of each speaker
    recordings = recordings[::10]
index = windows.index_windows(recordings, length=1.0, stride=1.0, short="pad")
splits = {f"without {who}": s for who, *s in windows.leave_one_subject_out(index)}
if args.quick:
    splits = dict(list(splits.items())[:1])
study = evaluation.Study(
    splits,
    {s: modality(s, "tiny" if args.quick else "small") for s in PAIR},
    CLASSES,
    evaluation.Training(
        epochs=1 if args.quick else 30,
        min_steps=1 if args.quick else 1500,
        together=TimeWarp(0.2),
        run_eagerly=args.quick,
    ),
)
methods = METHODS if args.quick else METHODS | CONTROLS | RIVALS
experiments = {
    "A full band teaches a narrow one": Experiment(study, [PAIR], methods),
    "A narrow band teaches a full one": Experiment(study, [PAIR[::-1]]),
}
if not args.quick:
    experiments["Labels of two of five"] = Experiment(
        few_labels(study), [PAIR], METHODS | PARTS
    )
    for name in ("transfer_weight", "mask"):
        experiments[name] = Experiment(study, [PAIR], ablation(name))
evaluation.run_experiments(
    experiments,
    args.output,
    args.seeds[:2] if args.quick else args.seeds,
    only=args.only,
    methods=args.methods,
    packed=args.runs,
    foresight=args.foresight,
    title="Full-band and narrow-band microphones",
    about="Ten digits by six speakers, each left out in turn.",
)
