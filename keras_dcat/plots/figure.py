"""Figures of their own, which a notebook shows and no window waits for."""

import functools
import io
import os
import pathlib
from typing import TYPE_CHECKING, Any

from keras_dcat.extras import require
from keras_dcat.storage import written_whole

if TYPE_CHECKING:
    import matplotlib.figure

_DOTS_PER_INCH = 120


def figure_of(width: float, height: float) -> "matplotlib.figure.Figure":
    """An empty figure.

    It is not one of pyplot's: it needs no display, and is gone when nobody holds it.

    Args:
        width: float. Inches.
        height: float. Inches.

    Returns:
        `matplotlib.figure.Figure`, which a notebook shows, with pyplot or without.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    return _kind()(figsize=(width, height), layout="constrained")


def written(
    figure: "matplotlib.figure.Figure", path: str | os.PathLike | None
) -> "matplotlib.figure.Figure":
    """The figure, which is written if a path is given.

    Args:
        figure: `matplotlib.figure.Figure`.
        path: str or path of the PNG (or SVG, PDF), or `None`. It appears as a whole.

    Returns:
        the figure.
    """
    if path is not None:
        with written_whole(pathlib.Path(path)) as part:
            figure.savefig(part, dpi=_DOTS_PER_INCH)
    return figure


@functools.cache
def _kind():
    figures: Any = require("matplotlib.figure", extra="plots")

    class Figure(figures.Figure):
        """What a notebook shows, whether it knows of pyplot or not."""

        def _repr_png_(self):
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
            return buffer.getvalue()

        def __reduce__(self):  # the class has no place that pickle could find
            made = super().__reduce__()
            return (_empty, (), *made[2:])

    return Figure


def _empty():
    return object.__new__(_kind())
