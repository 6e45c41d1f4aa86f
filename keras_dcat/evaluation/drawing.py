"""A picture that stands in a page by itself, and looks as the page does."""

import html
import io
import re
import warnings

from keras_dcat.extras import require

INK = "#010203"
"""Stands for the colour of the text around the picture."""

_WIDTH = 4.4  # inches: still read when it is shrunk to a phone
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "grid.alpha": 0.15,
    "grid.color": INK,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


class Drawing:
    """Axes to draw on within a `with`, and the SVG that they become at its end.

    The SVG has no metadata and needs no other file; its text and lines take the colour
    and font of the page that it is put into.

    Args:
        title: str. What is shown. It must differ from that of any other figure in the
            page, as what the SVG refers to within itself is named after it.
        height: float. Inches. The width is the same for all.

    Attributes:
        figure: `matplotlib.figure.Figure`.
        axes: `matplotlib.axes.Axes`.
        svg: str, an `<svg>` element.

    Raises:
        ImportError: if matplotlib is not installed.

    Example:

    >>> with Drawing("a line", height=2.0) as drawing:
    ...     _ = drawing.axes.plot([0, 1], [0, 1], color=INK)
    >>> drawing.svg[-6:]
    '</svg>'
    """

    def __init__(self, title: str, height: float):
        self._title, self._size = title, (_WIDTH, height)

    def __enter__(self):
        # Not as the reader's matplotlib is set up: the same results, the same bytes.
        style = require("matplotlib.style", extra="plots")
        self._context = style.context(
            ["default", _STYLE, {"svg.hashsalt": self._title}]
        )
        self._context.__enter__()
        # Not pyplot: a figure of its own needs no display and leaves none behind.
        figures = require("matplotlib.figure", extra="plots")
        self.figure = figures.Figure(figsize=self._size, layout="constrained")
        self.axes = self.figure.subplots()
        return self

    def __exit__(self, kind, *error):
        try:
            if kind is None:
                self.svg = self._rendered()
        finally:
            self._context.__exit__(kind, *error)

    def _rendered(self):
        file = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        with warnings.catch_warnings():
            # The reader's browser draws the letters, and has them.
            warnings.filterwarnings("ignore", "Glyph")
            self.figure.savefig(file, format="svg", metadata=nothing)
        # Elements are numbered alike in all figures; nothing refers to the numbers.
        svg = re.sub(r' id="[\w.]+_\d+"', "", file.getvalue())
        inside = svg[svg.index(">", svg.index("<svg")) + 1 :]
        width, height = (f"{72 * inches:g}" for inches in self._size)
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" '
            'xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {width} {height}" '
            f'role="img" aria-label="{html.escape(self._title)}">'
            + inside.replace(INK, "currentColor").strip()
        )


def one_line(name: str, longest: int = 28) -> str:
    """A name without line breaks, cut where there is no more room.

    Args:
        name: str.
        longest: int. Characters that there is room for.

    Returns:
        str.

    Example:

    >>> one_line("draw a circle\\ncounter-clockwise", longest=16)
    'draw a circle c…'
    """
    name = " ".join(name.split())
    return name if len(name) <= longest else name[: longest - 1] + "…"
