"""Is one model better than another, for other people and other seeds, too?"""

import numpy as np

from keras_dcat.class_labels import checked_answers, checked_classes
from keras_dcat.evaluation.confidence_intervals import Interval, OfFew
from keras_dcat.extras import require
from keras_dcat.metrics.scores import predicted_answers, predicted_classes
from keras_dcat.typing import ArrayLike

# An interval over fewer says nothing of others.
FEW_PEOPLE = 3


def paired_bootstrap(
    labels: ArrayLike,
    predictions: ArrayLike,
    baseline: ArrayLike,
    subjects: ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 5000,
    seed: int = 0,
) -> Interval:
    """Gain in macro F1 over a baseline, with an interval over subjects and seeds.

    Subjects and seeds are resampled with replacement, the same for both models. The
    interval covers other people, which an interval over seeds does not. With few
    subjects it is wide.

    Args:
        labels: int array `(windows,)`. True classes of the test windows; those of −1,
            which have none, are left out. Of several labels 0 or 1 `(windows, labels)`,
            −1 or NaN where one is not known: F1 is then that of each "yes".
        predictions: int array `(seeds, windows)`. Classes that each run of the model
            predicts; of several labels 0 or 1 `(seeds, windows, labels)`.
        baseline: likewise. The same of the baseline, seed by seed.
        subjects: array `(windows,)`. Who each window is of.
        confidence: float. Share of intervals that contain the true difference.
        resamples: int. How often subjects and seeds are drawn.
        seed: int. Which are drawn.

    Returns:
        `Interval`: the difference of the mean macro F1, and percentiles of it.

    Raises:
        ValueError: if sizes do not fit, if a label or a prediction is no class, if no
            window has a label, or if there are fewer than two subjects.

    Example:

    >>> labels, subjects = np.tile([0, 1], 20), np.repeat([1, 2, 3, 4], 10)
    >>> wrong = np.where(subjects == 1, 1 - labels, labels)
    >>> gained = paired_bootstrap(labels, [labels] * 3, [wrong] * 3, subjects)
    >>> print(gained)
    0.250 [0.000, 0.750]

    Reference:
        Efron and Tibshirani, 1993, *An introduction to the bootstrap*.
    """
    labels, subjects = np.asarray(labels), np.asarray(subjects)
    runs = [np.atleast_2d(predictions), np.atleast_2d(baseline)]
    people, person = np.unique(subjects, return_inverse=True)
    fits = runs[0].shape == runs[1].shape == (len(runs[0]), *labels.shape)
    if not fits or subjects.shape != labels.shape[:1] or len(people) < 2:
        raise ValueError(
            "Both models must have a prediction for each seed and window, of two "
            f"subjects or more. Received: labels {labels.shape}, predictions "
            f"{runs[0].shape}, baseline {runs[1].shape}, {len(people)} subjects. "
            "Predict the same test windows with the same number of seeds."
        )
    counts = [_counts(labels, each, person, len(people)) for each in runs]

    def differences(weights):
        return _macro_f1(counts[0], weights) - _macro_f1(counts[1], weights)

    sizes = (len(people), len(runs[0]))
    found = _percentiles(differences, sizes, confidence, resamples, seed)
    return OfFew(*found) if len(people) < FEW_PEOPLE else found


def macro_f1_interval(
    labels: ArrayLike,
    predictions: ArrayLike,
    subjects: ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Macro F1 of one model, over test subjects and seeds.

    Args:
        labels: int array `(windows,)`. True classes of the test windows; those of −1,
            which have none, are left out. Of several labels 0 or 1 `(windows, labels)`,
            −1 or NaN where one is not known: F1 is then that of each "yes".
        predictions: int array `(seeds, windows)`. Classes that each run predicts; of
            several labels 0 or 1 `(seeds, windows, labels)`.
        subjects: array `(windows,)`. Who each window is of.
        confidence: float. Share of intervals that contain the true mean.
        resamples: int. How often subjects and seeds are drawn.
        seed: int. Which are drawn.

    Returns:
        `Interval`: the mean macro F1 of the runs, and percentiles of it; NaN for these
        where there is one subject only, who says nothing of others.

    Raises:
        ValueError: if there is not a prediction for each label and subject, if some are
            no classes, or if no window has a label.

    Example:

    >>> labels, subjects = np.tile([0, 1], 20), np.repeat([1, 2, 3, 4], 10)
    >>> wrong = np.where(subjects == 1, 1 - labels, labels)
    >>> print(macro_f1_interval(labels, [wrong] * 3, subjects))
    0.750 [0.250, 1.000]
    """
    counts = _checked_counts(labels, predictions, subjects)
    sizes = counts.shape[2], counts.shape[1]

    def scores(weights):
        return _macro_f1(counts, weights)

    return _percentiles(scores, sizes, confidence, resamples, seed)


def f1_per_class_intervals(
    labels: ArrayLike,
    predictions: ArrayLike,
    subjects: ArrayLike,
    num_classes: int,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Interval]:
    """F1 of every class, over test subjects and seeds.

    Args:
        labels: int array `(windows,)`. True classes of the test windows; those of −1,
            which have none, are left out. Of several labels 0 or 1 `(windows, labels)`,
            −1 or NaN where one is not known: F1 is then that of each "yes".
        predictions: int array `(seeds, windows)`. Classes that each run predicts; of
            several labels 0 or 1 `(seeds, windows, labels)`.
        subjects: array `(windows,)`. Who each window is of.
        num_classes: int. Classes, or labels.
        confidence: float. Share of intervals that contain the true mean.
        resamples: int. How often subjects and seeds are drawn.
        seed: int. Which are drawn.

    Returns:
        list of `Interval`, one for each class; NaN for one that is neither present nor
        predicted.

    Raises:
        ValueError: if there is not a prediction for each label and subject, if some are
            no classes, or if no window has a label.

    Example:

    >>> labels, subjects = np.tile([0, 1], 20), np.repeat([1, 2, 3, 4], 10)
    >>> wrong = np.where(subjects == 1, 1 - labels, labels)
    >>> print(f1_per_class_intervals(labels, [wrong] * 3, subjects, 2)[0])
    0.750 [0.250, 1.000]
    """
    counts = _checked_counts(labels, predictions, subjects, num_classes)
    sizes = counts.shape[2], counts.shape[1]

    def interval(number):
        return _percentiles(
            lambda weights: _f1(counts[..., number : number + 1], weights)[..., 0],
            sizes,
            confidence,
            resamples,
            seed,
        )

    return [interval(number) for number in range(num_classes)]


def _percentiles(scores, sizes, confidence, resamples, seed):
    """`scores(weights of subjects)` of every seed, as they are and drawn anew."""
    people, seeds = sizes
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(people, np.full(people, 1 / people), size=resamples)
    chosen = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    resampled = np.sum(scores(drawn) * chosen, axis=1) / seeds
    # A class may be with people who were not drawn.
    resampled = resampled[np.isfinite(resampled)]
    outside = (1 - confidence) / 2
    if not len(resampled):
        return Interval(*[float("nan")] * 3)
    low, high = np.quantile(resampled, [outside, 1 - outside])
    if people < 2:  # drawn anew, it is always the same
        low = high = float("nan")
    mean = scores(np.ones((1, people))).mean()
    return Interval(float(mean), float(low), float(high))


def corrected_t_test(
    differences: ArrayLike, train_size: float, test_size: float
) -> float:
    """Corrected t test of differences over folds.

    Folds share training windows, so their results are not independent. A plain t test
    would find too much; this one has a larger variance.

    Args:
        differences: float array `(folds,)`, or `(folds · repetitions,)`: score of a
            model less that of the baseline, fold by fold.
        train_size: float. Windows, or subjects, a fold is trained on.
        test_size: float. Windows, or subjects, it is tested on.

    Returns:
        float, the two-sided p value.

    Raises:
        ValueError: if there are fewer than two differences, or a size is not positive.
        ImportError: if SciPy, which knows the distribution, is not installed.

    Example:

    >>> round(corrected_t_test([0.03, 0.01, 0.04, 0.02], train_size=3, test_size=1), 3)
    0.085

    Reference:
        Nadeau and Bengio, 2003, [Inference for the generalization
        error](https://doi.org/10.1023/A:1024068626366).
    """
    differences = np.asarray(differences, "float64")
    if differences.ndim != 1 or len(differences) < 2 or min(train_size, test_size) <= 0:
        raise ValueError(
            "There must be two folds or more, and sizes must be positive. "
            f"Received: differences of shape {differences.shape}, {train_size=}, "
            f"{test_size=}. Give one difference for each fold."
        )
    count, mean = len(differences), differences.mean()
    variance = differences.var(ddof=1) * (1 / count + test_size / train_size)
    if variance == 0:
        return float(mean == 0)
    distribution = require("scipy.stats", extra="demo").t
    return float(2 * distribution.sf(abs(mean) / np.sqrt(variance), count - 1))


def _checked_counts(labels, predictions, subjects, classes=None):
    labels, subjects = np.asarray(labels), np.asarray(subjects)
    runs = np.atleast_2d(predictions)
    fits = runs.shape == (len(runs), *labels.shape)
    if not fits or subjects.shape != labels.shape[:1]:
        raise ValueError(
            "There must be a prediction for each seed and window. "
            f"Received: labels {labels.shape}, predictions {runs.shape}, subjects "
            f"{subjects.shape}. Predict the windows that the labels belong to."
        )
    people, person = np.unique(subjects, return_inverse=True)
    return _counts(labels, runs, person, len(people), classes)


def _counts(labels, runs, person, people, classes=None):
    """True positives, predicted and actual `(3, seeds, subjects, classes)`."""
    several = labels.ndim > 1
    labels = checked_answers(labels) if several else checked_classes(labels, classes)
    known = labels >= 0
    if not known.any():
        raise ValueError(
            "Some test windows must have a label. "
            f"Received: {len(labels)} windows without one. "
            "Test on windows whose classes are known."
        )
    if several:
        return _counts_of_labels(labels, runs, person, people)
    labels, person = labels[known], person[known]
    runs = np.stack([predicted_classes(run, classes)[known] for run in runs])
    if classes is None:
        classes = int(max(labels.max(), runs.max())) + 1
    counts = np.zeros((3, len(runs), people, classes))
    for number, predicted in enumerate(runs):
        right = predicted == labels
        np.add.at(counts[0, number], (person[right], labels[right]), 1)
        np.add.at(counts[1, number], (person, predicted), 1)
        np.add.at(counts[2, number], (person, labels), 1)
    return counts


def _counts_of_labels(labels, runs, person, people):
    """The same of the "yes" of each label, in the place of a class."""
    known = labels >= 0
    runs = np.stack([predicted_answers(run) for run in runs]) * known
    counts = np.zeros((3, len(runs), people, labels.shape[1]))
    for number, predicted in enumerate(runs):
        np.add.at(counts[0, number], person, predicted * (labels == 1))
        np.add.at(counts[1, number], person, predicted)
        np.add.at(counts[2, number], person, labels == 1)
    return counts


def _macro_f1(counts, weights):
    """Macro F1 `(resamples, seeds)`, with subjects weighted `(resamples, subjects)`."""
    return np.nanmean(_f1(counts, weights), axis=-1)


def _f1(counts, weights):
    """F1 `(resamples, seeds, classes)`, NaN for a class that is not there."""
    totals = np.tensordot(weights.astype("float64"), counts, axes=(1, 2))
    right, predicted, actual = np.moveaxis(totals, 1, 0)
    total = predicted + actual
    unseen = np.full_like(total, np.nan)
    return np.divide(2 * right, total, out=unseen, where=total > 0)
