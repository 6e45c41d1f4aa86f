"""How often a diagnosis is right about what a comparison then finds."""

import collections
import dataclasses
import os
import pathlib

import keras
import numpy as np

from keras_dcat.diagnosis import diagnose
from keras_dcat.evaluation.confidence_intervals import Interval
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.evaluation.results import Results
from keras_dcat.evaluation.stream_pairs import arrow
from keras_dcat.evaluation.study import Study
from keras_dcat.shown import shown_as_printed
from keras_dcat.windows import group_folds


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Foresight:
    """Expected and found results of each pair of modalities.

    `print` shows it as a table.

    Attributes:
        verdicts: dict from a pair to its verdict in each split, tuple of `"help"`,
            `"neutral"` or `"harm"`.
        gains: dict from a pair to the `Interval` of the gain over the target alone.
    """

    verdicts: dict[tuple[str, str], tuple[str, ...]]
    gains: dict[tuple[str, str], Interval]

    def expected(self, pair: tuple[str, str]) -> str:
        """The verdict that most splits have; of a tie, the more careful one.

        Args:
            pair: `(source, target)`.

        Returns:
            str.
        """
        counts = collections.Counter(self.verdicts[pair])
        careful = ("harm", "neutral", "help")
        return max(careful, key=lambda verdict: counts[verdict])

    def found(self, pair: tuple[str, str]) -> str:
        """What the gain is, with 95 % confidence: `"neutral"` where that is neither.

        Args:
            pair: `(source, target)`.

        Returns:
            str.
        """
        words = {"gain": "help", "loss": "harm", "unclear": "neutral"}
        return words[self.gains[pair].verdict]

    @property
    def right(self) -> list[tuple[str, str]]:
        """The pairs of which what was expected was found."""
        return [pair for pair in self.gains if self.expected(pair) == self.found(pair)]

    def __str__(self) -> str:
        lines = ["| source → target | expected | found | gain |", "|---|---|---|---|"]
        for pair, gain in self.gains.items():
            lines.append(
                f"| {arrow(pair)} | {self.expected(pair)} | {self.found(pair)} "
                f"| {gain.signed} |"
            )
        total = f"Right about {len(self.right)} of {len(self.gains)} pairs."
        return "\n".join([*lines, "", total])


def foresight(
    study: Study,
    results: Results,
    label: str = "D-CAT",
    seed: int = 0,
    path: str | os.PathLike | None = None,
    verbose: int = 1,
) -> Foresight:
    """Compares `diagnose` of every pair with the result of a comparison.

    In each split source and target are trained without some training subjects, and
    `diagnose` predicts from these. Pairs with several sources are left out.

    Args:
        study: `Study`.
        results: what `compare` found in it.
        label: str. The method whose gain is predicted.
        seed: int. Of the models that are diagnosed.
        path: folder of the comparison, where trained models are kept; or `None`.
        verbose: 0 for no progress bar.

    Returns:
        `Foresight`.

    Raises:
        ValueError: as `diagnose`, if too few windows can be held out.
    """
    folder = None if path is None else pathlib.Path(path)
    verdicts: dict[tuple, list] = {
        pair: [] for pair in results.pairs if isinstance(pair[0], str)
    }
    jobs = len(study.splits) * len(verdicts)
    progress = keras.utils.Progbar(jobs, unit_name="diagnosis", verbose=verbose)
    for name, (train, _) in study.splits.items():
        inner = dataclasses.replace(study, splits={name: _held_out(study, train)})
        repetition = Repetition(inner, name, seed, folder)
        for pair in verdicts:
            verdicts[pair].append(_verdict(repetition, *pair))
            progress.add(1)
    return Foresight(
        {pair: tuple(found) for pair, found in verdicts.items()},
        {pair: results.gain(pair, label) for pair in verdicts},
    )


def _held_out(study, train):
    """Training windows, without those of some people with labels; and theirs.

    Two people at least, if there are four: intervals are over them.
    """
    labelled = train.subset(train.is_labelled)
    by = "subject" if study.new_subjects else "session"
    groups = len(np.unique(getattr(labelled, f"{by}s")))
    _, held_out = group_folds(labelled, max(2, min(4, groups // 2)), by=by)[0]
    theirs = np.isin(getattr(train, f"{by}s"), getattr(held_out, f"{by}s"))
    return train.subset(~theirs), held_out


def _verdict(repetition, source, target):
    models = [repetition.unimodal(stream)[0] for stream in (source, target)]
    data = [
        ((index.gather(source), index.gather(target)), repetition.study.targets(index))
        for index in (repetition.train, repetition.test)
    ]
    people = (
        repetition.test.subjects
        if repetition.study.new_subjects
        else repetition.test.sessions
    )
    groups = people if len(np.unique(people)) > 1 else None
    names = repetition.study.output_names
    return diagnose(*models, *data, groups=groups, class_names=names, verbose=0).verdict
