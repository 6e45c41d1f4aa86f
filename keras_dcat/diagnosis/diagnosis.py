"""Whether a source will help a target, asked before hours are spent."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_dcat.class_names import checked_class_names
from keras_dcat.diagnosis.correctness import (
    agreement,
    chance_accuracy,
    coverage_by_class,
    f1_difference_interval,
    f1_of_rows,
)
from keras_dcat.diagnosis.information import Information, information
from keras_dcat.diagnosis.observations import ObservedPair
from keras_dcat.diagnosis.permutation import units_of_windows
from keras_dcat.diagnosis.predictability import Predictability, predictability
from keras_dcat.diagnosis.verdict import judge
from keras_dcat.shown import shown_as_printed
from keras_dcat.transfer.gating.coverage import answer_names
from keras_dcat.typing import ArrayLike

# Fewer cannot be cross-validated.
MIN_WINDOWS = 20


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """A prediction of whether a transfer will help, with reasons.

    `print` shows it as a small report, `keras_dcat.plots.plot_diagnosis` as a picture.
    Windows without a label count nowhere but in `num_unlabelled`. Of several labels,
    each entry that is known is right or wrong by itself; folds and intervals keep
    windows whole, and macro F1 is the mean over labels of the F1 of "yes".

    Attributes:
        verdict: `"help"`, `"neutral"` or `"harm"`: what the transfer is expected to do.
        reasons: tuple of str. Sentences with the numbers that speak for the verdict,
            then what else to look at.
        recommended: dict. Arguments for `DCATModel(source, target, **recommended)`.
        class_names: tuple of str; of one sigmoid the names of no and yes; of several
            their labels.
        num_windows: tuple of int. Labelled windows, training and held-out.
        num_unlabelled: int. Training windows without a label.
        num_groups: int. Groups of the held-out windows, or `None` without `groups`.
        source_f1: tuple of float. Macro F1 on training and on held-out windows.
        target_f1: tuple of float. Likewise.
        advantage: float. Macro F1 of the source less that of the target, held-out.
        advantage_interval: tuple of float. Its 95 % interval, over groups.
        fusion_f1: float. Held-out macro F1 of the mean of both models' probabilities.
        product_f1: float. Likewise, of their product.
        chance: float. Accuracy of a source that guesses as often each class as this
            one predicts it, on held-out windows.
        coverage: dict from a class to the share of its training windows that the
            source gets right; under `"all"`, of all windows. The paper's mask. A label
            of several has two classes, itself and `"not"` itself.
        out_of_fold_coverage: the same of the `out_of_fold` predictions, or `None`.
        agreement: dict. Shares of held-out windows that `"both"`, `"source only"`,
            `"target only"` and `"neither"` get right.
        predictability: `Predictability` of the source's `KᵀV` from the target's
            windows, and of `KᵀV` that is paired wrongly; `None` if a model has none.
        information: `Information` on the label, held-out.
        unit: str. What is right or wrong: `"windows"`, or their `"labels"` or
            `"steps"`.
        left_out: str, what was not checked and why, or `None`.
    """

    verdict: str
    reasons: tuple[str, ...]
    recommended: dict
    class_names: tuple[str, ...]
    num_windows: tuple[int, int]
    num_unlabelled: int
    num_groups: int | None
    source_f1: tuple[float, float]
    target_f1: tuple[float, float]
    advantage: float
    advantage_interval: tuple[float, float]
    fusion_f1: float
    product_f1: float
    chance: float
    coverage: dict[str, float]
    out_of_fold_coverage: dict[str, float] | None
    agreement: dict[str, float]
    predictability: Predictability | None
    information: Information
    unit: str = "windows"
    left_out: str | None = None

    @property
    def source_gap(self) -> float:
        """By how much the source's macro F1 is lower on held-out windows."""
        return self.source_f1[0] - self.source_f1[1]

    @property
    def target_gap(self) -> float:
        """By how much the target's macro F1 is lower on held-out windows."""
        return self.target_f1[0] - self.target_f1[1]

    @property
    def never_right(self) -> tuple[str, ...]:
        """Classes of which the source gets no training window right."""
        return tuple(x for x in self.class_names if self.coverage.get(x) == 0)

    def __str__(self) -> str:
        told, nats = self.predictability, self.information
        low, high = nats.added_interval
        mask = f"{self.coverage['all']:.0%} of training {self.unit} would teach"
        if self.out_of_fold_coverage is not None:
            mask += f"; out of fold {self.out_of_fold_coverage['all']:.0%}"
        pairs = []
        if told is not None:
            pairs.append(
                f"R² of the source's KᵀV from the target: {told.r2:z.3f}; paired at "
                f"random {told.mispaired_r2:z.3f} (p = {told.mispaired_p:.3f}), "
                f"within a class {told.same_class_r2:z.3f} "
                f"(p = {told.same_class_p:.3f})"
            )
        shares = ", ".join(f"{name} {x:.0%}" for name, x in self.agreement.items())
        options = "".join(f", {k}={v!r}" for k, v in self.recommended.items())
        rows = (
            ("source", *self.source_f1, self.source_gap),
            ("target", *self.target_f1, self.target_gap),
        )
        return "\n".join(
            [
                f"Expected: {self.verdict}",
                *(f"- {reason}" for reason in self.reasons),
                "",
                "macro F1   training  held-out    gap",
                *(f"{n:9}{a:10.3f}{b:10.3f}{gap:+7.3f}" for n, a, b, gap in rows),
                f"fusion   {self.fusion_f1:20.3f}",
                f"mask: {mask}",
                f"right on held-out {self.unit}: {shares}",
                *pairs,
                f"nats about the label: source {nats.source:z.3f}, target "
                f"{nats.target:z.3f}, added by the source {nats.added:z.3f} "
                f"[{low:z.3f}, {high:z.3f}]; about each other {nats.shared:z.3f}",
                f"try: DCATModel(source, target{options})",
            ]
        )


def diagnose(
    source: keras.Model,
    target: keras.Model,
    training: Any,
    held_out: Any,
    *,
    groups: ArrayLike | None = None,
    out_of_fold: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    task: str | None = None,
    source_attention: str | None = None,
    target_attention: str | None = None,
    batch_size: int = 256,
    permutations: int = 200,
    seed: int = 0,
    verbose: int = 1,
) -> Diagnosis:
    """Predicts from a trained source and target whether a transfer will help.

    Both models run once over the windows, unchanged. The verdict is

    - harm if the source is at chance, if the pairs are wrong, or if it is clearly
      weaker than the target and adds nothing about the label;
    - help if it adds something, or is clearly better, and at least a tenth of the
      training windows have no label;
    - neutral otherwise.

    It is about the default recipe. To teach by predictions alone, a source must be
    better than the target.

    Models without an `AttentionKV` are diagnosed by their predictions; the pairs are
    not checked then. Regressions, and sources that only encode, predict no classes and
    are refused.

    Args:
        source: trained `keras.Model`, as for `DCATModel`: a classifier, or one sigmoid,
            or one for each of several labels.
        target: `keras.Model`, best trained alone. An untrained one counts as one at
            chance.
        training: the windows that the models were trained on: arrays `((source_windows,
            target_windows), labels)`, or a finite `tf.data.Dataset`,
            `keras.utils.PyDataset` or other iterable of such batches.
        held_out: windows of subjects that neither model was trained on, likewise.
        groups: array `(held-out windows,)`. The subject of each, in their order: what
            cross-validation keeps whole and intervals are over. Without it windows
            count as independent, and intervals are too narrow where they overlap.
        out_of_fold: float array `(training windows, classes)`, or `(training windows,
            labels, 2)`. What sources say that were trained without the subject of a
            window, in the order of `training`: see `out_of_fold_predictions`.
        class_names: sequence of str, as in `Diagnosis`.
        task: as for `DCATModel`.
        source_attention: str. Name of the source's `AttentionKV`, if it has several.
        target_attention: str. Likewise, of the target's.
        batch_size: int. Windows in a pass over arrays.
        permutations: int. How often pairs are swapped to see what chance would give;
            p values are at least `1 / (permutations + 1)`.
        seed: int. Of folds, swaps and intervals: the same gives the same diagnosis.
        verbose: 0 for silence, 1 for a progress bar, 2 for a line at the end of one.

    Returns:
        `Diagnosis`.

    Raises:
        ValueError: if the models cannot be joined, if windows do not fit them, or if
            there are too few windows, classes or groups to judge by.

    Example:

    >>> from keras_dcat import AttentionKV
    >>> def branch(features):
    ...     inputs = keras.Input((20, features))
    ...     x = keras.layers.GlobalAveragePooling1D()(AttentionKV(key_dim=4)(inputs))
    ...     return keras.Model(inputs, keras.layers.Dense(2)(x))
    >>> rng = np.random.default_rng(0)
    >>> pairs = rng.normal(size=(40, 20, 6)), rng.normal(size=(40, 20, 3))
    >>> windows = pairs, np.arange(40) % 2
    >>> found = diagnose(branch(6), branch(3), windows, windows, verbose=0)
    >>> found.verdict  # nobody has trained the source
    'harm'
    >>> found.recommended
    {'recipe': 'extended', 'transfer_weight': 0.0}

    Reference:
        Xie et al., 2025, [Information-theoretic criteria for knowledge distillation in
        multimodal learning](https://arxiv.org/abs/2510.13182).
    """
    pair = ObservedPair(source, target, source_attention, target_attention, task)
    head = pair.head
    several = head.task == "multilabel"
    count: Any = head.size if several else head.num_classes
    names = checked_class_names(class_names, count, taken=["all"])
    covered = answer_names(names) if several else names
    seen = pair.observe(training, "training", batch_size, verbose)
    new = pair.observe(held_out, "held_out", batch_size, verbose, with_features=True)
    coverage = coverage_by_class(seen.labels, seen.source, covered, seen.kinds)
    out_of_fold_coverage = None
    if out_of_fold is not None:
        scores = np.asarray(out_of_fold)
        _check_shape("out_of_fold", scores, (len(seen.known), *head.belief_shape))
        scores = scores.reshape(*seen.known_rows.shape, -1)[seen.known_rows]
        out_of_fold_coverage = coverage_by_class(
            seen.labels, scores, covered, seen.kinds
        )
    if groups is not None:
        groups = np.asarray(groups)
        _check_shape("groups", groups, new.known.shape)
        groups = np.unique(groups[new.known], return_inverse=True)[1]
    _check_enough(new, groups)
    source_f1, target_f1 = (
        tuple(f1_of_rows(x.labels, getattr(x, side), x.kinds) for x in (seen, new))
        for side in ("source", "target")
    )
    told = new.labels, new.source, new.target, _units_of_rows(new, groups), seed
    unit = "labels" if several else "windows"
    measured = Diagnosis(
        verdict="neutral",
        reasons=(),
        recommended={},
        class_names=names,
        num_windows=(seen.num_windows, new.num_windows),
        num_unlabelled=len(seen.known) - seen.num_windows,
        num_groups=None if groups is None else len(np.unique(groups)),
        source_f1=(source_f1[0], source_f1[1]),
        target_f1=(target_f1[0], target_f1[1]),
        advantage=source_f1[1] - target_f1[1],
        advantage_interval=f1_difference_interval(*told, new.kinds),
        fusion_f1=f1_of_rows(
            new.labels, np.exp(new.source) + np.exp(new.target), new.kinds
        ),
        product_f1=f1_of_rows(new.labels, new.source + new.target, new.kinds),
        chance=chance_accuracy(new.labels, new.source, new.kinds),
        coverage=coverage,
        out_of_fold_coverage=out_of_fold_coverage,
        agreement=agreement(new.labels, new.source, new.target),
        predictability=None
        if pair.left_out
        else predictability(
            new.statistics,
            new.features,
            new.window_classes,
            groups,
            permutations,
            seed,
        ),
        information=information(*told, new.kinds),
        unit=unit if head.steps is None else "steps",
        left_out=pair.left_out,
    )
    verdict, reasons, recommended = judge(measured)
    return dataclasses.replace(
        measured,
        verdict=verdict,
        reasons=reasons,
        recommended={**recommended, **pair.options},
    )


def _units_of_rows(found, groups):
    """What folds and intervals keep whole: groups, or windows of several rows."""
    if groups is not None:
        return groups[found.window]
    if found.known_rows.shape[1] == 1:
        return None
    return units_of_windows(found.num_windows, None)[found.window]


def _check_shape(argument, values, expected):
    if values.shape != expected:
        raise ValueError(
            f"`{argument}` must have shape {expected}. "
            f"Received: shape {values.shape}. "
            "Give a row for each window, in the order in which they come."
        )


def _check_enough(found, groups):
    windows, classes = found.num_windows, len(np.unique(found.labels))
    if (
        windows < MIN_WINDOWS
        or classes < 2
        or (groups is not None and not groups.any())
    ):
        received = f"{windows} windows of {classes} classes"
        if groups is not None:
            received += f" in {groups.max() + 1} groups"
        raise ValueError(
            f"`held_out` must have at least {MIN_WINDOWS} labelled windows, of two "
            "classes and, if there are `groups`, two groups or more. "
            f"Received: {received}. Hold out more subjects."
        )
