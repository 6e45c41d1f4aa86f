"""The recipes for files that have no reader, run on files as they are written."""

import json
import pathlib
import re
import types

import av
import numpy as np
import pytest
import zarr

from keras_dcat import windows
from keras_dcat.recordings import Recording, Stream

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PAGES = "".join((DOCS / name).read_text() for name in ("recipes.md", "poses.md"))
RECIPES = {
    title: re.findall(r"```python\n(.*?)```", text, re.S)
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGES, re.M | re.S)
}
VALUES = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


def run(title, **given):
    """What the recipe of a title leaves, run in the folder that is the current one."""
    (code,) = next(codes for name, codes in RECIPES.items() if name.startswith(title))
    exec(compile(code, title, "exec"), given)
    return given["stream"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_recipe_is_code_of_at_most_sixteen_lines():
    assert len(RECIPES) == 10
    for title, codes in RECIPES.items():
        assert len(codes) == 1, title
        assert compile(codes[0], title, "exec")
        assert codes[0].count("\n") <= 16


def test_sensor_logger():
    times = 1_700_000_000_000_000_000 + np.arange(40) * 10_000_000
    rows = zip(times, VALUES.tolist(), strict=True)
    lines = [f"{t},{n / 100},{z},{y},{x}" for n, (t, (x, y, z)) in enumerate(rows)]
    text = "\n".join(["time,seconds_elapsed,z,y,x", *lines, ""])
    pathlib.Path("Accelerometer.csv").write_text(text)
    stream = run("Sensor Logger")
    np.testing.assert_allclose(stream.values, VALUES, rtol=1e-6)
    np.testing.assert_allclose(stream.times, times / 1e9, atol=1e-6)


def test_phyphox():
    head = '"Time (s)",' + ",".join(f'"Acceleration {a} (m/s^2)"' for a in "xyz")
    lines = [f"{n / 50:.9E},{x:E},{y:E},{z:E}" for n, (x, y, z) in enumerate(VALUES)]
    pathlib.Path("Raw Data.csv").write_text("\n".join([head, *lines, ""]))
    pathlib.Path("meta").mkdir()
    pathlib.Path("meta/time.csv").write_text(
        '"event","experiment time","system time","system time text"\n'
        '"START",0.0,1.700000000E9,"2023-11-14 22:13:20.000 UTC"\n'
        '"PAUSE",0.8,1.700000001E9,"2023-11-14 22:13:21.000 UTC"\n'
    )
    stream = run("phyphox")
    np.testing.assert_allclose(stream.values, VALUES, rtol=1e-5)
    np.testing.assert_allclose(stream.times, 1.7e9 + np.arange(40) / 50, atol=1e-6)


def test_empatica_e4():
    counts = np.rint(VALUES * 64).astype(int)
    text = "1700000000.00, 1700000000.00, 1700000000.00\n32.0, 32.0, 32.0\n"
    text += "".join(f"{x},{y},{z}\n" for x, y, z in counts)
    pathlib.Path("ACC.csv").write_text(text)
    stream = run("Empatica E4")
    np.testing.assert_array_equal(stream.values, (counts / 64).astype("float32"))
    assert stream.span == (1_700_000_000.0, 1_700_000_001.25)


def test_actigraph_and_geneactiv():
    about = "".join(f"line {n} of the device\n" for n in range(10))
    rows = "".join(f"{x},{y},{z}\n" for x, y, z in VALUES)
    head = "Accelerometer X,Accelerometer Y,Accelerometer Z\n"
    pathlib.Path("raw.csv").write_text(about + head + rows)
    np.testing.assert_allclose(run("ActiGraph").values, VALUES, rtol=1e-6)
    row = "2012-05-23 16:47:50:000,{},{},{},12,0,26.1\n"
    text = about * 10 + "".join(row.format(*each) for each in VALUES)
    pathlib.Path("geneactiv.csv").write_text(text)
    np.testing.assert_allclose(run("Axivity").values, VALUES, rtol=1e-6)


def test_mediapipe():
    with av.open("session.mp4", "w") as video:
        track = video.add_stream("mpeg4", rate=25)
        track.width = track.height = 32
        for _ in range(3):
            video.mux(track.encode(av.VideoFrame(32, 32, "yuv420p")))
        video.mux(track.encode())
    people = np.random.default_rng(0).normal(size=(2, 33, 3)).astype("float32")

    def result(points, hidden):
        landmarks = [
            types.SimpleNamespace(x=x, y=y, z=z, visibility=0.1 if n == hidden else 0.9)
            for n, (x, y, z) in enumerate(points)
        ]
        return types.SimpleNamespace(pose_world_landmarks=[landmarks])

    nobody = types.SimpleNamespace(pose_world_landmarks=[])
    results = [result(people[0], 5), nobody, result(people[1], None)]
    stream = run("MediaPipe", results=results)
    expected = np.stack([people[0], np.full_like(people[0], np.nan), people[1]])
    expected[0, 5] = np.nan
    np.testing.assert_array_equal(stream.values, expected)
    np.testing.assert_allclose(stream.times, [0.0, 0.04, 0.08])


def test_openpose():
    points = np.random.default_rng(0).random((2, 25, 3))
    points[0, 7, 2] = 0.0
    pathlib.Path("keypoints").mkdir()
    frames = [[{"pose_keypoints_2d": points[n].ravel().tolist()}] for n in (0, 1)]
    for number, people in enumerate([*frames, []]):
        name = f"keypoints/video_{number:012d}_keypoints.json"
        pathlib.Path(name).write_text(json.dumps({"version": 1.3, "people": people}))
    stream = run("OpenPose")
    expected = np.where(points[..., 2:] >= 0.3, points[..., :2], np.nan)
    np.testing.assert_allclose(stream.values[:2], expected, rtol=1e-6)
    assert np.isnan(stream.values[0, 7]).all()
    assert np.isnan(stream.values[2]).all()


@pytest.mark.parametrize("version", [2, 3])
def test_zarr_is_read_where_windows_need_it(monkeypatch, version):
    values = np.arange(3000.0).reshape(1000, 3)
    group = zarr.open_group("session.zarr", mode="w", zarr_format=version)
    array = group.create_array(
        "accelerometer", shape=(1000, 3), chunks=(100, 3), dtype="f8"
    )
    array[:] = values
    stream = run("Zarr")
    assert stream.span == (12.5, 32.5)
    read, own = [], zarr.Array.__getitem__

    def counted(self, selection):
        found = own(self, selection)
        read.append(len(found))
        return found

    monkeypatch.setattr(zarr.Array, "__getitem__", counted)
    given = [
        Recording({"imu": each}, 0, "A")
        for each in (stream, Stream(values, 50.0, 12.5))
    ]
    indexes = [windows.index_windows([r], length=1.0, stride=1.0) for r in given]
    assert sum(read) == 1000  # one pass finds what is missing, and keeps nothing
    read.clear()
    batches = [
        np.concatenate([x.numpy() for x, _ in windows.stream_dataset(index, "imu")])
        for index in indexes
    ]
    np.testing.assert_array_equal(*batches)
    assert sum(read) <= 1100
    assert max(read) <= 50
