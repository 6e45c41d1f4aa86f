"""Does an encoder trail what others would use for its sensor, on any data set?

`encoders.imu` alone, without augmentation, against MiniRocket and extremely randomised
trees on features: the same windows, people never seen, all labels and those of a third
of the people. Needs `pip install -e '.[baselines]'`. Runs that are in `--output` are
not made again.

    KERAS_BACKEND=jax python benchmarks/baselines.py UTD-MHAD.zip sisfall50.npz \
        sp-sw-har-original.zip --seeds 0 1 2
"""

import argparse
import dataclasses
import json
import os
import pathlib
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from keras_dcat import datasets, encoders, evaluation, windows
from keras_dcat.evaluation.baselines import BASELINES
from keras_dcat.recordings import Stream, mend

INERTIAL = ("imu", "accelerometer", "gyroscope")
BUDGET = evaluation.Training(epochs=1, min_steps=1500)


def utd_mhad(path):
    """Every clip is a window of 128 steps; each half of the people trains once."""
    clips = [
        dataclasses.replace(
            clip, streams={s: in_steps(clip.streams[s]) for s in INERTIAL}
        )
        for clip in datasets.load_utd_mhad(path)
    ]
    index = windows.index_windows(clips, length=1.0, stride=1.0)
    sides = windows.split_by_subject(index, datasets.utd_mhad.TEST_SUBJECTS)
    return datasets.utd_mhad.CLASS_NAMES, [sides, sides[::-1]]


def in_steps(stream, steps=128):
    """A stream in normalised time."""
    values = stream.resampled(steps / stream.duration).values
    return Stream(values, float(steps))


def watch(path):
    """Two of five folds."""
    index = windows.index_windows(datasets.load_watch(), length=4.0, stride=2.0)
    return datasets.watch.CLASS_NAMES, windows.group_folds(index, 5)[:2]


def sisfall(path):
    """Daily activities, three trials of each; each half of the people trains once."""
    names = datasets.sisfall.CLASS_NAMES[:19]
    recordings = [
        dataclasses.replace(each, class_names=None)
        for each in datasets.load_sisfall(path)
        if each.label in range(19) and each.session.endswith(("R01", "R02", "R03"))
    ]
    index = windows.index_windows(recordings, length=4.0, stride=4.0)
    people = sorted(set(index.subjects.tolist()))
    sides = windows.split_by_subject(index, people[1::2])
    return names, [sides, sides[::-1]]


def sp_sw_har(path):
    """Phone and watch, two of five folds."""
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
    index = index.subset(index.is_labelled)
    return datasets.sp_sw_har.CLASS_NAMES, windows.group_folds(index, 5)[:2]


SETS = {
    "UTD-MHAD": utd_mhad,
    "watch": watch,
    "SP-SW-HAR": sp_sw_har,
    "SisFall": sisfall,
}


def study_of(class_names, splits, size, third):
    """Models of all streams, and labels of everybody or of every third person."""

    def modality(stream):
        def build(train):
            return encoders.imu(
                train.shape(stream),
                len(class_names),
                size,
                normalization=windows.normalization_layer(train, stream),
            )

        return evaluation.Modality(build)

    known = {}
    for number, (train, test) in enumerate(splits):
        if third:
            people = sorted(set(train.subjects.tolist()), key=lambda p: (len(p), p))
            train = train.keep_labels_of(people[::3])
        known[f"split {number}"] = (train, test)
    streams = splits[0][0].samples
    return evaluation.Study(
        known, {s: modality(s) for s in streams}, class_names, BUDGET
    )


parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("utd_mhad")
parser.add_argument("sisfall")
parser.add_argument("sp_sw_har")
parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
parser.add_argument("--size", default="small")
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--output", default="outputs/baselines")
parser.add_argument("--json", action="store_true")
args = parser.parse_args()
warnings.filterwarnings("ignore", message=".*were left out of")

paths = {
    "UTD-MHAD": args.utd_mhad,
    "SisFall": args.sisfall,
    "SP-SW-HAR": args.sp_sw_har,
    "watch": None,
}
OURS = "alone"
methods = {OURS: evaluation.METHODS[OURS], **BASELINES}
print(f"| data, stream | labels | imu {args.size} | {' | '.join(BASELINES)} |")
print("|---|---" + "|---" * len(methods) + "|")
ahead, of_best = {name: [] for name in BASELINES}, []
for name in args.sets:
    class_names, splits = SETS[name](paths[name])
    for third in (False, True):
        study = study_of(class_names, splits, args.size, third)
        streams = list(study.modalities)
        # No source takes part: a stream is its own.
        others = [next(s for s in streams if s != each) for each in streams]
        results = evaluation.compare(
            study,
            list(zip(others, streams, strict=True)),
            methods,
            args.seeds,
            pathlib.Path(args.output, f"{args.size} {name} {third}"),
            verbose=0,
        )
        for stream in streams:
            pair = next(pair for pair in results.pairs if pair[1] == stream)
            means = {each: results.score(pair, each).mean for each in methods}
            best = max(means[each] for each in BASELINES)
            of_best.append(means[OURS] - best)
            for each in BASELINES:
                ahead[each].append(means[OURS] - means[each])
            cells = [f"{mean:.3f}" for mean in means.values()]
            labels = "a third" if third else "all"
            print(f"| {name}, {stream} | {labels} | {' | '.join(cells)} |", flush=True)
found = {
    "imu_behind_best_at_most": -min(of_best),
    "imu_ahead_of_best_mean": float(np.mean(of_best)),
    **{f"imu_ahead_of_{each}": float(np.mean(gaps)) for each, gaps in ahead.items()},
}
for key, value in found.items():
    print(f"{key}: {value:+.3f}")
if args.json:
    print(json.dumps(found))
