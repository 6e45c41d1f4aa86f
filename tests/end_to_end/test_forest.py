"""The forest plot shows what the page of evidence says."""

import pathlib
import runpy

DOCS = pathlib.Path(__file__).parents[2] / "docs"
FOREST = runpy.run_path(str(DOCS / "forest.py"))
PAGE = (DOCS / "evidence.md").read_text("utf-8")


def test_the_plot_is_drawn_from_the_table_as_it_is():
    assert (DOCS / "forest.svg").read_text("utf-8") == FOREST["drawn"](PAGE)


def test_every_row_of_the_table_is_drawn_and_bold_where_its_interval_leaves_out_0():
    table = PAGE.split("## Gains")[1].split("\n\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]
    found = list(FOREST["rows"](PAGE))
    assert len(found) == len(lines) == 15
    for line, (_, _, gain, low, high) in zip(lines, found, strict=True):
        assert low < gain < high
        assert ("**" in line) == (low > 0 or high < 0)
