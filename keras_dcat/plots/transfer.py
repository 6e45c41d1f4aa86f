"""How targets learned, and how good they are class by class."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from keras_dcat.plots.figure import figure_of, written

if TYPE_CHECKING:
    import matplotlib.figure


def plot_transfer(
    curves: dict,
    f1: dict,
    class_names: Sequence[str],
    *,
    title: str = "",
    path: str | os.PathLike | None = None,
) -> "matplotlib.figure.Figure":
    """Training curves and per-class F1 of several targets, side by side.

    Lines and bars are means over runs; bands and whiskers show their standard
    deviation.

    Args:
        curves: dict from a target's name to its classification loss, array
            `(runs, epochs)`.
        f1: dict from a model's name to its F1, array `(runs, classes)`. Models
            that have no curve, such as the source, may be among them.
        class_names: list of str.
        title: str.
        path: str or path of the PNG (or SVG, PDF) to write. Nothing is written unless
            given.

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
    figure = figure_of(11, 4.2)
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
    return written(figure, path)
