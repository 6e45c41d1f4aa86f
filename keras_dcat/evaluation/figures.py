"""Pictures of results: gains, who teaches whom, classes, training and settings."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from keras_dcat.evaluation.confidence_intervals import Interval
from keras_dcat.evaluation.drawing import INK, Drawing, one_line
from keras_dcat.extras import require

_GAIN, _LOSS = "#2f7fc1", "#d9680f"
_LOOKS = {"gain": (_GAIN, "^"), "loss": (_LOSS, "v"), "unclear": ("#8a929c", "o")}
_OTHERS = (_GAIN, _LOSS, "#1a9e77", "#c06ba0", "#c99700", "#6f6bc4", "#4fb0d9")
# Nothing is transparent, so that it is on a dark page what it is on a light one.
_FROM_NONE_TO_ALL = [(0, f"{_GAIN}00"), (1, f"{_GAIN}ff")]
_FROM_LOSS_TO_GAIN = [(0, f"{_LOSS}ff"), (0.5, f"{_LOSS}00"), (0.5, f"{_GAIN}00")]
_FROM_LOSS_TO_GAIN += [(1, f"{_GAIN}ff")]


def gain_intervals(title: str, groups: Mapping[str, Mapping[str, Interval]]) -> str:
    """Gains with their intervals, below one another, beside a line at 0.

    Args:
        title: str. What is shown. It must differ from that of any other figure in the
            page, as what the SVG refers to within itself is named after it.
        groups: dict from the name of a group, such as a pair of modalities, to a dict
            from a method to its gain.

    Returns:
        str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    rows: list[tuple[str, Interval | None]] = []
    for group, intervals in groups.items():
        if max(map(len, groups.values())) == 1 < len(groups):
            rows += [(group, interval) for interval in intervals.values()]
            continue
        rows += [(group, None)] if len(groups) > 1 else []
        rows += intervals.items()
    with Drawing(title, 0.7 + 0.26 * len(rows)) as drawing:
        axes = drawing.axes
        axes.axvline(0, color=INK, linewidth=0.8)
        for row, (_, interval) in enumerate(rows):
            if interval is None:
                continue
            color, marker = _LOOKS[interval.verdict]
            axes.plot([interval.low, interval.high], [row, row], color=color)
            axes.plot(interval.mean, row, marker, color=color, markersize=7)
        axes.set_yticks(range(len(rows)), [one_line(name) for name, _ in rows])
        for name, (_, interval) in zip(axes.get_yticklabels(), rows, strict=True):
            name.set_fontweight("bold" if interval is None else "normal")
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="gain in macro F1")
        axes.locator_params(axis="x", nbins=5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
    return drawing.svg


def transfer_matrix(title: str, gains: Mapping[tuple[str, str], Interval]) -> str:
    """Who teaches whom: a row for each source, a column for each target.

    Args:
        title: str, as in `gain_intervals`.
        gains: dict from `(source, target)` to the gain.

    Returns:
        str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    sources, targets = zip(*gains, strict=True)
    names = dict.fromkeys([*sources, *targets])  # both sides in the same order
    sources, targets = ([n for n in names if n in side] for side in (sources, targets))
    values = np.ma.masked_all((len(sources), len(targets)))
    for (source, target), gain in gains.items():
        values[sources.index(source), targets.index(target)] = gain.mean
    # What is unclear is pale, as its interval is wide for its size.
    largest = np.abs([gain[1:] for gain in gains.values()]).max() or 1.0
    with Drawing(title, 1.0 + 0.62 * len(sources)) as drawing:
        axes = drawing.axes
        _cells(axes, values, _FROM_LOSS_TO_GAIN, -largest, largest)
        for (source, target), gain in gains.items():
            place = targets.index(target), sources.index(source)
            dark = abs(gain.mean) > 0.6 * largest
            sign = {"gain": " ▲", "loss": " ▼", "unclear": ""}[gain.verdict]
            _write(axes, *place, f"{gain.mean:+.3f}{sign}", dark, 10, va="bottom")
            ends = f"{gain.low:+.2f} to {gain.high:+.2f}"
            _write(axes, *place, ends, dark, min(8.5, 28 / len(targets)), va="top")
        _name_cells(axes, sources, targets)
        axes.set(xlabel="learns", ylabel="teaches")
    return drawing.svg


def class_changes(title: str, changes: Mapping[str, float]) -> str:
    """By how much F1 changes, from the class that gains most to the one that loses.

    Args:
        title: str, as in `gain_intervals`.
        changes: dict from a class to its change. Those that are NaN are left out.

    Returns:
        str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    known = [(name, x) for name, x in changes.items() if np.isfinite(x)]
    known.sort(key=lambda item: -item[1])
    with Drawing(title, 0.7 + 0.19 * len(known)) as drawing:
        axes = drawing.axes
        values = [x for _, x in known]
        axes.barh(
            range(len(known)),
            values,
            color=[_GAIN if x >= 0 else _LOSS for x in values],
        )
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(known)), [one_line(name) for name, _ in known])
        axes.tick_params(axis="y", length=0, labelsize=8.5)
        axes.set(ylim=(len(known) - 0.4, -0.6), xlabel="change of F1")
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
    return drawing.svg


def confusion(title: str, class_names: Sequence[str], counts: np.ndarray) -> str:
    """How often each class is taken for which; percentages where there is room.

    Args:
        title: str, as in `gain_intervals`.
        class_names: list of str.
        counts: float array `(true classes, predicted classes)`.

    Returns:
        str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    few = len(class_names) <= 10
    with Drawing(title, max(4.2, 0.2 * len(class_names))) as drawing:
        axes = drawing.axes
        _cells(axes, shares, _FROM_NONE_TO_ALL, 0, 1)
        if few:
            for (row, column), share in np.ndenumerate(shares):
                if share >= 0.005:
                    _write(axes, column, row, f"{100 * share:.0f}", share > 0.6, 8.5)
        _name_cells(axes, class_names, class_names, 8.5 if few else 7, upright=True)
        axes.set(xlabel="taken for", ylabel="true class")
    return drawing.svg


def training_curves(
    title: str, losses: Mapping[str, np.ndarray], baselines: Collection[str]
) -> str:
    """Mean loss by epoch, with a band of one standard deviation over seeds.

    Args:
        title: str, as in `gain_intervals`.
        losses: dict from a method to a float array `(seeds, epochs)`.
        baselines: which of the methods are baselines. They are dashed.

    Returns:
        str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    columns = 2 if max(map(len, losses)) < 22 else 1
    with Drawing(title, 2.9 + 0.2 * len(losses) / columns) as drawing:
        axes = drawing.axes
        others = [name for name in losses if name not in baselines]
        for name, runs in losses.items():
            line = {"color": INK, "linestyle": "--", "linewidth": 1.2}
            if name in others:
                line = {"color": _OTHERS[others.index(name) % len(_OTHERS)]}
            epochs = np.arange(1, runs.shape[1] + 1)
            mean, spread = runs.mean(axis=0), runs.std(axis=0)
            band = mean, mean - spread, mean + spread
            _banded(axes, epochs, band, 0.15, label=one_line(name), **line)
        axes.set(xlabel="epoch", ylabel="classification loss")
        axes.locator_params(axis="x", integer=True)
        axes.margins(x=0.01)
        axes.grid(axis="y")
        drawing.figure.legend(loc="outside lower center", ncols=columns, fontsize=9)
    return drawing.svg


def setting_curve(
    title: str,
    name: str,
    settings: Sequence[float],
    taught: Sequence[Interval],
    alone: Sequence[Interval],
) -> str:
    """Macro F1 over a setting, taught and alone, with intervals as bands.

    Settings that are not negative and of different orders of magnitude stand on a
    symmetric logarithmic axis, on which there is a place for 0.

    Args:
        title: str, as in `gain_intervals`.
        name: str. What the setting is, or its unit.
        settings: list of float.
        taught: list of `Interval`, one for each setting.
        alone: list of `Interval`, of the baseline of each.

    Returns:
        str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    order = np.argsort(settings)
    x = np.asarray(settings, "float64")[order]
    with Drawing(title, 3.2) as drawing:
        axes = drawing.axes
        for label, scores, line in (
            ("alone", alone, {"color": INK, "linestyle": "--", "linewidth": 1.2}),
            ("taught", taught, {"color": _GAIN, "marker": "o", "markersize": 5}),
        ):
            _banded(axes, x, np.array(scores)[order].T, 0.13, label=label, **line)
        least = x[x > 0].min(initial=np.inf)
        if x.min() >= 0 and x.max() > 20 * least:
            axes.set_xscale("symlog", linthresh=least)
            axes.set_xticks(x, [f"{value:g}" for value in x])
            axes.minorticks_off()
        axes.set(xlabel=name, ylabel="macro F1")
        axes.grid(axis="y")
        drawing.figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return drawing.svg


def gain_curves(
    title: str,
    name: str,
    settings: Sequence[float],
    gains: Mapping[str, Sequence[Interval]],
) -> str:
    """The gain of several methods over a setting, with intervals as bands.

    Args:
        title: str, as in `gain_intervals`.
        name: str. What the setting is.
        settings: list of float.
        gains: dict from a method to a list of `Interval`, one for each setting.

    Returns:
        str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    order = np.argsort(settings)
    x = np.asarray(settings, "float64")[order]
    with Drawing(title, 3.6) as drawing:
        axes = drawing.axes
        axes.axhline(0, color=INK, linewidth=0.8)
        for number, (label, intervals) in enumerate(gains.items()):
            line = {"color": _OTHERS[number % len(_OTHERS)], "marker": "o"}
            band = np.array(intervals)[order].T
            _banded(axes, x, band, 0.1, label=one_line(label), markersize=5, **line)
        axes.set(xlabel=name, ylabel="gain in macro F1")
        axes.grid(axis="y")
        drawing.figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return drawing.svg


def _banded(axes, x, band, opacity, *, color, **line):
    """A line along the first of a band's three rows, filled between the others."""
    mean, low, high = band
    axes.plot(x, mean, color=color, **line)
    axes.fill_between(x, low, high, color=color, alpha=opacity, linewidth=0)


def _cells(axes, values, shades, low, high):
    colors = require("matplotlib.colors", extra="plots")
    shades = colors.LinearSegmentedColormap.from_list("shades", shades)
    axes.imshow(
        values, shades, vmin=low, vmax=high, interpolation="none", aspect="auto"
    )


def _name_cells(axes, rows, columns, size=10, upright=False):
    axes.set_yticks(range(len(rows)), [one_line(name) for name in rows], fontsize=size)
    axes.set_xticks(
        range(len(columns)),
        [one_line(name, 20) for name in columns],
        fontsize=size,
        rotation=90 if upright else 0,
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _write(axes, x, y, text, dark, size, va="center"):
    color = "#ffffff" if dark else INK
    text = text.replace("-", "\N{MINUS SIGN}")
    axes.text(x, y, text, ha="center", va=va, fontsize=size, color=color)
