"""How far a number can be relied on."""

from typing import NamedTuple

import numpy as np

from keras_dcat.extras import require
from keras_dcat.shown import shown_as_printed
from keras_dcat.typing import ArrayLike


@shown_as_printed
class Interval(NamedTuple):
    """A mean with its interval.

    Attributes:
        mean: float.
        low: float. Lower end of the confidence interval.
        high: float. Upper end.
    """

    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What may be said of a gain.

        `"gain"` or `"loss"` where the interval lies on one side of 0, `"unclear"` where
        it does not.
        """
        if self.low > 0:
            return "gain"
        return "loss" if self.high < 0 else "unclear"

    @property
    def signed(self) -> str:
        """As a difference is written, such as `"+0.020 [-0.010, 0.050]"`."""
        return f"{'+' if self.mean >= 0 else ''}{self}"

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


class OfFew(Interval):
    """An interval over so few people that nothing may be said of others by it."""

    @property
    def verdict(self) -> str:
        """Always `"unclear"`."""
        return "unclear"


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Mean of repeated runs, with Student's t interval.

    The interval covers what varies between the values. For runs with different seeds
    it covers chance in training, not other test people.

    Args:
        values: float array `(runs,)`, at least 2. For a paired comparison, the
            differences run by run.
        confidence: float. Share of intervals that contain the true mean.

    Returns:
        `Interval`.

    Raises:
        ValueError: if there are fewer than 2 values.
        ImportError: if SciPy, which knows the distribution, is not installed.

    Example:

    >>> print(mean_interval([0.70, 0.74, 0.72]))
    0.720 [0.670, 0.770]
    """
    values = np.asarray(values, "float64")
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(
            "An interval needs at least 2 runs. "
            f"Received: values of shape {values.shape}. Run more seeds."
        )
    quantile = require("scipy.stats", extra="demo").t.ppf
    error = values.std(ddof=1) / np.sqrt(len(values))
    half = error * quantile((1 + confidence) / 2, len(values) - 1)
    mean = values.mean()
    return Interval(float(mean), float(mean - half), float(mean + half))


def transfer_table(scores: dict, baseline: str = "alone") -> str:
    """Mean scores with intervals, and differences to a baseline run by run.

    Args:
        scores: dict from a model's name to its score in each run, float array
            `(runs,)`. Run `i` of every model has the same seed.
        baseline: str. The name that the others are compared with.

    Returns:
        str. A Markdown table.

    Raises:
        ValueError: if the baseline is not among the names, or if the models do
            not have the same number of runs.

    Example:

    >>> print(transfer_table({"alone": [0.70, 0.74], "D-CAT": [0.71, 0.77]}))
    | model | macro F1 | difference to alone |
    |---|---|---|
    | alone | 0.720 [0.466, 0.974] | |
    | D-CAT | 0.740 [0.359, 1.121] | +0.020 [-0.107, 0.147] |
    """
    runs = {len(values) for values in scores.values()}
    if baseline not in scores or len(runs) != 1:
        raise ValueError(
            "Every model must have the same runs, and one must be the baseline. "
            f"Received: baseline {baseline!r}, "
            f"runs { ({name: len(v) for name, v in scores.items()}) }. "
            "Score all models after each run."
        )
    lines = [f"| model | macro F1 | difference to {baseline} |", "|---|---|---|"]
    for name, values in scores.items():
        difference = ""
        if name != baseline:
            gained = mean_interval(np.subtract(values, scores[baseline]))
            difference = f" {gained.signed}"
        lines.append(f"| {name} | {mean_interval(values)} |{difference} |")
    return "\n".join(lines)
