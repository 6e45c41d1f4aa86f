"""A diagnosis on one page."""

import os
from typing import TYPE_CHECKING

import numpy as np

from keras_dcat.diagnosis.diagnosis import Diagnosis
from keras_dcat.plots.figure import figure_of, written

if TYPE_CHECKING:
    import matplotlib.figure


def plot_diagnosis(
    diagnosis: Diagnosis, *, path: str | os.PathLike | None = None
) -> "matplotlib.figure.Figure":
    """A diagnosis on one page.

    Macro F1 of both models, who is right where, which classes the source may teach,
    and whether pairs belong together.

    Args:
        diagnosis: `Diagnosis`, from `keras_dcat.diagnose`.
        path: str or path of the PNG (or SVG, PDF) to write. Nothing is written unless
            given.

    Returns:
        the `matplotlib.figure.Figure`, which a notebook shows.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    figure = figure_of(11, 8)
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
    cells.set_title(f"held-out {diagnosis.unit}", fontsize="medium")

    _plot_coverage(classes, diagnosis)
    _plot_pairs(pairs, diagnosis.predictability)
    for axes in (f1, classes, pairs):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x" if axes is classes else "y", alpha=0.3)
    figure.suptitle(f"Expected: {diagnosis.verdict}", x=0.01, ha="left")
    return written(figure, path)


def _plot_pairs(axes, told):
    """R² of `KᵀV` as windows are paired, and as they would be at random."""
    if told is None:
        words = "The pairs were not checked:\nno KᵀV."
        axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    bars = axes.bar(
        ["as they are", "of one class", "at random"],
        [told.r2, told.same_class_r2, told.mispaired_r2],
        0.6,
        color=["C2", "0.6", "0.8"],
    )
    labels = ["", f"p = {told.same_class_p:.3f}", f"p = {told.mispaired_p:.3f}"]
    axes.bar_label(bars, labels)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.margins(y=0.15)
    axes.set(ylabel="R² of the source's KᵀV", xlabel="paired with target windows")


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
    axes.set(
        xlim=(0, 1), xlabel=f"training {diagnosis.unit} that the source gets right"
    )
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
