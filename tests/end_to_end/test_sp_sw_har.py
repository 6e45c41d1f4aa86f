"""The two devices of SP-SW-HAR, from the publisher's file to windows."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "sp_sw_har" / "sp-sw-har-original.zip"

pytestmark = pytest.mark.tensorflow


@pytest.mark.skipif(not DATA.exists(), reason="SP-SW-HAR is not on this machine")
def test_clocks_are_set_right_and_windows_reported_and_drawn(tmp_path):
    printed = subprocess.run(
        [sys.executable, ROOT / "examples" / "sp_sw_har.py", DATA],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 23
    assert all(abs(float(found) - 0.7) < 0.01 for *_, found, _, _ in rows[1:])
    assert "0.7 s and 200 ppm put on the watch are taken away to 0." in printed
    assert "kept" in printed
    picture = tmp_path / "outputs" / "sp_sw_har" / "timeline.png"
    assert picture.stat().st_size > 10_000
