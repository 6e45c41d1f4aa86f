"""Do classifiers of aeon recognise people never seen better than our target alone?

UTD-MHAD, the accelerometer and the gyroscope, as in docs/results/utd_mhad.md: every
clip is a window of 128 steps; subjects 1, 3, 5 and 7 train, 2, 4, 6 and 8 test, and
the reverse; all four who train have labels, or the first two. Everyone sees the same
windows. *Varied*: as ours are, turned, stretched and scaled, in eight copies beside
the windows themselves. *Labels the rest*: fitted twice, the second time with what it
believed of the windows without a label. Needs `pip install aeon`, in an environment
of its own if it wants another NumPy.
"""

import argparse
import dataclasses
import json
import os
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from encoders import aeon, channels_first

from keras_dcat import datasets, encoders, evaluation
from keras_dcat import windows as win
from keras_dcat.recordings import Stream
from keras_dcat.windows import augmentation as vary

CLASSES = datasets.utd_mhad.CLASS_NAMES
TESTED = ("accelerometer", "gyroscope")
# The skeleton has no part in it, but time is warped as finely as it allows.
STEPS = {"skeleton": 48, **dict.fromkeys(TESTED, 128)}
COPIES = 8
OURS = "our target alone"
MODULES = {
    "MiniRocketClassifier": "convolution_based",
    "MultiRocketHydraClassifier": "convolution_based",
    "QUANTClassifier": "interval_based",
    "IndividualInceptionClassifier": "deep_learning",
}


@dataclasses.dataclass(frozen=True)
class Aeon(evaluation.Method):
    """A classifier of aeon in the place of the target.

    Attributes:
        classifier: str. Its class.
        varied: bool. Whether it sees copies that are varied as ours are.
        labels_the_rest: bool. Whether it is fitted again, to its own beliefs, too.
        options: dict for the classifier.
    """

    classifier: str = "MiniRocketClassifier"
    varied: bool = False
    labels_the_rest: bool = False
    options: dict = dataclasses.field(default_factory=dict)

    needs_source = False

    def baseline(self):
        return Aeon()

    def run(self, trial, source, target):
        labelled = trial.labelled(self.data_fraction)
        windows, labels = labelled.gather(target), labelled.labels
        if self.varied:
            windows, labels = with_copies(trial, target, labelled)
        found = self._fitted(windows, labels, trial.seed)
        if self.labels_the_rest:
            rest = trial.train.subset(~trial.train.is_labelled).gather(target)
            believed = found.predict(channels_first(rest))
            windows = np.concatenate([windows, rest])
            labels = np.concatenate([labels, believed])
            found = self._fitted(windows, labels, trial.seed)
        predicted = found.predict(channels_first(trial.test.gather(target)))
        return np.eye(len(CLASSES), dtype="float32")[predicted], np.zeros(0)

    def _fitted(self, windows, labels, seed):
        module = aeon(MODULES[self.classifier])
        new = getattr(module, self.classifier)(random_state=seed, **self.options)
        return new.fit(channels_first(windows), labels)


def with_copies(trial, stream, index):
    """Windows with copies of them, varied as our target sees them epoch by epoch."""
    batches = trial.windows(stream, index, batch_size=32).repeat(COPIES)
    parts = zip(*batches.as_numpy_iterator(), strict=True)
    varied, one_hot = map(np.concatenate, parts)
    windows = np.concatenate([index.gather(stream), varied])
    return windows, np.concatenate([index.labels, one_hot.argmax(axis=-1)])


def methods(names, num_labelled):
    """The methods to compare by their labels, MiniRocket first."""
    offered = {
        OURS: evaluation.Alone(),
        "MiniRocket, varied": Aeon(varied=True),
        "MiniRocket, labels the rest": Aeon(labels_the_rest=True),
        "MultiRocketHydra": Aeon("MultiRocketHydraClassifier"),
        "MultiRocketHydra, varied": Aeon("MultiRocketHydraClassifier", varied=True),
        "MultiRocketHydra, labels the rest": Aeon(
            "MultiRocketHydraClassifier", labels_the_rest=True
        ),
        "QUANT": Aeon("QUANTClassifier"),
        "InceptionTime, one network": Aeon(
            "IndividualInceptionClassifier",
            options={"n_epochs": 80, "batch_size": 32},
        ),
    }
    chosen = {"MiniRocket": Aeon()}
    chosen |= {name: offered[name] for name in names or offered}
    if num_labelled == 4:  # there is no rest
        chosen = {name: m for name, m in chosen.items() if not m.labels_the_rest}
    return chosen


def unit_clip(recording):
    """A clip whose streams run from time 0 to 1 in a fixed number of steps each."""
    streams = {}
    for name, steps in STEPS.items():
        own = recording.streams[name]
        values = own.resampled(steps / own.duration).values
        streams[name] = Stream(values, float(steps))
    return dataclasses.replace(recording, streams=streams)


def inertial(stream):
    """Our encoder of an inertial stream, and how its windows are varied."""

    def build(train):
        scale = win.normalization_layer(train, stream)
        shape, count = train.shape(stream), len(CLASSES)
        return encoders.imu(shape, count, normalization=scale, key_dim=32, dropout=0.2)

    varied = vary.Compose((vary.Rotation3D(25), vary.Scaling(0.15)))
    return evaluation.Modality(build, varied)


def study(index, num_labelled, epochs):
    """Odd subjects train and even ones test, and the reverse."""
    people = sorted(set(index.subjects.tolist()))
    splits = {}
    for name, first in (("odd train", 0), ("even train", 1)):
        train, test = win.split_by_subject(index, people[1 - first :: 2])
        labelled = people[first::2][:num_labelled]
        splits[name] = (train.keep_labels_of(labelled), test)
    modalities = {name: inertial(name) for name in STEPS}
    training = evaluation.Training(epochs, together=vary.TimeWarp(0.4))
    return evaluation.Study(splits, modalities, CLASSES, training)


def rows(results):
    """For each stream and method: macro F1, the difference, and seconds of a run."""
    over = OURS if OURS in results.baselines else "MiniRocket"
    for pair in results.pairs:
        for name in results.baselines:
            runs = sum(results.of(pair, name), [])
            yield {
                "stream": pair[1],
                "method": name,
                "macro F1": str(results.score(pair, name)),
                f"over {over}": str(results.gain(pair, name, over)),
                "seconds": round(statistics.median(run.seconds for run in runs), 1),
            }


def main():
    """Prints a table of macro F1 for either number of labels, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="UTD-MHAD: the publisher's zip, or a folder of it")
    parser.add_argument("--methods", nargs="+", help="all by default")
    parser.add_argument("--labelled", type=int, nargs="+", default=[4, 2])
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=80, help="of our target")
    parser.add_argument("--output", help="folder of runs, to go on where it stopped")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    clips = [unit_clip(clip) for clip in datasets.load_utd_mhad(args.data)]
    index = win.index_windows(clips, length=1.0, stride=1.0)
    found = {}
    for number in args.labelled:
        results = evaluation.compare(
            study(index, number, args.epochs),
            [("skeleton", stream) for stream in TESTED],
            methods(args.methods, number),
            range(args.seeds),
            args.output,
            verbose=0 if args.json else 1,
        )
        found[f"labels of {number} of four"] = list(rows(results))
    if args.json:
        print(json.dumps(found))
        return
    for heading, lines in found.items():
        print(f"\n{heading}\n\n| {' | '.join(lines[0])} |\n{'|---' * len(lines[0])}|")
        for line in lines:
            print(f"| {' | '.join(map(str, line.values()))} |")


if __name__ == "__main__":
    main()
