"""What stops a training, and what looks as if it should: with what to do."""

import collections
import contextlib
import dataclasses
import numbers
import warnings
from collections.abc import Callable

import numpy as np

from keras_dcat.cli.data import Prepared, prepare
from keras_dcat.cli.experiment import Experiment
from keras_dcat.cli.sessions import Mended
from keras_dcat.shown import counted, few

# What is not a sample that is lost.
_NOT_LOST = ("samples", "kept", "gaps")
_WORDS = {"not_finite": "not finite", "backwards": "steps back, sorted"}
# What people and programs write where there is nothing.
_NOTHING = "nan none null na n/a - -1 ? unlabelled unlabeled".split()


def done(mended: Mended) -> str:
    """What was done to timestamps, in words.

    Args:
        mended: `Mended`.

    Returns:
        str, empty where they were in order.
    """
    numbers = dataclasses.asdict(mended.report)
    return ", ".join(
        f"{number:,} {_WORDS.get(name, name)}"
        for name, number in numbers.items()
        if isinstance(number, int) and number and name not in _NOT_LOST
    )


def problems(experiment: Experiment, prepared: Prepared) -> list[str]:
    """Why nothing should be trained on these data.

    Args:
        experiment: `Experiment`.
        prepared: `Prepared`.

    Returns:
        list of str, each with what to do.
    """
    return [
        *_too_much_lost(experiment, prepared.mended),
        *_nobody_labelled(experiment, prepared),
    ]


def cautions(experiment: Experiment, prepared: Prepared) -> list[str]:
    """What is allowed, and looks like a mistake.

    Args:
        experiment: `Experiment`.
        prepared: `Prepared`.

    Returns:
        list of str, each with what to do.
    """
    own_files = experiment.data.recordings is not None
    alone = _one_recording_each(prepared) if own_files else []
    return [
        *alone,
        *(_odd_names(prepared.class_names) if own_files else []),
        *_never_taught(prepared),
        *([] if alone else _of_one_person(prepared)),
        *_labelled_without(experiment, prepared),
    ]


def prepare_checked(
    experiment: Experiment, tell: Callable[[str], None], *, stops: bool
) -> Prepared:
    """Data to work on; what looks wrong is told, and what is wrong stops a training.

    Args:
        experiment: `Experiment`.
        tell: function of the words of one warning.
        stops: bool. False to tell what is wrong, too, and go on.

    Returns:
        `Prepared`.

    Raises:
        ValueError: if nothing should be trained on these data, or a file makes no
            sense.
    """
    with warnings_told(tell):
        prepared = prepare(experiment)
    found = problems(experiment, prepared)
    if found and stops:
        raise ValueError("\n".join(found))
    for words in (*found, *cautions(experiment, prepared)):
        tell(words)
    return prepared


@contextlib.contextmanager
def warnings_told(tell: Callable[[str], None]):
    """Warnings of the package in words alone, without the line of code they are from.

    Args:
        tell: function of the words of one.
    """

    def show(message, *where, **more):
        tell(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def _too_much_lost(experiment, mended):
    most = experiment.data.max_lost
    beyond = [each for each in mended if each.report.lost > most]
    if not beyond:
        return
    worst = max(beyond, key=lambda each: each.report.lost)
    others = len(beyond) - 1
    more = f" {counted(others, 'other stream')} lost too much, too." if others else ""
    share = np.ceil(100 * worst.report.lost) / 100
    yield (
        f"A stream may lose {most:.0%} of its samples to times that make no sense. "
        f"Received: session {worst.session!r}, stream {worst.stream!r} "
        f"({worst.path}), of which {worst.report.kept:,} of {worst.report.samples:,} "
        f"samples are left ({worst.report.lost:.0%} lost: {done(worst)}).{more} Write "
        "the times with more digits; or leave `time` out, if the sensor is even, and "
        "give its own `rate`; or say by `mend` what its clock did; or allow it: "
        f"`data: {{max_lost: {share:g}}}`."
    )


def _nobody_labelled(experiment, prepared):
    sides = {"train": prepared.train, "test": prepared.test}
    if prepared.validation is not None:
        sides["validation"] = prepared.validation
    for name, index in sides.items():
        if index.is_labelled.any():
            continue
        who = "who is in `test` or `validation`" if name == "train" else "who trains"
        if name == "train" and experiment.split.labelled is not None:
            remedy = "Name people in `split.labelled` whose `label` cells are filled."
        else:
            remedy = (
                f"Fill the `label` cells of some people who are in `{name}`; or name "
                f"others in `split`, if labels are of somebody {who}."
            )
        needs = {
            "train": "A transfer needs labels of somebody who trains",
            "test": "A test needs labels to say what is right",
            "validation": "A search needs labels to say what is right",
        }
        yield f"{needs[name]}. Received: no window with a label. {remedy}"


def _one_recording_each(prepared):
    """Classes of one recording, as a column of file names makes them."""
    labels = collections.Counter(
        each.label
        for each in prepared.recordings
        if isinstance(each.label, numbers.Integral) and each.label != -1
    )
    single = [label for label, count in labels.items() if count == 1]
    if len(labels) < 2 or 2 * len(single) <= len(labels):
        return []
    names = few(prepared.class_names[label] for label in sorted(single))
    return [
        f"{len(single)} of {counted(len(labels), 'class', 'classes')} have one "
        f"recording each ({names}). Is `label` the column of what people did? It must "
        "name a class, the same for all recordings of it."
    ]


def _odd_names(names):
    for name in names:
        if name.lower() in _NOTHING:
            yield (
                f"{name!r} counts as a class like any other. Where it says that there "
                "is no label, leave the cell empty."
            )
    alike = collections.defaultdict(list)
    for name in names:
        alike[" ".join(name.lower().replace("_", " ").split())].append(name)
    for group in alike.values():
        if len(group) > 1:
            yield (
                f"{few(group)} count as different classes. Where they are the same, "
                "write them alike."
            )


def _never_taught(prepared):
    taught = set(prepared.train.labels[prepared.train.is_labelled].tolist())
    for side in ("test", "validation"):
        index = getattr(prepared, side)
        asked = set() if index is None else set(index.labels.tolist())
        if taught and (unknown := sorted(asked - taught)):
            names = few(prepared.class_names[label] for label in unknown)
            yield (
                f"{names}: in the {side}, and nobody who trains has a label of it, so "
                "that it cannot be learnt. Move people who did it to the training, or "
                "leave its recordings out."
            )


def _of_one_person(prepared):
    index = prepared.index
    subjects = collections.defaultdict(set)
    for label, who in zip(index.labels.tolist(), index.subjects.tolist(), strict=True):
        subjects[label].add(who)
    subjects.pop(-1, None)
    if len({who for own in subjects.values() for who in own}) < 2:
        return
    single = sorted(label for label, own in subjects.items() if len(own) == 1)
    if single:
        names = few(prepared.class_names[label] for label in single)
        yield (
            f"{names}: of one person only, so that the class cannot be told from the "
            "person. Record it of others, or leave it out."
        )


def _labelled_without(experiment, prepared):
    train = prepared.train
    have = set(map(str, train.subjects[train.is_labelled]))
    without = [who for who in experiment.split.labelled or () if str(who) not in have]
    if without and have:
        yield (
            f"{few(without)}: named in `split.labelled`, without a label. Fill the "
            "`label` cells, or take the name out."
        )
