"""How much do the windows of people without labels add?

Of those who train a third have labels; windows of none, one, two, … of the others take
part. Beside D-CAT: the same losses without a second sensor, which show what is due to
the source; the paper's recipe; InfoNCE and distillation by themselves; and baselines
that need neither (`pip install '.[baselines]'`). Data that are not given are left out;
the watch needs no download.

    KERAS_BACKEND=jax python examples/unlabelled_people.py --utd_mhad UTD-MHAD.zip \
        --sisfall sisfall50.npz --sp_sw_har sp-sw-har-original.zip --digits fsdd.zip
"""

import argparse
import dataclasses
import warnings

from keras_dcat import datasets, encoders, evaluation, windows
from keras_dcat.evaluation import BASELINES, DCAT, METHODS, Experiment, SelfTraining
from keras_dcat.recordings import Stream, mend

DIGIT_RATES = {"audio": 8000, "narrow_band": 1000}
ALL_LABELS, THIRD = "all labels", "labels of a third"


@dataclasses.dataclass(frozen=True)
class Data:
    """Windows of a data set, and who teaches whom in it."""

    class_names: tuple
    splits: list
    pairs: list
    counts: tuple  # of people without labels


def utd_mhad(path):
    """Every clip is a window in normalised time; each half of the people trains."""
    steps = {"skeleton": 48, "accelerometer": 128, "gyroscope": 128}
    clips = []
    for clip in datasets.load_utd_mhad(path):
        streams = {}
        for name, count in steps.items():
            own = clip.streams[name]
            values = own.resampled(count / own.duration).values
            streams[name] = Stream(values, float(count))
        clips.append(dataclasses.replace(clip, streams=streams))
    index = windows.index_windows(clips, length=1.0, stride=1.0)
    sides = windows.split_by_subject(index, datasets.utd_mhad.TEST_SUBJECTS)
    pairs = [("skeleton", "accelerometer"), ("skeleton", "gyroscope")]
    return Data(datasets.utd_mhad.CLASS_NAMES, [sides, sides[::-1]], pairs, (0, 1, 2))


def watch(path):
    """Two of five folds."""
    index = windows.index_windows(datasets.load_watch(), length=4.0, stride=2.0)
    folds = windows.group_folds(index, 5)[:2]
    pairs = [("imu", "gyroscope"), ("imu", "accelerometer")]
    return Data(datasets.watch.CLASS_NAMES, folds, pairs, (0, 1, 2, 5))


def sp_sw_har(path):
    """A phone and a watch, two of five folds."""
    recordings = [
        dataclasses.replace(
            each,
            streams={
                name: mend(stream, packets="centre")[0]
                for name, stream in each.streams.items()
            },
        )
        for each in datasets.load_sp_sw_har(path)
    ]
    rates = dict.fromkeys(recordings[0].streams, 50.0)
    index = windows.index_windows(recordings, length=1.28, stride=1.28, rates=rates)
    folds = windows.group_folds(index.subset(index.is_labelled), 5)[:2]
    pairs = [("watch", "phone"), ("phone", "watch")]
    return Data(datasets.sp_sw_har.CLASS_NAMES, folds, pairs, (0, 2, 6, 12))


def sisfall(path):
    """Daily activities, three trials of each; each half of the people trains."""
    recordings = [
        dataclasses.replace(each, class_names=None)
        for each in datasets.load_sisfall(path)
        if each.label in range(19) and each.session.endswith(("R01", "R02", "R03"))
    ]
    index = windows.index_windows(recordings, length=4.0, stride=4.0)
    people = sorted(set(index.subjects.tolist()))
    sides = windows.split_by_subject(index, people[1::2])
    names = datasets.sisfall.CLASS_NAMES[:19]
    pairs = [("accelerometer", "gyroscope"), ("gyroscope", "accelerometer")]
    return Data(names, [sides, sides[::-1]], pairs, (0, 3, 12))


def digits(path):
    """Sound at 8,000 Hz teaches sound at 1,000 Hz; two speakers test in turn."""
    recordings = datasets.load_spoken_digits(path, DIGIT_RATES["narrow_band"])
    index = windows.index_windows(recordings, length=1.0, stride=1.0, short="pad")
    folds = windows.group_folds(index, 3)[:2]
    pairs = [("audio", "narrow_band")]
    return Data(datasets.spoken_digits.CLASS_NAMES, folds, pairs, (0, 1, 2))


DATA = {
    "UTD-MHAD": utd_mhad,
    "watch": watch,
    "SP-SW-HAR": sp_sw_har,
    "SisFall": sisfall,
    "digits": digits,
}


def modality(stream, class_names, size):
    """The encoder of a stream, whose windows are not varied."""

    def build(train):
        shape, options = train.shape(stream), {"key_dim": 32}
        if stream in DIGIT_RATES:
            options["sampling_rate"] = DIGIT_RATES[stream]
            options["num_mels"] = 40 if stream == "audio" else 16
            return encoders.audio(shape, len(class_names), size, **options)
        if stream == "skeleton":
            options["parents"] = datasets.utd_mhad.PARENTS
            return encoders.skeleton(shape, len(class_names), size, **options)
        options["normalization"] = windows.normalization_layer(train, stream)
        return encoders.imu(shape, len(class_names), size, **options)

    return evaluation.Modality(build)


def study(data, size, training, third):
    """The models, and labels of everybody who trains or of every third."""
    splits = {}
    for number, (train, test) in enumerate(data.splits):
        if third:
            people = sorted(
                set(train.subjects.tolist()), key=lambda p: (len(str(p)), p)
            )
            train = train.keep_labels_of(people[::3])
        splits[f"split {number}"] = (train, test)
    streams = dict.fromkeys(stream for pair in data.pairs for stream in pair)
    modalities = {each: modality(each, data.class_names, size) for each in streams}
    return evaluation.Study(splits, modalities, data.class_names, training)


def arms(counts):
    """What is compared, for every number of people without labels."""
    methods = {"alone": METHODS["alone"], **BASELINES}
    for number in counts:
        of = f"unlabelled people = {number}"
        methods |= {
            f"D-CAT, {of}": DCAT(num_unlabelled_people=number),
            f"self-training, {of}": SelfTraining(num_unlabelled_people=number),
            f"paper, {of}": DCAT("paper", num_unlabelled_people=number),
            f"InfoNCE, {of}": DCAT("info_nce", num_unlabelled_people=number),
            f"distillation, {of}": DCAT("distillation", num_unlabelled_people=number),
        }
    return methods


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
for name in DATA:
    if name != "watch":
        parser.add_argument(f"--{name.replace('-', '_').lower()}", help="its files")
parser.add_argument("--quick", action="store_true", help="less of all, to try it")
parser.add_argument("--size", default="tiny", help="of the encoders")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--only", nargs="+", help="headings of experiments to run")
parser.add_argument("--methods", nargs="+", help="labels of those to compare")
parser.add_argument("--foresight", action="store_true", help="was `diagnose` right?")
parser.add_argument("--runs", help="file of packed runs, read and added to")
parser.add_argument("--output", default="outputs/unlabelled_people")
args = parser.parse_args()
warnings.filterwarnings("ignore", message=".*were left out of")

budget = evaluation.Training(
    epochs=1 if args.quick else 20,
    min_steps=1 if args.quick else 1500,
    run_eagerly=args.quick,
)
experiments = {}
for name, load in DATA.items():
    path = vars(args).get(name.replace("-", "_").lower())
    headings = [f"{name}, {labels}" for labels in (THIRD, ALL_LABELS)]
    wanted = not args.only or not set(headings).isdisjoint(args.only)
    if not wanted or (path is None and name != "watch"):
        continue
    data = load(path)
    methods = arms(data.counts)
    if args.quick:
        data = dataclasses.replace(data, splits=data.splits[:1], pairs=data.pairs[:1])
        methods = {label: m for label, m in methods.items() if label not in BASELINES}
    few, full = (study(data, args.size, budget, third) for third in (True, False))
    experiments[headings[0]] = Experiment(few, data.pairs, methods)
    experiments[headings[1]] = Experiment(full, data.pairs, METHODS | BASELINES)
if args.quick:
    experiments = dict(list(experiments.items())[:1])
evaluation.run_experiments(
    experiments,
    args.output,
    args.seeds[:1] if args.quick else args.seeds,
    methods=args.methods,
    packed=args.runs,
    foresight=args.foresight,
    title="People without labels",
    about="Macro F1 of people never seen, by how many people gave pairs of windows.",
)
