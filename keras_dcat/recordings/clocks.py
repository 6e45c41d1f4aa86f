"""Timestamps in any state are brought in order, and it is said what was done."""

import dataclasses

import numpy as np

from keras_dcat.recordings.recording import Stream


@dataclasses.dataclass(frozen=True)
class ClockReport:
    """What was wrong with the timestamps of a stream; `kept` and the rest add up.

    Attributes:
        samples: int. Samples that came.
        kept: int. Samples that are left.
        not_finite: int. Dropped: their time is NaN or infinite.
        repeated: int. Dropped: their time is that of a sample that came before.
        backwards: int. Steps back in time; the samples are sorted, not dropped.
        longest_gap: float. Seconds between two samples that are left, at most.
    """

    samples: int
    kept: int
    not_finite: int
    repeated: int
    backwards: int
    longest_gap: float

    def __str__(self) -> str:
        return (
            f"{self.kept} of {self.samples} samples kept; {self.not_finite} without a "
            f"finite time and {self.repeated} with a repeated one dropped; "
            f"{self.backwards} steps backwards sorted; "
            f"longest gap {self.longest_gap:.3f} s"
        )


def mend(stream: Stream) -> tuple[Stream, ClockReport]:
    """Brings a stream's timestamps into a finite, rising order.

    Samples without a finite time are dropped, the others sorted by it; of those
    that have the same time the first is kept. A stream that has a rate is in
    order already and comes back as it is. Nothing is changed in place.

    Args:
        stream: `Stream`.

    Returns:
        `(stream, report)`: a `Stream` whose timestamps rise, and a `ClockReport`.

    Example:

    >>> broken = Stream(np.arange(4)[:, None], timestamps=[0.0, 0.2, np.nan, 0.1])
    >>> mended, report = mend(broken)
    >>> mended.times.tolist(), mended.values[:, 0].tolist()
    ([0.0, 0.1, 0.2], [0, 3, 1])
    >>> report.not_finite, report.backwards
    (1, 1)
    """
    times = stream.times
    finite = np.flatnonzero(np.isfinite(times))
    steps = np.diff(times[finite])
    order = finite[np.argsort(times[finite], kind="stable")]
    is_first = np.diff(times[order], prepend=-np.inf) > 0
    kept = order[is_first]
    gaps = np.diff(times[kept])
    report = ClockReport(
        samples=len(times),
        kept=len(kept),
        not_finite=len(times) - len(finite),
        repeated=len(order) - len(kept),
        backwards=int(np.count_nonzero(steps < 0)),
        longest_gap=float(gaps.max(initial=0.0)),
    )
    if stream.rate is not None or len(kept) == len(times) and not report.backwards:
        return stream, report
    return Stream(np.asarray(stream.values)[kept], timestamps=times[kept]), report
