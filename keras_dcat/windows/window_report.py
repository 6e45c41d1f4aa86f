"""How many windows there are, why the others are not, and how well they pair."""

import dataclasses

import numpy as np

from keras_dcat.shown import shown_as_printed

REASONS = (
    "stream missing",
    "gap",
    "missing values",
    "unlabelled",
    "between labels",
    "mixed labels",
    "too short",
)


@shown_as_printed
@dataclasses.dataclass(frozen=True, eq=False)
class WindowReport:
    """Counts of kept and dropped windows, with reasons.

    A window is possible wherever any stream of its recording runs. `print` shows
    it as a table, `keras_dcat.plots.plot_timeline` as a picture.

    Attributes:
        sessions: list of str, a name for each recording.
        kept: int array `(recordings,)`.
        dropped: dict from a reason to int array `(recordings,)`. A window that
            could be dropped for several counts for the first of `REASONS`.
            "unlabelled" are windows of recordings that have no label at all, "between
            labels" those without any in recordings that have some elsewhere.
        pairing_errors: float array `(kept windows,)`. Seconds between the samples
            that stand for the same moment in two streams; the worst of the
            window's first, middle and last sample.
        unlabelled: int array `(recordings,)`. Windows that are kept without a label.
        filled: int array `(recordings,)`. Windows that are kept, and in which missing
            values were interpolated.
    """

    sessions: list[str]
    kept: np.ndarray
    dropped: dict[str, np.ndarray]
    pairing_errors: np.ndarray
    unlabelled: np.ndarray
    filled: np.ndarray

    @property
    def possible(self) -> np.ndarray:
        """Windows that could have been, int array `(recordings,)`."""
        return self.kept + sum(self.dropped.values())

    def pairing_error(self) -> tuple[float, float, float]:
        """Median, 99th percentile and worst of `pairing_errors`, in seconds."""
        if not len(self.pairing_errors):
            return (float("nan"),) * 3
        median, high = np.percentile(self.pairing_errors, [50, 99])
        return float(median), float(high), float(self.pairing_errors.max())

    def __str__(self) -> str:
        lines = [f"{int(self.possible.sum())} windows are possible:"]
        lines.append(f"  {int(self.kept.sum()):8d}  kept")
        rows = {f"dropped: {reason}": counts for reason, counts in self.dropped.items()}
        of_these = {
            "of these unlabelled, kept": self.unlabelled,
            "of these with missing values, interpolated": self.filled,
        }
        for said, counts in {**of_these, **rows}.items():
            if counts.sum():
                where = int(np.count_nonzero(counts))
                lines.append(
                    f"  {int(counts.sum()):8d}  {said} "
                    f"(in {where} of {len(self.sessions)} recordings)"
                )
        if len(self.pairing_errors):
            median, high, worst = (1e3 * error for error in self.pairing_error())
            lines.append(
                "paired samples are apart by "
                f"{median:.1f} ms (median), {high:.1f} ms (99 %), "
                f"{worst:.1f} ms (worst)"
            )
        return "\n".join(lines)


def nearest_distance(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Seconds from each wanted time to the nearest of rising `times`.

    Args:
        times: float array `(samples,)`, rising, at least one.
        wanted: float array of any shape.

    Returns:
        float array of the shape of `wanted`, signed: positive where the nearest
        sample is later.

    Example:

    >>> nearest_distance(np.array([0.0, 1.0]), np.array([0.4, 0.75])).tolist()
    [-0.4, 0.25]
    """
    after = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    after = np.minimum(after, len(times) - 1)
    before = np.maximum(after - 1, 0)
    later, earlier = times[after] - wanted, times[before] - wanted
    return np.where(np.abs(later) < np.abs(earlier), later, earlier)
