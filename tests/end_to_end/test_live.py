"""The example that replays recordings, through a real artefact and its page."""

import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_dcat import datasets
from keras_dcat.export import export_target
from keras_dcat.windows import index_windows, split_by_subject

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
