"""Draws the table of gains in `evidence.md` as a forest plot, `forest.svg`."""

import html
import pathlib
import re

DOCS = pathlib.Path(__file__).parent
NUMBER = r"([+−]?\d\.\d+)"
ROW = re.compile(
    rf"^\| ([^|]+) \| ([^|]+) \| \**{NUMBER}\** \[{NUMBER}, {NUMBER}\] \| \d+ \|", re.M
)
STYLE = """.card{fill:#fff;stroke:#d0d7de}.text{fill:#1f2328}.quiet{fill:#59636e}
.axis{stroke:#59636e}.grid{stroke:#d0d7de}.no{stroke:#59636e;fill:#59636e}
.gain{stroke:#24733c;fill:#24733c}.loss{stroke:#b3261e;fill:#b3261e}
@media (prefers-color-scheme:dark){.card{fill:#161b22;stroke:#3d444d}
.text{fill:#f0f6fc}.quiet{fill:#b1bac4}.axis{stroke:#b1bac4}.grid{stroke:#3d444d}
.no{stroke:#b1bac4;fill:#b1bac4}.gain{stroke:#56c271;fill:#56c271}
.loss{stroke:#ff8a80;fill:#ff8a80}}"""
LEFT, SCALE, STEP, TOP = 470, 1700, 26, 62  # pixels: of 0, of a gain of 1, of a row


def rows(page):
    """Name, labels, gain and interval of each row of the table."""
    for name, labels, *numbers in ROW.findall(page):
        yield name, labels, *(float(x.replace("−", "-")) for x in numbers)


def drawn(page):
    """The plot, as SVG that is readable in light and dark."""
    found = list(rows(page))
    height = TOP + STEP * len(found) + 34
    bottom = height - 34
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 940 {height}" '
        'font-family="system-ui, sans-serif" font-size="13" role="img" '
        'aria-labelledby="title">',
        '<title id="title">Gains in macro F1 over the target trained alone</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="1" y="1" width="938" height="{height - 2}" rx="10"/>',
        '<text class="text" x="20" y="30" font-weight="600">Gain in macro F1 over the '
        "target trained alone, unseen people</text>",
        f'<text class="quiet" x="270" y="{TOP - 8}" font-size="12">labels of</text>',
    ]
    for tick in (-0.05, 0.0, 0.05, 0.1, 0.15):
        x = LEFT + SCALE * tick
        kind = "axis" if tick == 0 else "grid"
        words = f"{tick:+.2f}".replace("-", "−") if tick else "0"
        lines += [
            f'<path class="{kind}" d="M{x:.0f} {TOP - 4}V{bottom}"/>',
            f'<text class="quiet" x="{x:.0f}" y="{bottom + 18}" font-size="12" '
            f'text-anchor="middle">{words}</text>',
        ]
    for place, (name, labels, gain, low, high) in enumerate(found):
        y = TOP + STEP * place + STEP // 2
        kind = "gain" if low > 0 else "loss" if high < 0 else "no"
        left, middle, right = (LEFT + SCALE * x for x in (low, gain, high))
        lines += [
            f'<text class="text" x="20" y="{y + 4}">{html.escape(name)}</text>',
            f'<text class="quiet" x="270" y="{y + 4}">{html.escape(labels)}</text>',
            f'<path class="{kind}" stroke-width="2" d="M{left:.1f} {y}H{right:.1f}"/>',
            f'<circle class="{kind}" cx="{middle:.1f}" cy="{y}" r="4.5"/>',
            f'<text class="text" x="915" y="{y + 4}" text-anchor="end">'
            + f"{gain:+.3f}".replace("-", "−")
            + "</text>",
        ]
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    page = (DOCS / "evidence.md").read_text("utf-8")
    (DOCS / "forest.svg").write_text(drawn(page), "utf-8")
