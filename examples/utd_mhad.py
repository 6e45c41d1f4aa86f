"""Who teaches whom on UTD-MHAD: the paper's experiments, written as a report.

Out of distribution, every clip is a window of normalised time; subjects 1, 3, 5 and 7
train, and 2, 4, 6 and 8 test. In distribution, windows last 1 s, and the fourth trial
of every action tests. An experiment that was interrupted goes on where it stopped.
"""

import argparse
import dataclasses
import json
import pathlib

import keras
import numpy as np

from keras_dcat import datasets, encoders, evaluation
from keras_dcat import windows as win
from keras_dcat.evaluation import (
    ABLATIONS,
    CONTROLS,
    METHODS,
    RIVALS,
    Experiment,
    ablation,
)
from keras_dcat.recordings import Stream
from keras_dcat.windows import augmentation as vary

CLASSES = datasets.utd_mhad.CLASS_NAMES
INERTIAL = {
    "imu": (0, 1, 2, 3, 4, 5),
    "accelerometer": (0, 1, 2),
    "gyroscope": (0, 1, 2),
}
CLIP_STEPS = {"skeleton": 48, "depth": 16, **dict.fromkeys(INERTIAL, 128)}
WINDOW_RATES = {"skeleton": 20.0, "depth": 10.0}  # Hz; the IMU keeps its 50
TO_ONE = [("skeleton", "accelerometer"), ("skeleton", "gyroscope")]
FEW_LABELS = "Both directions, labels of two of four"
ALL_LABELS = "Both directions, all labels"
WEAK = "Both directions, the weak one teaches"
TWO_SOURCES = "Both directions, two sources"
NO_LABELS = "Both directions, no label of the target"
EVERYBODY = "Both directions, labels of two of four, all pairs"
AMONG_TRAINING = "Four who train: labels of two, pairs of three"
ONE_LEFT_OUT = "One left out, all labels"
ONE_LEFT_OUT_FEW = "One left out, labels of two of seven"
SOME_ACTIONS = "Both directions, labels of two of four, the others did half"
OWN_SENSOR = "Both directions, labels of two of four, its own sensor teaches"
TWIN = "twin of "
OWN_TO_ONE = [(TWIN + target, target) for _, target in TO_ONE]
TWO_TO_ONE = [(("skeleton", "depth"), target) for _, target in TO_ONE]

# What was the default once: KᵀV and beliefs, as far as the source is sure.
BELIEFS = evaluation.DCAT(
    "normalized", gate="soft", loss_weights={"distillation": 5.0}, cached=True
)
PARTS = {
    "D-CAT, cached": evaluation.DCAT(cached=True),
    "without InfoNCE": evaluation.DCAT(loss_weights={"info_nce": 0.0}),
    "without agreement": evaluation.DCAT(loss_weights={"agreement": 0.0}),
    "without fused labels": evaluation.DCAT(loss_weights={"fused": 0.0}),
    "without cross-attention": evaluation.DCAT(loss_weights={"cross_attention": 0.0}),
    "InfoNCE alone": evaluation.DCAT("info_nce"),
    "paper": evaluation.DCAT("paper"),
    "KᵀV and beliefs": BELIEFS,
}
WITHOUT_FUSED = {"without fused labels": PARTS["without fused labels"]}
# A source that sees videos runs once, not at every step: that is most of the time.
RUNS_ONCE = METHODS | {"D-CAT": PARTS["D-CAT, cached"]}
WRONG = {
    "D-CAT, random source": evaluation.RandomSource(),
    "D-CAT, shuffled pairs": evaluation.Mispaired(),
}
UNLABELLED = {
    "D-CAT without labels": evaluation.DCAT("no_labels", target_labels=False),
    "distillation without labels": evaluation.DCAT(
        "distillation",
        gate="soft",
        loss_weights={"distillation": 5.0},
        cached=True,
        target_labels=False,
    ),
}
ONE_SENSOR = {label: m for label, m in RIVALS.items() if label != "late fusion"}


def unit_clip(recording):
    """A clip whose streams run from time 0 to 1 in a fixed number of steps each."""
    streams = {}
    for name, own in recording.streams.items():
        values = own.resampled(CLIP_STEPS[name] / own.duration).values
        if name == "depth":  # 48 × 48 to 24 × 24: a third of the time
            values = values.reshape(len(values), 24, 2, 24, 2, 1).mean(axis=(2, 4))
        streams[name] = Stream(values, float(CLIP_STEPS[name]))
    return dataclasses.replace(recording, streams=streams)


def with_twins(recording):
    """A recording of inertial streams alone, each there twice.

    What its twin teaches a sensor needs no second sensor.
    """
    streams = {}
    for _, name in OWN_TO_ONE:
        streams[name] = streams[TWIN + name] = recording.streams[name]
    return dataclasses.replace(recording, streams=streams)


def inertial(stream):
    """The encoder of an inertial stream, and how its windows are varied."""
    channels = INERTIAL[stream.removeprefix(TWIN)]
    sensors = tuple(channels[at : at + 3] for at in range(0, len(channels), 3))

    def build(train, size="small", dropout=0.2):
        return encoders.imu(
            train.shape(stream),
            len(CLASSES),
            size,
            normalization=win.normalization_layer(train, stream),
            key_dim=32,
            dropout=dropout,
        )

    varied = vary.Compose((vary.Rotation3D(25, sensors), vary.Scaling(0.15)))
    return evaluation.Modality(build, varied)


def skeleton():
    """The encoder of the skeleton, and how its windows are varied."""

    def build(train, size="small", dropout=0.2):
        return encoders.skeleton(
            train.shape("skeleton"),
            len(CLASSES),
            size,
            parents=datasets.utd_mhad.PARENTS,
            key_dim=32,
            dropout=dropout,
        )

    turned = (vary.Rotation3D(20), vary.RotationAboutVertical(30, vertical_axis=1))
    return evaluation.Modality(build, vary.Compose(turned))


def depth():
    """The encoder of small depth videos, and how they are varied."""

    def build(train, size="small", dropout=0.03):
        return encoders.video(
            train.shape("depth"),
            len(CLASSES),
            size,
            normalization=keras.layers.Rescaling(1 / 255),
            key_dim=32,
            dropout=dropout,
        )

    return evaluation.Modality(build, vary.Affine(8, 0.15, 0.12))


def unseen_subjects(index, streams, training, folds=False):
    """Every clip is a window; the official split, or folds of its training subjects."""
    train, test = win.split_by_subject(index, datasets.utd_mhad.TEST_SUBJECTS)
    splits = {"official": (train, test)}
    if folds:
        left_out = win.leave_one_subject_out(train)
        splits = {f"without {who}": sides for who, *sides in left_out}
    return evaluation.Study(splits, streams, CLASSES, training)


def both_directions(index, streams, training, num_labelled=4, num_done=27):
    """Odd subjects train and even ones test, and the reverse.

    Only the first `num_labelled` of the four that train have labels; pairs of all are
    there. Who has no labels did only the first `num_done` of the actions.
    """
    people = sorted(set(index.subjects.tolist()))
    splits = {}
    for name, first in (("odd train", 0), ("even train", 1)):
        train, test = win.split_by_subject(index, people[1 - first :: 2])
        labelled = people[first::2][:num_labelled]
        done = np.isin(train.subjects, labelled) | (train.labels < num_done)
        train = train.subset(done)
        splits[name] = (train.keep_labels_of(labelled), test)
    return evaluation.Study(splits, streams, CLASSES, training)


def among_training(index, streams, training):
    """One of the four who train tests what a recipe is worth: by this one chooses.

    Two have labels; of a third there are pairs, and the fourth tests. In both
    directions, and with the last two in turn.
    """
    people = sorted(set(index.subjects.tolist()))
    splits = {}
    for first in (0, 1):
        *labelled, third, fourth = people[first::2]
        for paired, tested in ((third, fourth), (fourth, third)):
            some = np.isin(index.subjects, (*labelled, paired, tested))
            train, test = win.split_by_subject(index.subset(some), [tested])
            splits[f"{tested} tests"] = (train.keep_labels_of(labelled), test)
    return evaluation.Study(splits, streams, CLASSES, training)


def leave_one_out(index, streams, training, num_labelled=7):
    """Each subject tests once, and the seven others train.

    Only the `num_labelled` behind it, in turn, have labels; pairs of all are there.
    """
    splits = {}
    for who, train, test in win.leave_one_subject_out(index):
        others = sorted(set(train.subjects.tolist()), key=lambda each: (each - who) % 8)
        splits[f"without {who}"] = (train.keep_labels_of(others[:num_labelled]), test)
    return evaluation.Study(splits, streams, CLASSES, training)


def headlines(done):
    """The numbers that we are judged by, each with its 95 % interval as `…_ci`.

    Of each, `asked` has the experiment, the pairs, the method, and over what it gains:
    its baseline (`None`), another method, itself with one source alone, or nothing.
    """
    one_source, nothing = "one source", "nothing"
    distilled = "distillation without labels"
    asked = {
        "low_label_gain": (FEW_LABELS, TO_ONE, "D-CAT", None),
        "low_label_gain_cached": (FEW_LABELS, TO_ONE, "D-CAT, cached", None),
        "low_label_gain_left_out": (ONE_LEFT_OUT_FEW, TO_ONE, "D-CAT", None),
        "low_label_gain_beliefs": (FEW_LABELS, TO_ONE, "KᵀV and beliefs", None),
        "contrast_low_label_gain": (FEW_LABELS, TO_ONE, "InfoNCE alone", None),
        "lead_over_beliefs": (FEW_LABELS, TO_ONE, "D-CAT", "KᵀV and beliefs"),
        "agreement_part": (FEW_LABELS, TO_ONE, "D-CAT", "without agreement"),
        "joint_labels_part": (FEW_LABELS, TO_ONE, "D-CAT", "without fused labels"),
        "alignment_part": (FEW_LABELS, TO_ONE, "D-CAT", "without InfoNCE"),
        "cross_attention_part": (
            FEW_LABELS,
            TO_ONE,
            "D-CAT",
            "without cross-attention",
        ),
        "low_label_gain_paper": (FEW_LABELS, TO_ONE, "paper", None),
        "other_frequencies_gain": (SOME_ACTIONS, TO_ONE, "D-CAT", None),
        "full_label_gain": (ALL_LABELS, TO_ONE, "D-CAT", None),
        "full_label_gain_left_out": (ONE_LEFT_OUT, TO_ONE, "D-CAT", None),
        "window_gain": ("Known subjects, 1 s windows", [TO_ONE[0]], "D-CAT", None),
        "own_sensor_gain": (OWN_SENSOR, OWN_TO_ONE, "D-CAT", None),
        "harm_weak_teaches_strong": (WEAK, [("depth", "imu")], "D-CAT", None),
        "harm_random_source": (ALL_LABELS, TO_ONE, "D-CAT, random source", None),
        "harm_shuffled_pairs": (ALL_LABELS, TO_ONE, "D-CAT, shuffled pairs", None),
        "low_label_random_source": (FEW_LABELS, TO_ONE, "D-CAT, random source", None),
        "low_label_shuffled_pairs": (FEW_LABELS, TO_ONE, "D-CAT, shuffled pairs", None),
        "multi_source_gain": (TWO_SOURCES, TWO_TO_ONE, "D-CAT", one_source),
        "zero_label_f1": (NO_LABELS, TO_ONE, "D-CAT without labels", nothing),
        "zero_label_distilled_f1": (NO_LABELS, TO_ONE, distilled, nothing),
        "all_labels_alone_f1": (NO_LABELS, TO_ONE, "alone", nothing),
        **{
            f"vs_{rival.replace(' ', '_')}": (FEW_LABELS, TO_ONE, "D-CAT", rival)
            for rival in ("logits distillation", "feature distillation", "contrastive")
        },
    }
    for key in (
        "low_label_gain",
        "low_label_gain_left_out",
        "own_sensor_gain",
        "other_frequencies_gain",
    ):
        heading, pairs, _, over = asked[key]
        without = heading, pairs, "without fused labels", over
        asked[f"{key}_without_joint_labels"] = without
    numbers = {}
    for key, (heading, pairs, label, over) in asked.items():
        results = done.get(heading)
        methods = {label, over or label} - {one_source, nothing}
        if results is None or not methods <= set(results.baselines):
            continue
        tested = [pair for pair in pairs if pair in results.pairs]
        if over == nothing:
            number = results.score(tested, label)
        elif over == one_source:
            number = results.gain_over_single(tested, label)
        else:
            number = results.gain(tested, label, over)
        numbers |= {
            key: number.mean,
            f"{key}_ci": [number.low, number.high],
            f"{key}_seeds": results.seeds,
            f"{key}_targets": [target for _, target in tested],
        }
    return numbers


def with_the_worst(numbers):
    """Headlines, and the worst of each kind under one name."""
    kinds = {
        "vs_best_rival": (
            "vs_logits_distillation",
            "vs_feature_distillation",
            "vs_contrastive",
        ),
        "harm": (
            "harm_weak_teaches_strong",
            "harm_random_source",
            "harm_shuffled_pairs",
        ),
    }
    for name, keys in kinds.items():
        known = [key for key in keys if key in numbers]
        if known:
            worst = min(known, key=numbers.get)
            numbers |= {name: numbers[worst], f"{name}_ci": numbers[f"{worst}_ci"]}
    return numbers


def known_subjects(clips, streams, training):
    """Windows of 1 s of all subjects; the fourth trial of every action tests."""
    resampled = []
    for clip in clips:
        rates = {n: rate for n, rate in WINDOW_RATES.items() if n in clip.streams}
        resampled.append(clip.resampled(**rates))
    index = win.index_windows(resampled, length=1.0, stride=0.5)
    fourth = {name for name in index.sessions.tolist() if name.endswith("t4")}
    split = win.split_by_session(index, sorted(fourth))
    return evaluation.Study(
        {"trial 4": split}, streams, CLASSES, training, new_subjects=False
    )


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("data", help="UTD-MHAD: the publisher's zip, or a folder of it")
parser.add_argument("--depth", help="NumPy archive of smaller depth videos")
parser.add_argument("--quick", action="store_true", help="less of all, to try it")
parser.add_argument("--only", nargs="+", help="headings of experiments to run")
parser.add_argument("--methods", nargs="+", help="labels of those to compare")
parser.add_argument("--sources", nargs="+", help="streams that teach")
parser.add_argument("--targets", nargs="+", help="streams that learn")
parser.add_argument("--folds", action="store_true", help="of the training subjects")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
parser.add_argument("--output", default="outputs/utd_mhad")
parser.add_argument("--json", help="file for the headline numbers; keeps others in it")
parser.add_argument("--runs", help="file of packed runs, read and added to")
parser.add_argument("--foresight", action="store_true", help="was `diagnose` right?")
parser.add_argument("--scheduler", help="keras_tuner, to share runs among processes")
args = parser.parse_args()

streams = {"skeleton": skeleton(), **{stream: inertial(stream) for stream in INERTIAL}}
if args.depth:
    streams["depth"] = depth()
clips = datasets.load_utd_mhad(args.data, args.depth)
if args.quick:
    clips = [clip for clip in clips if clip.label < 6]
budget = evaluation.Training(
    epochs=1 if args.quick else 80,
    min_steps=1 if args.quick else 1500,
    together=vary.TimeWarp(0.4),
    run_eagerly=args.quick,
)
whole = win.index_windows([unit_clip(c) for c in clips], length=1.0, stride=1.0)
unseen = unseen_subjects(whole, streams, budget, args.folds)
known = known_subjects(
    clips, streams, dataclasses.replace(budget, epochs=1 if args.quick else 20)
)
pair, everything = ("skeleton", "accelerometer"), METHODS | CONTROLS | RIVALS
to_inertial = [("skeleton", stream) for stream in INERTIAL]
experiments = {
    "Unseen subjects": Experiment(unseen, to_inertial, everything),
    "Known subjects, 1 s windows": Experiment(known, [pair], everything),
    "The weak one teaches": Experiment(unseen, [p[::-1] for p in to_inertial]),
    "Known subjects: misalignment": Experiment(known, [pair], ablation("misalignment")),
}
for name in sorted(set(ABLATIONS) - {"misalignment"}):
    heading = f"Unseen subjects: {name.replace('_', ' ')}"
    experiments[heading] = Experiment(unseen, [pair], ablation(name))
if args.depth:
    methods = METHODS | CONTROLS
    experiments["Depth teaches"] = Experiment(unseen, [("depth", "imu")], methods)
both = both_directions(whole, streams, budget)
few = both_directions(whole, streams, budget, num_labelled=2)
twins = both_directions(
    win.index_windows(
        [with_twins(unit_clip(c)) for c in clips], length=1.0, stride=1.0
    ),
    {name: inertial(name) for pair in OWN_TO_ONE for name in pair},
    budget,
    num_labelled=2,
)
experiments |= {
    FEW_LABELS: Experiment(few, TO_ONE, METHODS | PARTS | ONE_SENSOR | WRONG),
    ALL_LABELS: Experiment(both, TO_ONE, METHODS | PARTS | ONE_SENSOR | WRONG),
    NO_LABELS: Experiment(both, TO_ONE, METHODS | UNLABELLED),
    SOME_ACTIONS: Experiment(
        both_directions(whole, streams, budget, 2, num_done=13), TO_ONE, METHODS | PARTS
    ),
    OWN_SENSOR: Experiment(twins, OWN_TO_ONE, METHODS | WITHOUT_FUSED),
    EVERYBODY: Experiment(
        few, evaluation.ordered_pairs(streams), METHODS | WITHOUT_FUSED
    ),
    AMONG_TRAINING: Experiment(
        among_training(whole, streams, budget), TO_ONE, METHODS | PARTS
    ),
    ONE_LEFT_OUT: Experiment(leave_one_out(whole, streams, budget), TO_ONE),
    ONE_LEFT_OUT_FEW: Experiment(
        leave_one_out(whole, streams, budget, 2), TO_ONE, METHODS | WITHOUT_FUSED
    ),
}
if args.depth:
    singles = [(source, t) for sources, t in TWO_TO_ONE for source in sources]
    experiments[WEAK] = Experiment(both, [("depth", "imu")], RUNS_ONCE)
    experiments[TWO_SOURCES] = Experiment(both, singles + TWO_TO_ONE, RUNS_ONCE)
if args.quick:
    quick = {
        "Unseen subjects": Experiment(unseen, [pair]),
        "Known subjects, 1 s windows": Experiment(known, [pair]),
        FEW_LABELS: Experiment(few, [pair]),
        NO_LABELS: Experiment(both, [pair], METHODS | UNLABELLED),
    }
    if args.depth:
        quick[TWO_SOURCES] = Experiment(both, [*singles[:2], TWO_TO_ONE[0]])
    experiments = quick
for heading, (study, pairs, methods) in list(experiments.items()):
    if args.targets:
        pairs = [pair for pair in pairs if pair[1] in args.targets]
    if args.sources:
        chosen = set(args.sources)
        pairs = [p for p in pairs if chosen.issuperset(np.atleast_1d(p[0]).tolist())]
    experiments[heading] = Experiment(study, pairs, methods)
    if not pairs:
        del experiments[heading]
done = evaluation.run_experiments(
    experiments,
    args.output,
    args.seeds[:2] if args.quick else args.seeds,
    only=args.only,
    methods=args.methods,
    packed=args.runs,
    foresight=args.foresight,
    title="UTD-MHAD: who teaches whom",
    about=__doc__,
    scheduler=args.scheduler,
)
if args.json:
    path = pathlib.Path(args.json)
    earlier = json.loads(path.read_text()) if path.exists() else {}
    found = with_the_worst({**earlier, **headlines(done)})
    path.write_text(json.dumps(found, indent=2) + "\n")
