"""What a table of a comparison is to be read with: a source, a guess, and warnings."""

from typing import Any

import numpy as np

from keras_dcat.evaluation.baselines import BASELINES
from keras_dcat.evaluation.confidence_intervals import Interval
from keras_dcat.evaluation.run import tested
from keras_dcat.evaluation.significance import FEW_PEOPLE, macro_f1_interval
from keras_dcat.evaluation.stream_pairs import sources_of
from keras_dcat.shown import counted

# A model that knows its own training windows worse has not learned yet.
_LEARNED = 0.8
_WITHOUT_SOURCE = {type(method).__name__ for method in BASELINES.values()}


def references(results: Any, pair: tuple) -> list[dict]:
    """What the methods of a pair are to be measured by: its sources, and a guess.

    Args:
        results: `Results`.
        pair: `(source, target)`.

    Returns:
        list of dict with the keys `method`, `macro F1` (`Interval`), `accuracy` and
        `calibration error`.
    """
    rows = []
    for stream in sources_of(pair[0]):
        seeds = of_source(results, stream)
        if not seeds:
            continue
        runs = [run for runs in seeds for run in runs]
        labels, subjects, predicted = tested(seeds)
        rows.append(
            {
                "method": f"the source, {stream}",
                "macro F1": macro_f1_interval(labels, predicted, subjects),
                "accuracy": float(np.mean([run.accuracy for run in runs])),
                "calibration error": float(
                    np.mean([r.calibration_error for r in runs])
                ),
            }
        )
    size = 2 if results.are_several_labels else len(results.class_names)
    f1 = guess_f1(_of_test(results, pair)[0], size)
    guess = {"method": "a guess", "macro F1": Interval(f1, f1, f1)}
    return [*rows, {**guess, "accuracy": 1 / size, "calibration error": 0.0}]


def of_source(results: Any, stream: str) -> list[list]:
    """Runs of a source by itself: a list for each seed, of one run for each split.

    Args:
        results: `Results`.
        stream: str.

    Returns:
        list of lists of `Run`; empty where there are none.
    """
    keys = [
        [(split, seed, stream) for split in results.splits] for seed in results.seeds
    ]
    if any(key not in results.sources for each in keys for key in each):
        return []
    return [[results.sources[key] for key in each] for each in keys]


def guess_f1(labels: np.ndarray, size: int) -> float:
    """Macro F1 of who takes every class equally often, and knows nothing.

    Of a share `p` of the windows it then finds `1 / size`, and is right in `p` of the
    cases.

    Args:
        labels: int array `(windows,)` of classes, or `(windows, labels)` of 0 and 1.
        size: int. How many classes there are; 2 of several labels.

    Returns:
        float.

    Example:

    >>> guess_f1(np.array([0, 1, 2, 0, 1, 2]), 3)
    0.333...
    """
    if labels.ndim > 1:
        shares = labels.mean(axis=0)
    else:
        shares = np.bincount(labels, minlength=size) / len(labels)
    shares = shares[shares > 0]
    return float(np.mean(2 * shares / size / (shares + 1 / size)))


def remarks(results: Any, pair: tuple) -> list[str]:
    """What makes a pair's numbers mean less than they seem to.

    Args:
        results: `Results`.
        pair: `(source, target)`.

    Returns:
        list of str, a sentence or two each; empty where there is nothing to say.
    """
    found = []
    people = len(np.unique(_of_test(results, pair)[1]))
    if people < FEW_PEOPLE:
        found.append(
            f"Tested on {counted(people, 'subject')} (or sessions of one): it says "
            "nothing of anybody else, and no difference is called a gain."
        )
    trained = {f"The source, {s}": of_source(results, s) for s in sources_of(pair[0])}
    for label in dict.fromkeys(results.baselines.values()):
        trained[f"The target {label}"] = results.of(pair, label)
    for who, seeds in trained.items():
        f1 = [run.training_f1 for runs in seeds for run in runs]
        if f1 and None not in f1 and np.mean(f1) < _LEARNED:
            found.append(
                f"{who} has not learned its own training windows: macro F1 "
                f"{np.mean(f1):.2f} on them. Train longer: raise `min_steps` of "
                "`Training`."
            )
    for label, baseline in results.baselines.items():
        first = results.of(pair, label)[0][0]
        if first.method.get("name") not in _WITHOUT_SOURCE:
            continue
        ahead = results.gain(pair, label)
        if ahead.low > 0:
            found.append(
                f"The target {baseline} is behind {label} by {ahead}. What is gained "
                "over it may be what it lacks: train it longer, or choose another "
                "encoder."
            )
    return found


def _of_test(results, pair):
    """Labels and subjects of the test windows of all splits."""
    return tested(results.of(pair, next(iter(results.baselines))))[:2]
