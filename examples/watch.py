"""Which of a watch's sensors should teach which? Seven exercises, people never seen.

Ten people are left out in five folds of two. The recordings come with the package
`seglearn`.
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
from keras_dcat.windows.augmentation import Compose, Rotation3D, Scaling, TimeWarp

CLASSES = datasets.watch.CLASS_NAMES
SENSORS = {
    "imu": ((0, 1, 2), (3, 4, 5)),
    "accelerometer": ((0, 1, 2),),
    "gyroscope": ((0, 1, 2),),
}
# The default, with less of what may do harm, or with another InfoNCE.
WEAKER = {
    "without InfoNCE": DCAT(loss_weights={"info_nce": 0.0}),
    "without agreement": DCAT(loss_weights={"agreement": 0.0}),
    "without fused labels": DCAT(loss_weights={"fused": 0.0}),
    "without cross-attention": DCAT(loss_weights={"cross_attention": 0.0}),
    "a third of InfoNCE": DCAT(loss_weights={"info_nce": 3.0}),
    "falling to 0": DCAT(decay=True),
    "InfoNCE of KᵀV": DCAT("attention_info_nce"),
    "paper": DCAT("paper"),
}


def modality(stream, default_size):
    """An encoder of a stream, whose windows are turned as on another wrist."""

    def build(train, size=default_size, dropout=0.2):
        return encoders.imu(
            train.shape(stream),
            len(CLASSES),
            size,
            normalization=windows.normalization_layer(train, stream),
            key_dim=32,
            dropout=dropout,
        )

    varied = Compose((Rotation3D(15, SENSORS[stream]), Scaling(0.1)))
    return evaluation.Modality(build, varied)


def few_labels(study, with_judge=False):
    """The study with labels of every third training person; pairs of all are there.

    If there is to be a judge, the last one does not train, but decides by labels.
    """
    splits, judges = {}, {}
    for name, (train, test) in study.splits.items():
        people = sorted(set(train.subjects.tolist()))
        if with_judge:
            train, judges[name] = windows.split_by_subject(train, people[-1:])
        splits[name] = (train.keep_labels_of(people[::3]), test)
    return dataclasses.replace(study, splits=splits, judges=judges)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="less of all, to try it")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--only", nargs="+", help="headings of experiments to run")
parser.add_argument("--methods", nargs="+", help="labels of those to compare")
parser.add_argument("--foresight", action="store_true", help="was `diagnose` right?")
parser.add_argument("--output", default="outputs/watch")
parser.add_argument("--runs", help="file of packed runs, read and added to")
args = parser.parse_args()

recordings = datasets.load_watch()[:: 6 if args.quick else 1]
index = windows.index_windows(recordings, length=4.0, stride=2.0)
folds = windows.group_folds(index, 5)[: 1 if args.quick else 5]
study = evaluation.Study(
    splits={f"fold {number}": sides for number, sides in enumerate(folds)},
    modalities={s: modality(s, "tiny" if args.quick else "small") for s in SENSORS},
    class_names=CLASSES,
    training=evaluation.Training(
        epochs=1 if args.quick else 20,
        min_steps=1 if args.quick else 1500,
        together=TimeWarp(0.2),
        run_eagerly=args.quick,
    ),
)
pair = ("imu", "accelerometer")
if args.quick:
    experiments = {"Who teaches whom": Experiment(study, [pair])}
else:
    few, judged = few_labels(study), few_labels(study, with_judge=True)
    restores = {"restores the baseline": DCAT(restores_baseline=True)}
    experiments = {
        "Who teaches whom": Experiment(study),
        "Labels of a third": Experiment(few, methods=METHODS | WEAKER),
        "Labels of a third, and a judge": Experiment(
            judged, methods=METHODS | restores
        ),
    }
    everything = METHODS | CONTROLS | RIVALS
    experiments["Controls and rivals"] = Experiment(study, [pair], everything)
    for name in ("transfer_weight", "mask", "misalignment", "data_fraction"):
        experiments[name] = Experiment(study, [pair], ablation(name))
evaluation.run_experiments(
    experiments,
    args.output,
    args.seeds[:2] if args.quick else args.seeds,
    only=args.only,
    methods=args.methods,
    packed=args.runs,
    foresight=args.foresight,
    title="The sensors of a smartwatch",
    about="Seven shoulder exercises of ten people, in windows of 4 s.",
)
