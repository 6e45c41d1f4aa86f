"""The demo as a user runs it, with a smaller budget."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
UTD_MHAD = ROOT.parent / "shared" / "data" / "utd_mhad" / "UTD-MHAD.zip"

pytestmark = pytest.mark.tensorflow


def run(tmp_path, *options):
    command = [sys.executable, ROOT / "examples" / "quickstart.py", "--steps", "1"]
    return subprocess.run(
        [*command, "--seeds", "2", "--output", "results", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout


def test_it_runs_on_the_watch_and_leaves_a_table_a_picture_and_a_model(tmp_path):
    printed = run(tmp_path)
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == [
        "| model",
        "| source",
        "| alone",
        "| D-CAT",
    ]
    assert "from Keras" in printed
    assert (tmp_path / "results" / "transfer.png").stat().st_size > 10_000
    assert (tmp_path / "results" / "target" / "saved_model.pb").exists()


@pytest.mark.slow
def test_it_runs_with_labels_of_everybody(tmp_path):
    assert "| D-CAT | " in run(tmp_path, "--labelled", "7")


@pytest.mark.skipif(not UTD_MHAD.exists(), reason="UTD-MHAD is not on this machine")
def test_it_runs_on_utd_mhad(tmp_path):
    printed = run(tmp_path, "--data", str(UTD_MHAD))
    assert "skeleton → accelerometer" in printed


def test_one_seed_is_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(subprocess.CalledProcessError) as error:
        run(tmp_path, "--seeds", "1")
    assert "--seeds: an interval needs 2 or more. Received: 1" in error.value.stderr


def test_it_stays_readable():
    lines = (ROOT / "examples" / "quickstart.py").read_text().splitlines()
    assert len(lines) <= 85
