"""What people would rather look at than read."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from keras_dcat.diagnosis.diagnosis import Diagnosis
from keras_dcat.extras import require
from keras_dcat.files import written_whole
from keras_dcat.recordings import Recording
from keras_dcat.windows import WindowIndex


def plot_timeline(
    path: str | os.PathLike,
    recording: Recording,
    index: WindowIndex | None = None,
    max_gap: float = 0.25,
):
    """When each stream of a recording ran, where its gaps are, and the windows.

    Args:
        path: str or path of the PNG (or SVG, PDF) to write.
        recording: `Recording`.
        index: `WindowIndex` that has windows of it, found by its session, to show
            which were kept.
        max_gap: float. Seconds without a sample that count as a gap.

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
    figure = _figure(11, 0.8 + 0.55 * len(rows))
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
    return _saved(figure, path)


def _figure(width, height):
    # Not pyplot: a figure of its own needs no display and leaves none behind.
    figures = require("matplotlib.figure", extra="demo")
    return figures.Figure(figsize=(width, height), layout="constrained")


def _saved(figure, path):
    with written_whole(pathlib.Path(path)) as part:
        figure.savefig(part, dpi=120)
    return figure


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


def plot_transfer(
    path: str | os.PathLike,
    curves: dict,
    f1: dict,
    class_names: Sequence[str],
    title: str = "",
):
    """Training curves and per-class F1 of several targets, side by side.

    Lines and bars are means over runs; bands and whiskers show their standard
    deviation.

    Args:
        path: str or path of the PNG (or SVG, PDF) to write.
        curves: dict from a target's name to its classification loss, array
            `(runs, epochs)`.
        f1: dict from a model's name to its F1, array `(runs, classes)`. Models
            that have no curve, such as the source, may be among them.
        class_names: list of str.
        title: str.

    Returns:
        the `matplotlib.figure.Figure`, which a notebook shows.

    Raises:
        ValueError: if a target has curves but no F1.
        ImportError: if matplotlib is not installed.
    """
    if not set(curves) <= set(f1):
        raise ValueError(
            "Every target with `curves` must have an `f1`. "
            f"Received: curves of {sorted(curves)}, F1 of {sorted(f1)}. "
            "Use the same names in both."
        )
    figure = _figure(11, 4.2)
    losses, bars = figure.subplots(1, 2, width_ratios=[2, 3])
    colors = {name: f"C{position}" for position, name in enumerate(f1)}
    for name, runs in curves.items():
        runs = np.asarray(runs)
        epochs = np.arange(1, runs.shape[1] + 1)
        mean, spread = runs.mean(axis=0), runs.std(axis=0)
        losses.plot(epochs, mean, color=colors[name])
        losses.fill_between(
            epochs, mean - spread, mean + spread, color=colors[name], alpha=0.2
        )
    losses.set(xlabel="epoch", ylabel="classification loss, training subjects")

    width = 0.8 / len(f1)
    classes = np.arange(len(class_names))
    for position, (name, runs) in enumerate(f1.items()):
        runs = np.asarray(runs)
        bars.bar(
            classes + (position - (len(f1) - 1) / 2) * width,
            runs.mean(axis=0),
            width,
            yerr=runs.std(axis=0),
            error_kw={"linewidth": 1},
            color=colors[name],
            label=name,
        )
    figure.legend(loc="outside upper right", ncols=len(f1), frameon=False)
    bars.set_xticks(classes, class_names, rotation=35, ha="right")
    bars.set(ylim=(0, 1), ylabel="F1, subjects never seen")
    for axes in (losses, bars):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    figure.suptitle(title, x=0.01, ha="left")
    return _saved(figure, path)


def plot_search(path: str | os.PathLike, tuner, setting: str):
    """How good the trials of a search were, over one of its settings.

    Each trial is a point, and the best one is named. A range of two decades or more
    has a logarithmic axis.

    Args:
        path: str or path of the PNG (or SVG, PDF) to write.
        tuner: tuner of KerasTuner that has searched.
        setting: str. Name of what was searched, such as `"transfer_weight"`.

    Returns:
        the `matplotlib.figure.Figure`, which a notebook shows.

    Raises:
        ValueError: if no trial is complete, or none has such a setting.
        ImportError: if matplotlib is not installed.
    """
    trials = [
        trial for trial in tuner.oracle.trials.values() if trial.score is not None
    ]
    if not trials or setting not in trials[0].hyperparameters.values:
        known = sorted(trials[0].hyperparameters.values) if trials else []
        raise ValueError(
            "`setting` must be one of those of the search, which must have ended. "
            f"Received: {setting!r}, and {len(trials)} trials with {known}. "
            "Search first, and name what was searched."
        )
    trials.sort(key=lambda trial: trial.hyperparameters.get(setting))
    values = [trial.hyperparameters.get(setting) for trial in trials]
    scores = [trial.score for trial in trials]
    best = tuner.oracle.get_best_trials()[0]
    chosen = best.hyperparameters.get(setting)
    figure = _figure(6, 4)
    axes = figure.subplots()
    axes.plot(values, scores, "o-", color="C0", linewidth=0.8)
    shown = f"{chosen:.3g}" if isinstance(chosen, float) else str(chosen)
    axes.plot([chosen], [best.score], "o", color="C1", label=f"best: {shown}")
    if isinstance(chosen, float) and min(values) > 0 and max(values) > 99 * min(values):
        axes.set_xscale("log")
    axes.set(xlabel=setting, ylabel=tuner.oracle.objective.name)
    axes.legend()
    return _saved(figure, path)


def plot_diagnosis(diagnosis: Diagnosis, path: str | os.PathLike | None = None):
    """What is known of a transfer before it is trained, on one page.

    Macro F1 of both models, who is right where, which classes the source may teach,
    and whether pairs belong together.

    Args:
        diagnosis: `Diagnosis`, from `keras_dcat.diagnose`.
        path: str or path of the PNG (or SVG, PDF) to write. Nothing is written
            unless given.

    Returns:
        the `matplotlib.figure.Figure`.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    figure = _figure(11, 8)
    (f1, cells), (classes, pairs) = figure.subplots(2, 2)
    for position, name in enumerate(("source", "target")):
        scores = getattr(diagnosis, f"{name}_f1")
        bars = f1.bar(np.arange(2) + 0.4 * position, scores, 0.36, label=name)
        f1.bar_label(bars, fmt="{:.2f}", label_type="center", color="white")
    f1.hlines(
        diagnosis.fusion_f1, 0.75, 1.65, color="black", linestyle=":", label="both"
    )
    f1.set_xticks(np.arange(2) + 0.2, ["training", "held-out"])
    f1.set(ylim=(0, 1.1), ylabel="macro F1")
    f1.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)

    names = (("both", "source only"), ("target only", "neither"))
    shares = np.array([[diagnosis.agreement[name] for name in row] for row in names])
    cells.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        cells.text(
            column,
            row,
            f"{share:.0%}",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "black",
        )
    cells.set_xticks([0, 1], ["target right", "target wrong"])
    cells.set_yticks([0, 1], ["source right", "source wrong"])
    cells.set_title("held-out windows", fontsize="medium")

    _plot_coverage(classes, diagnosis)
    told = diagnosis.predictability
    bars = pairs.bar(
        ["as they are", "of one class", "at random"],
        [told.r2, told.same_class_r2, told.mispaired_r2],
        0.6,
        color=["C2", "0.6", "0.8"],
    )
    pairs.bar_label(
        bars, ["", f"p = {told.same_class_p:.3f}", f"p = {told.mispaired_p:.3f}"]
    )
    pairs.axhline(0, color="black", linewidth=0.8)
    pairs.margins(y=0.15)
    pairs.set(ylabel="R² of the source's KᵀV", xlabel="paired with target windows")
    for axes in (f1, classes, pairs):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x" if axes is classes else "y", alpha=0.3)
    figure.suptitle(f"Expected: {diagnosis.verdict}", x=0.01, ha="left")
    return figure if path is None else _saved(figure, path)


def _plot_coverage(axes, diagnosis):
    """Share of training windows that may teach, class by class, and out of fold."""
    kinds = {"mask": diagnosis.coverage, "out of fold": diagnosis.out_of_fold_coverage}
    kinds = {label: coverage for label, coverage in kinds.items() if coverage}
    height = 0.8 / len(kinds)
    for position, (label, coverage) in enumerate(kinds.items()):
        rows = np.arange(len(coverage)) + position * height
        axes.barh(rows, list(coverage.values()), 0.9 * height, label=label)
    ticks = np.arange(len(diagnosis.coverage)) + (len(kinds) - 1) * height / 2
    axes.set_yticks(ticks, list(diagnosis.coverage))
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="training windows that the source gets right")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
