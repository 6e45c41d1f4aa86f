"""What was wrong with a stream's timestamps, and what became of them."""

import dataclasses

from keras_dcat.shown import shown_as_printed


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class ClockReport:
    """Errors that `mend` found in the timestamps of a stream. `print` shows a table.

    Attributes:
        samples: int. Samples that came; the sum of the next four.
        kept: int. Samples that are left.
        not_finite: int. Dropped: their time is NaN or infinite.
        repeated: int. Dropped: rows that came before, time and values alike. With
            `packets="first"` also other rows whose time is that of one before.
        jumps: int. Dropped: their time is far from that of every other sample.
        backwards: int. Steps back in time; the samples are sorted, not dropped.
        wraps: int. Periods that were added where a counter wrapped.
        resets: int. Steps back that a stream was split at, or that were sorted.
        spread: int. Samples that shared a time and were given times of their own.
        rate: float. 1 / median step, in Hz; 0 if there is no step.
        jitter: float. Median distance of a step from the median step, in seconds.
        gaps: int. Steps that are longer than five median ones.
        longest_gap: float. Seconds between two samples that are left, at most.
    """

    samples: int
    kept: int
    not_finite: int = 0
    repeated: int = 0
    jumps: int = 0
    backwards: int = 0
    wraps: int = 0
    resets: int = 0
    spread: int = 0
    rate: float = 0.0
    jitter: float = 0.0
    gaps: int = 0
    longest_gap: float = 0.0

    @property
    def lost(self) -> float:
        """Share of the samples that came and are not left, from 0 to 1."""
        return 1 - self.kept / self.samples if self.samples else 0.0

    def __str__(self) -> str:
        counts = {
            "dropped: time not finite": self.not_finite,
            "dropped: repeated": self.repeated,
            "dropped: time far from all others": self.jumps,
            "steps backwards, sorted": self.backwards,
            "periods added where a counter wrapped": self.wraps,
            "steps back that were told to be resets": self.resets,
            "samples that shared a time, spread": self.spread,
            f"gaps; the longest step is {self.longest_gap:.3f} s": self.gaps,
        }
        lost = f", {100 * self.lost:.3g} % lost" if self.lost else ""
        lines = [f"{self.kept} of {self.samples} samples kept{lost}"]
        lines += [f"  {count:8d}  {what}" for what, count in counts.items() if count]
        lines += [f"  {self.rate:8.2f}  Hz, steps vary by {1e3 * self.jitter:.1f} ms"]
        if 0 < self.rate < 0.5:
            lines += [f"  {1e3 * self.rate:8.2f}  Hz if the times are milliseconds"]
        return "\n".join(lines)
