"""When each stream of a recording ran, and what of it became windows."""

import os
from typing import TYPE_CHECKING

import numpy as np

from keras_dcat.plots.figure import figure_of, written
from keras_dcat.recordings import Recording
from keras_dcat.windows import WindowIndex

if TYPE_CHECKING:
    import matplotlib.figure


def plot_timeline(
    recording: Recording,
    index: WindowIndex | None = None,
    *,
    max_gap: float = 0.25,
    path: str | os.PathLike | None = None,
) -> "matplotlib.figure.Figure":
    """Streams, gaps and windows of a recording over time.

    Args:
        recording: `Recording`.
        index: `WindowIndex` that has windows of it, found by its session, to show
            which were kept.
        max_gap: float. Seconds without a sample that count as a gap.
        path: str or path of the PNG (or SVG, PDF) to write. Nothing is written unless
            given.

    Returns:
        the `matplotlib.figure.Figure`, which a notebook shows.

    Raises:
        ValueError: if no stream has a sample.
        ImportError: if matplotlib is not installed.
    """
    begun = [s.span[0] for s in recording.streams.values() if len(s)]
    if not begun:
        raise ValueError(
            "A timeline must have a sample to begin with. "
            f"Received: {recording.session!r}, whose streams "
            f"{list(recording.streams)} are empty. Leave the recording out."
        )
    origin = min(begun)
    rows = list(recording.streams) + (["windows"] if index is not None else [])
    figure = figure_of(11, 0.8 + 0.55 * len(rows))
    axes = figure.subplots()
    for row, (name, stream) in enumerate(recording.streams.items()):
        runs = _runs(stream, max_gap)
        bars = [(begin - origin, end - begin) for begin, end in runs]
        axes.broken_barh(bars, (row - 0.3, 0.6), color=f"C{row}")
        for (_, begin), (end, _) in zip(runs, runs[1:], strict=False):
            axes.broken_barh(
                [(begin - origin, end - begin)], (row - 0.3, 0.6), color="0.9"
            )
            axes.text(
                (begin + end) / 2 - origin,
                row,
                f"{end - begin:.3g} s",
                ha="center",
                va="center",
                fontsize=8,
            )
        rows[row] = f"{name}\n{1 / stream.step:.4g} Hz" if stream.step else name
    if index is not None:
        times = index.times[index.sessions == recording.session] - origin
        # Windows overlap: three lanes, so that each can be seen.
        for lane in range(3):
            bars = [(time, index.length) for time in times[lane::3]]
            axes.broken_barh(
                bars,
                (len(rows) - 1.35 + 0.25 * lane, 0.2),
                facecolor="C2",
                edgecolor="white",
            )
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel=f"seconds since {origin:.3f}", ylim=(len(rows) - 0.4, -0.6))
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(recording.session, loc="left")
    return written(figure, path)


def _runs(stream, max_gap):
    """Begin and end of every stretch of a stream without a gap."""
    if not len(stream):
        return []
    if stream.timestamps is None:
        return [stream.span]
    times = np.sort(stream.timestamps[np.isfinite(stream.timestamps)])
    breaks = np.flatnonzero(np.diff(times) > max_gap)
    begins = times[np.concatenate([[0], breaks + 1])]
    ends = times[np.append(breaks, len(times) - 1)]
    return list(zip(begins.tolist(), ends.tolist(), strict=True))
