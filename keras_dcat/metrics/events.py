"""How many of the things that happened were found: runs of windows, not windows."""

from typing import NamedTuple

import numpy as np

from keras_dcat.class_labels import checked_answers, checked_classes
from keras_dcat.metrics.scores import predicted_answers, predicted_classes
from keras_dcat.typing import ArrayLike


class _Run(NamedTuple):
    """Windows on end with one label: from the first to before the last."""

    label: int
    first: int
    last: int


def event_counts(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int,
    *,
    stretches: ArrayLike | None = None,
    overlap: float = 0.0,
    multi_label: bool = False,
) -> np.ndarray:
    """Counts of found, missed and false events of each class.

    An event is a run of windows on end that have one label. One that is predicted finds
    one of the same class if they overlap; each finds one, and is found once, so that
    two alarms for one fall are one too many.

    Args:
        labels: int array `(windows,)`, in the order in which they came. −1, which has
            no label, ends a run, and what is predicted there counts nowhere.
            Multi-label: 0 or 1 `(windows, labels)`, each a row of events by itself.
        predictions: int array `(windows,)`, or scores `(windows, classes)`; multi-label
            as in `f1_per_class`.
        num_classes: int. Classes, or labels.
        stretches: int array `(windows,)`, the same for windows of one recording without
            a gap, as of `windows.stretches`; all are on end unless given.
        overlap: float from 0 to below 1. The share of what two events cover together
            that both must cover, above which one finds the other.
        multi_label: bool. Whether any number of labels may hold at once.

    Returns:
        int array `(num_classes, 3)`: found, missed, and predicted in vain.

    Raises:
        ValueError: if arrays differ in length, or `overlap` makes no sense.

    Example:

    >>> fell = [0, 0, 1, 1, 1, 0, 0, 1, 0]
    >>> said = [0, 1, 1, 0, 1, 0, 0, 0, 0]
    >>> event_counts(fell, said, 2)[1].tolist()  # falls: one alarm twice, one missed
    [1, 1, 1]
    """
    if multi_label:
        labels, predictions = checked_answers(labels), predicted_answers(predictions)
    else:
        labels = checked_classes(labels, num_classes)[:, None]
        predictions = predicted_classes(predictions, num_classes)[:, None]
    whole = np.zeros(len(labels), int) if stretches is None else np.asarray(stretches)
    if labels.shape != predictions.shape or whole.shape != labels.shape[:1]:
        raise ValueError(
            "There must be a prediction, and a stretch, for each label. "
            f"Received: labels {labels.shape}, predictions {predictions.shape}, "
            f"stretches {whole.shape}. Give those of the same windows."
        )
    if not 0 <= overlap < 1:
        raise ValueError(
            "`overlap` must be a share from 0 to below 1. "
            f"Received: {overlap=}. Take 0.5 for segments that match by half."
        )
    counts = np.zeros((num_classes, 3), int)
    for column in range(labels.shape[1]):
        known = labels[:, column] >= 0
        # A window without a label parts those around it.
        parts = whole[known], np.cumsum(~known)[known]
        true, said = (each[known, column] for each in (labels, predictions))
        runs, found = _runs(true, parts), _runs(said, parts)
        if multi_label:  # only "yes" happens
            runs, found = ([r for r in each if r.label == 1] for each in (runs, found))
        for number in [column] if multi_label else range(num_classes):
            label = 1 if multi_label else number
            own, others = (
                [r for r in each if r.label == label] for each in (runs, found)
            )
            hits = _matched(own, others, overlap)
            counts[number] += hits, len(own) - hits, len(others) - hits
    return counts


def event_f1(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int,
    *,
    stretches: ArrayLike | None = None,
    background: int | None = None,
    multi_label: bool = False,
) -> float:
    """Mean F1 over classes of events, which are found by any overlap.

    Args:
        labels: as in `event_counts`.
        predictions: likewise.
        num_classes: int. Classes, or labels.
        stretches: as in `event_counts`.
        background: int. The class that is no event, such as "no fall"; none unless
            given.
        multi_label: bool. Whether any number of labels may hold at once.

    Returns:
        float; NaN if nothing happened and nothing was said.

    Raises:
        ValueError: as `event_counts`.

    Example:

    >>> fell = [0, 0, 1, 1, 1, 0, 0, 1, 0]
    >>> event_f1(fell, [0, 1, 1, 0, 1, 0, 0, 0, 0], 2, background=0)
    0.5
    """
    counts = event_counts(
        labels,
        predictions,
        num_classes,
        stretches=stretches,
        multi_label=multi_label,
    )
    return _f1(counts, background)


def segment_f1(
    labels: ArrayLike,
    predictions: ArrayLike,
    num_classes: int,
    *,
    stretches: ArrayLike | None = None,
    background: int | None = None,
    overlap: float = 0.5,
    multi_label: bool = False,
) -> float:
    """Mean F1 over classes of segments, which must begin and end about where they do.

    Args:
        labels: as in `event_counts`.
        predictions: likewise.
        num_classes: int. Classes, or labels.
        stretches: as in `event_counts`.
        background: int. The class that is no segment; none unless given.
        overlap: float. As in `event_counts`: 0.5 is what is called F1@50.
        multi_label: bool. Whether any number of labels may hold at once.

    Returns:
        float; NaN if there is no segment.

    Raises:
        ValueError: as `event_counts`.

    Example:

    >>> segment_f1([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1], 2)
    1.0
    >>> said = [0, 1, 0, 1, 1, 1]  # one window is wrong, and parts a segment
    >>> round(segment_f1([0, 0, 0, 1, 1, 1], said, 2), 3)
    0.333

    Reference:
        Lea et al., 2017, [Temporal convolutional networks for action segmentation and
        detection](https://arxiv.org/abs/1611.05267).
    """
    counts = event_counts(
        labels,
        predictions,
        num_classes,
        stretches=stretches,
        overlap=overlap,
        multi_label=multi_label,
    )
    return _f1(counts, background)


def _runs(labels, parts):
    """Where a label, or a part, is another than before."""
    if not len(labels):
        return []
    begins = np.ones(len(labels), bool)
    columns = (labels, *parts)
    begins[1:] = np.any([each[1:] != each[:-1] for each in columns], axis=0)
    firsts = np.flatnonzero(begins)
    lasts = [*firsts[1:].tolist(), len(labels)]
    return [_Run(int(labels[a]), int(a), b) for a, b in zip(firsts, lasts, strict=True)]


def _matched(runs, found, overlap):
    """How many runs are found, each by one; both are in order and do not overlap."""
    hits, at = 0, 0
    for each in found:
        while at < len(runs) and runs[at].last <= each.first:
            at += 1
        for place in range(at, len(runs)):
            run = runs[place]
            if run.first >= each.last:
                break
            both = min(run.last, each.last) - max(run.first, each.first)
            either = max(run.last, each.last) - min(run.first, each.first)
            if both / either > overlap or both == either:
                hits, at = hits + 1, place + 1
                break
    return hits


def _f1(counts, background):
    counts = np.delete(counts, [] if background is None else background, axis=0)
    hits, missed, vain = counts.T.astype("float64")
    seen = 2 * hits + missed + vain
    f1 = np.divide(2 * hits, seen, out=np.full(len(counts), np.nan), where=seen > 0)
    return float(np.nanmean(f1)) if np.isfinite(f1).any() else float("nan")
