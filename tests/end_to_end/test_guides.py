"""Every guide runs as it stands."""

import pathlib
import subprocess
import sys

import pytest

GUIDES = sorted((pathlib.Path(__file__).parents[2] / "docs" / "guides").glob("*.py"))


# What a reader is to see, guide by guide.
FINDINGS = {
    "two_clocks": [
        "Mend them first",
        "longest step is 1.0",
        "subject 1: +0.7",
        "after",
        "dropped: gap",
    ]
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_runs_and_shows_what_it_is_about(guide, tmp_path):
    printed = subprocess.run(
        [sys.executable, guide],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout
    for finding in FINDINGS[guide.stem]:
        assert finding in printed
