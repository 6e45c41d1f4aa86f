"""What came out of a comparison, and how far it can be relied on."""

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from keras_dcat.evaluation.confidence_intervals import Interval
from keras_dcat.evaluation.remarks import references, remarks
from keras_dcat.evaluation.run import Run, tested
from keras_dcat.evaluation.significance import (
    corrected_t_test,
    macro_f1_interval,
    paired_bootstrap,
)
from keras_dcat.evaluation.stream_pairs import arrow, named, sources_of
from keras_dcat.metrics import f1_per_class
from keras_dcat.shown import counted, shown_as_printed

EVENTS = ("segment F1", "event F1")  # columns, where recordings show changes
_SHOWN = 8  # tables that are printed at once


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Results:
    """The runs of a comparison. `print` shows a table for each pair.

    Attributes:
        runs: dict from `(split, seed, (source, target), label)` to `Run`. A source of
            several streams is a tuple of them.
        baselines: dict from a label to that of its baseline.
        class_names: tuple of str; the names of the labels, if there are several.
        sources: dict from `(split, seed, stream)` to the `Run` of a source by itself.
    """

    runs: Mapping[tuple, Run]
    baselines: Mapping[str, str]
    class_names: tuple[str, ...]
    sources: Mapping[tuple, Run] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"{counted(len(self.runs), 'run')}: {counted(len(self.pairs), 'pair')}, "
            f"{counted(len(self.baselines), 'method')}, "
            f"{counted(len(self.seeds), 'seed')}, "
            f"{counted(len(self.splits), 'split')}, "
            f"{counted(len(self.class_names), 'class', 'classes')}"
        ]
        for pair in self.pairs[:_SHOWN]:
            lines += ["", arrow(pair), self.table(pair)]
        if len(self.pairs) > _SHOWN:
            lines.append(f"\nThe other pairs: {arrow(self.pairs[_SHOWN])}, …")
        return "\n".join(lines)

    @property
    def are_several_labels(self) -> bool:
        """Whether several labels may hold at once."""
        return next(iter(self.runs.values())).labels.ndim > 1

    @property
    def pairs(self) -> list[tuple]:
        """`(source, target)`, in the order in which they were compared."""
        return list(dict.fromkeys(pair for _, _, pair, _ in self.runs))

    @property
    def seeds(self) -> list[int]:
        """The seeds."""
        return list(dict.fromkeys(seed for _, seed, _, _ in self.runs))

    @property
    def splits(self) -> list[str]:
        """The splits."""
        return list(dict.fromkeys(split for split, _, _, _ in self.runs))

    def of(self, pair: tuple, label: str) -> list[list[Run]]:
        """Runs of a method: a list for each seed, of one run for each split.

        Args:
            pair: `(source, target)`.
            label: str.

        Returns:
            list of lists of `Run`.
        """
        return [
            [self.runs[split, seed, pair, label] for split in self.splits]
            for seed in self.seeds
        ]

    def score(self, pair: tuple | list[tuple], label: str) -> Interval:
        """Macro F1 of a method, with an interval over test subjects and seeds.

        Args:
            pair: `(source, target)`, or a list of pairs, over which F1 is averaged.
            label: str.

        Returns:
            `Interval`.
        """
        labels, subjects, predicted = self._pooled(_listed(pair), label)
        return macro_f1_interval(labels, predicted, subjects)

    def gain(
        self, pair: tuple | list[tuple], label: str, over: str | None = None
    ) -> Interval:
        """Macro F1 of a method less that of another one.

        Args:
            pair: `(source, target)`, or a list of pairs, over which F1 is averaged.
            label: str.
            over: str. Label of the other method, the baseline by default.

        Returns:
            `Interval` of a paired bootstrap over test subjects and seeds.
        """
        pairs, over = _listed(pair), self.baselines[label] if over is None else over
        return _difference(self._pooled(pairs, label), self._pooled(pairs, over))

    def gain_over_single(self, pair: tuple | list[tuple], label: str) -> Interval:
        """Macro F1 with several sources less that with the best one of them alone.

        The best is that with the highest mean on these very test windows, so that a
        gain is rather found too small than too large.

        Args:
            pair: `(sources, target)`, or a list of such pairs, over which F1 is
                averaged. There must be runs of each source by itself, too.
            label: str.

        Returns:
            `Interval` of a paired bootstrap over test subjects and seeds.

        Raises:
            ValueError: if a source was not compared by itself.
        """
        pairs = _listed(pair)
        singles = [self._best_single(each, label) for each in pairs]
        return _difference(self._pooled(pairs, label), self._pooled(singles, label))

    def fold_test(self, pair: tuple, label: str) -> float:
        """How likely such gains are over the splits if there is none.

        Args:
            pair: `(source, target)`.
            label: str.

        Returns:
            float, the p value of a t test corrected for what folds share; NaN if there
            is one split only.
        """
        folds = len(self.splits)
        if folds < 2:
            return float("nan")
        mine, baseline = (
            np.mean([[run.macro_f1 for run in runs] for runs in self.of(pair, each)], 0)
            for each in (label, self.baselines[label])
        )
        gains = mine - baseline
        return corrected_t_test(gains, train_size=folds - 1, test_size=1)

    def f1_by_class(self, pair: tuple, label: str) -> np.ndarray:
        """F1 of every class, or of the "yes" of every label, mean over seeds.

        Args:
            pair: `(source, target)`.
            label: str.

        Returns:
            float array `(classes,)`.
        """
        labels, _, predicted = self._tested(pair, label)
        each = [self._f1(labels, p) for p in predicted]
        # A class that is nowhere has no F1, and is not worth a warning.
        return np.ma.masked_invalid(each).mean(axis=0).filled(np.nan)

    def confusion(self, pair: tuple, label: str) -> np.ndarray:
        """How often each class is taken for which, mean over seeds.

        Args:
            pair: `(source, target)`.
            label: str.

        Returns:
            float array `(true classes, predicted classes)`, counts; `(labels, 2, 2)` of
            several labels, no and yes of each.
        """
        labels, _, predicted = self._tested(pair, label)
        if self.are_several_labels:
            counts = np.zeros((len(self.class_names), 2, 2))
            own = np.broadcast_to(np.arange(labels.shape[1]), labels.shape)
            for each in predicted:
                np.add.at(counts, (own, labels, each), 1 / len(predicted))
            return counts
        counts = np.zeros((len(self.class_names),) * 2)
        for each in predicted:
            np.add.at(counts, (labels, each), 1 / len(predicted))
        return counts

    def table(self, pair: tuple) -> str:
        """Every method for one pair, its sources and a guess.

        Args:
            pair: `(source, target)`.

        Returns:
            str, a Markdown table, and below it what to read it with.
        """
        rows = self.rows([pair])
        shown = EVENTS if rows[0]["event F1"] is not None else ()
        names = ("method", "macro F1", "gain", *shown, "accuracy", "calibration error")
        lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
        for row in rows:
            cells = {
                **{name: f"{row[name]:.3f}" for name in (*shown, *names[-2:])},
                "gain": "" if row["gain"] is None else row["gain"].signed,
            }
            words = [str(cells.get(name, row[name])) for name in names]
            lines.append(f"| {' | '.join(words)} |")
        for row in references(self, pair):
            lines.append(
                f"| *{row['method']}* | {row['macro F1']} | {'| ' * len(shown)}| "
                f"{row['accuracy']:.3f} | {row['calibration error']:.3f} |"
            )
        return "\n".join([*lines, *(f"\n{each}" for each in remarks(self, pair))])

    def rows(self, pairs: list[tuple] | None = None) -> list[dict]:
        """Every pair and method: scores, gain and the test over folds.

        Args:
            pairs: list of `(source, target)`, all by default.

        Returns:
            list of dict with the keys `source`, `target`, `method`, `baseline`,
            `macro F1` and `gain` (`Interval`; no gain of a baseline), `p`, `segment F1`
            and `event F1` (None where no recording shows a change), `accuracy`,
            `calibration error`, `seconds`.
        """
        pairs = self.pairs if pairs is None else pairs
        return [self._row(pair, label) for pair in pairs for label in self.baselines]

    def lines(self) -> Iterator[dict]:
        """Every run, with its scores and the F1 of every class.

        Returns:
            iterator of dict with the keys `split`, `seed`, `source`, `target`,
            `method`, `baseline`, `macro_f1`, `accuracy`, `calibration_error`, `seconds`
            and, for each class, `F1` and its name; `segment_f1` and `event_f1` where
            recordings show changes.
        """
        for (split, seed, (source, target), label), run in self.runs.items():
            f1 = self._f1(run.labels, run.predicted)
            numbers = {
                "macro_f1": run.macro_f1,
                "accuracy": run.accuracy,
                "calibration_error": run.calibration_error,
                "seconds": run.seconds,
                **_of_events(run),
                **{f"F1 {n}": x for n, x in zip(self.class_names, f1, strict=True)},
            }
            yield {
                "split": split,
                "seed": seed,
                "source": named(source),
                "target": target,
                "method": label,
                "baseline": self.baselines[label],
                **{name: f"{number:.6g}" for name, number in numbers.items()},
            }

    def _f1(self, labels, predicted):
        several = self.are_several_labels
        size = len(self.class_names)
        return f1_per_class(labels, predicted, size, multi_label=several)

    def _row(self, pair, label):
        runs = [run for runs in self.of(pair, label) for run in runs]
        is_baseline = self.baselines[label] == label
        return {
            "source": pair[0],
            "target": pair[1],
            "method": label,
            "baseline": self.baselines[label],
            "macro F1": self.score(pair, label),
            "gain": None if is_baseline else self.gain(pair, label),
            "p": float("nan") if is_baseline else self.fold_test(pair, label),
            **{name: _mean_of(runs, name) for name in EVENTS},
            "accuracy": float(np.mean([run.accuracy for run in runs])),
            "calibration error": float(np.mean([r.calibration_error for r in runs])),
            "seconds": float(np.mean([run.seconds for run in runs])),
        }

    def _best_single(self, pair, label):
        """The pair of the one source that teaches better alone than the others."""
        singles = [(source, pair[1]) for source in sources_of(pair[0])]
        missing = [arrow(each) for each in singles if each not in self.pairs]
        if missing:
            raise ValueError(
                "Every source of a pair must have been compared by itself, too. "
                f"Received: {arrow(pair)} without {' and '.join(missing)}. "
                "Add them to `pairs` of `compare`."
            )
        return max(singles, key=lambda each: self.score(each, label).mean)

    def _pooled(self, pairs, label):
        """As `_tested`, of several pairs: F1 over all classes is the pairs' mean."""
        parts, size = [], len(self.class_names)
        for number, pair in enumerate(pairs):
            labels, subjects, predicted = self._tested(pair, label)
            shift = number * size  # classes of another pair are others
            if self.are_several_labels:
                columns = shift, (len(pairs) - 1) * size - shift
                labels = np.pad(labels, ((0, 0), columns), constant_values=-1)
                predicted = np.pad(predicted, ((0, 0), (0, 0), columns))
            else:
                labels, predicted = labels + shift, predicted + shift
            parts.append((labels, subjects, predicted))
        labels, subjects, predicted = zip(*parts, strict=True)
        return [
            np.concatenate(labels),
            np.concatenate(subjects),
            np.concatenate(predicted, axis=1),
        ]

    def _tested(self, pair, label):
        """Labels and subjects `(windows, …)`, predictions `(seeds, windows, …)`."""
        return tested(self.of(pair, label))


def _of_events(run):
    """Scores of events, where there are some."""
    if not run.shows_events:
        return {}
    return {"segment_f1": run.segment_f1, "event_f1": run.event_f1}


def _mean_of(runs, name):
    """Mean over the runs that have events; None where one has none."""
    scores = [getattr(run, name.replace(" ", "_").lower()) for run in runs]
    return None if None in scores else float(np.mean(scores))


def _listed(pair):
    return [pair] if isinstance(pair, tuple) else pair


def _difference(tested, others):
    labels, subjects, predicted = tested
    return paired_bootstrap(labels, predicted, others[2], subjects)
