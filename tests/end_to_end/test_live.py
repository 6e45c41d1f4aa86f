"""The example that replays recordings, through a real artefact and its page."""

import re
import runpy
import subprocess
import sys
import urllib.request
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_dcat import datasets
from keras_dcat.export import Description, export_target, runner
from keras_dcat.windows import index_windows, split_by_subject
from tests.end_to_end.test_examples import write_sisfall

ROOT = Path(__file__).parents[2]
pytest.importorskip("aiohttp")
pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:In the future `np.object`:FutureWarning"),
]


def test_recordings_are_replayed_with_their_truth(tmp_path):
    names = datasets.watch.CLASS_NAMES
    index = index_windows(datasets.load_watch()[:20], 4.0, 2.0)
    who = np.unique(index.subjects)[0]
    held_out = split_by_subject(index, [who])[1]
    model = keras.Sequential(
        [
            keras.Input(index.shape("accelerometer")),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(len(names)),
        ]
    )
    done = export_target(
        model,
        tmp_path / "watch",
        held_out,
        "accelerometer",
        names,
        stride=2.0,
        formats=["litert"],
        verbose=0,
    )
    options = ["--subject", str(who), "--recordings", "2", "--port", "0"]
    options += ["--speed", "100"]
    process = subprocess.Popen(
        [sys.executable, ROOT / "examples" / "live.py", done.file("litert"), *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    url = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline()).group()
    with urllib.request.urlopen(url, timeout=10) as page:
        assert b"canvas" in page.read()
    lines = process.communicate(timeout=60)[0].splitlines()
    said = [re.search(r"s: (.*), \d+% +truth: (.*)", line) for line in lines]
    pairs = [each.groups() for each in said if each]
    own = [r for r in datasets.load_watch() if r.subject == who][:2]
    assert {truth for _, truth in pairs} == {names[r.label] for r in own}
    right = sum(label == truth for label, truth in pairs)
    assert f"Right about {right} of {len(pairs)} windows." in lines
    assert len(pairs) == sum((len(r.streams["imu"]) - 100) // 100 for r in own)


def test_falls_are_replayed_with_the_events_that_were_found(
    tmp_path, monkeypatch, capsys
):
    data = write_sisfall(tmp_path / "sisfall.npz")  # a fall is where it is strong
    path = tmp_path / "target.tflite"
    path.write_bytes(b"")
    names = datasets.sisfall.FALL_CLASS_NAMES
    shape = "accelerometer", 50.0, 2.0, 1.0, (100, 3)
    Description(names, *shape, "binary").put_into(path)

    def strong(windows):
        return (np.abs(windows).max(axis=(1, 2)) > 3)[:, None] * 0.8 + 0.1, None

    monkeypatch.setattr(runner, "load", lambda path: (strong, [], None))
    options = ["--sisfall", data, "--subject", "SA02", "--speed", "inf", "--port", "0"]
    example = str(ROOT / "examples" / "live.py")
    arguments = [example, path, *options, "--median", "1"]
    monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
    runpy.run_path(example, run_name="__main__")
    printed = capsys.readouterr().out
    assert "accelerometer of person SA02, on http://127.0.0.1:" in printed
    # Two activities are an event each, and a fall with what is before and behind.
    assert "Of 5 events 5 were found, and 0 more were said." in printed
    assert "of events 1.000." in printed
