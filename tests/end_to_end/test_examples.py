"""Every example as a user runs it, in its quick form, on archives made here."""

import csv
import itertools
import json
import pathlib
import re
import subprocess
import sys
import wave

import av
import numpy as np
import pytest
from scipy.io import savemat

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.tensorflow


def write_utd_mhad(folder):
    """Three actions of eight people, twice each: a movement for each action."""
    rng = np.random.default_rng(0)
    for kind in ("Skeleton", "Inertial"):
        (folder / kind).mkdir(parents=True)
    for action, who, trial in itertools.product((1, 2, 3), range(1, 9), (1, 4)):
        name = f"a{action}_s{who}_t{trial}"
        angle = 2 * np.pi * action * np.linspace(0, 1, 100)[:, None]
        inertial = np.sin(angle + np.arange(6)) + 0.3 * rng.normal(size=(100, 6))
        swing = np.cos(angle[::2, 0]) + 0.1 * rng.normal(size=(20, 3, 50))
        skeleton = rng.normal(size=(20, 3, 1)) + swing
        savemat(folder / "Skeleton" / f"{name}_skeleton.mat", {"d_skel": skeleton})
        savemat(folder / "Inertial" / f"{name}_inertial.mat", {"d_iner": inertial})
    return folder


def write_digits(folder):
    """Three digits by three speakers, ten times: a pitch for each digit."""
    (folder / "recordings").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for digit, who, number in itertools.product(range(3), "abc", range(10)):
        seconds = np.arange(6000) / 8000
        tone = np.sin(2 * np.pi * 150 * (digit + 1) * seconds)
        samples = 8000 * tone + 500 * rng.normal(size=tone.shape)
        path = folder / "recordings" / f"{digit}_{who}_{number}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
    return folder


def write_uestc(folder):
    """Two activities, eight clips of 8 s each: bright or dark, with a beat."""
    rng = np.random.default_rng(0)
    lines = {"train": [], "val": [], "test": []}
    for label, number in itertools.product(range(2), range(8)):
        activity = ("1_upstairs", "2_downstairs")[label]
        clip = f"{activity}/{activity}_2020_12_30_15_36_{number:02d}"
        for kind in ("sensor", "video"):
            (folder / kind / activity).mkdir(parents=True, exist_ok=True)
        beat = 4000 * np.sin(np.arange(200)[:, None] * (label + 1) / 4 + np.arange(6))
        counts = beat + 300 * rng.normal(size=beat.shape)
        np.savetxt(folder / "sensor" / f"{clip}.csv", counts, "%d", delimiter=",")
        with av.open(str(folder / "video" / f"{clip}.mp4"), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.width = stream.height = 64
            for _ in range(200):
                grey = rng.integers(60, 100, size=(64, 64, 3)) + 90 * label
                frame = av.VideoFrame.from_ndarray(grey.astype("uint8"), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        side = "test" if number > 5 else "train"
        lines[side].append(f"data/{clip} 200 200 {label}\n")
    for side, own in lines.items():
        (folder / f"{side}.txt").write_text("".join(own))
    return folder


EXAMPLES = {
    "watch": None,
    "simulated": None,
    "utd_mhad": write_utd_mhad,
    "spoken_digits": write_digits,
    "uestc_mmea": write_uestc,
}


def printed_by(name, *options, cwd):
    """What an example prints, run as a user runs it."""
    return subprocess.run(
        [sys.executable, ROOT / "examples" / f"{name}.py", *options],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    ).stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_prints_its_tables_and_writes_its_report(tmp_path, name):
    write = EXAMPLES[name]
    data = [] if write is None else [write(tmp_path / "data")]
    if name == "utd_mhad":
        data += ["--json", tmp_path / "numbers.json", "--runs", tmp_path / "runs.npz"]
    printed = printed_by(name, *data, "--quick", cwd=tmp_path)
    folder = tmp_path / "outputs" / name
    with (folder / "report.csv").open() as file:
        runs = list(csv.DictReader(file))
    without = ("D-CAT without labels", "distillation without labels")
    methods = {"alone", "D-CAT", *(without if name == "utd_mhad" else ())}
    assert {run["method"] for run in runs} == methods
    assert all(0 <= float(run["macro_f1"]) <= 1 for run in runs)
    pairs = {(run["source"], run["target"]) for run in runs}
    for pair in pairs:
        assert " → ".join(pair) in printed
    assert list((folder / "runs").glob("*.DCAT.*"))
    page = (folder / "report.html").read_text()
    assert "D-CAT" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    if name == "utd_mhad":
        numbers = json.loads((tmp_path / "numbers.json").read_text())
        low, high = numbers["low_label_gain_ci"]
        assert low <= numbers["low_label_gain"] <= high
        assert numbers["low_label_gain_targets"] == ["accelerometer"]
        for key in ("zero_label_f1", "zero_label_distilled_f1", "all_labels_alone_f1"):
            low, high = numbers[f"{key}_ci"]
            assert 0 <= low <= numbers[key] <= high <= 1
            assert numbers[f"{key}_seeds"] == [0, 1]


@pytest.mark.slow
def test_gains_are_drawn_over_the_people_without_labels(tmp_path):
    arms = [
        f"{arm}, unlabelled people = {number}"
        for arm in ("D-CAT", "self-training")
        for number in (0, 1, 2)
    ]
    options = ["--quick", "--methods", "alone", *arms]
    printed = printed_by("unlabelled_people", *options, cwd=tmp_path)
    assert "## watch, labels of a third" in printed
    for arm in arms:
        assert f"| {arm} |" in printed
    page = (tmp_path / "outputs/unlabelled_people/report.html").read_text()
    assert "gain by unlabelled people" in page


def write_sisfall(path):
    """Two activities and a fall of four people, 10 s each, at 50 Hz."""
    rng = np.random.default_rng(0)
    subjects, activities = ("SA01", "SA02", "SA03", "SA04"), ("D01", "D15", "F01")
    clips = list(itertools.product(subjects, activities))
    counts = rng.normal(0, 30, (len(clips), 500, 9))
    counts[:, :, 1] += 256  # 1 g
    counts[2::3, 250:270] += 1500
    np.savez(
        path,
        values=counts.astype("int16").reshape(-1, 9),
        offsets=np.arange(len(clips) + 1) * 500,
        activity=np.array([activity for _, activity in clips]),
        subject=np.array([subject for subject, _ in clips]),
        trial=np.ones(len(clips), "int64"),
    )
    return path


@pytest.mark.slow
def test_falls_are_found_by_one_sigmoid_of_each_model(tmp_path):
    path = write_sisfall(tmp_path / "sisfall.npz")
    printed = printed_by("sisfall", path, "--quick", cwd=tmp_path)
    assert "4 people, 5.8% of the windows are falls" in printed
    for name in ("source", "target alone", "D-CAT, extended", "D-CAT, the paper"):
        scores = re.findall(rf"^\| {name}[^|]*\| ([\d.]+) \[", printed, re.MULTILINE)
        assert len(scores) == 2  # after the first seed, and after both
        assert all(0 <= float(score) <= 1 for score in scores)


@pytest.mark.slow
def test_a_search_draws_what_it_found_and_tests_it_on_others(tmp_path):
    few = {"trials": 2, "epochs": 1, "seeds": 1, "test-seeds": 2}
    options = [f"--{name}={count}" for name, count in few.items()]
    printed = printed_by("search", *options, cwd=tmp_path)
    assert "is best" in printed
    assert "| found |" in printed
    assert (tmp_path / "outputs" / "search" / "search.png").stat().st_size > 10_000
