"""Shards when something goes wrong: kills, full disks, damage, other writers."""

import errno
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from keras_dcat.recordings import Recording, Stream
from keras_dcat.storage import seal
from keras_dcat.windows import WindowIndex, index_windows
from keras_dcat.windows.shards import read_shards, write_shards

PER_SHARD = 100
# Writes two shards, and stops for good in the middle of the third.
SLOW_WRITER = """
import pickle, sys, time
from keras_dcat.windows import WindowIndex
from keras_dcat.windows.shards import write_shards

gather = WindowIndex.gather

def gather_until_the_third_shard(self, stream, windows):
    if windows[0] == 264:
        time.sleep(60)
    return gather(self, stream, windows)

with open(sys.argv[1], "rb") as file:
    index = pickle.load(file)
WindowIndex.gather = gather_until_the_third_shard
write_shards(index, sys.argv[2], windows_per_shard=100, workers=1, progress=False)
"""


def make_index(seed=0, count=430):
    """Windows of noise, `(10, 3)`."""
    values = np.random.default_rng(seed).normal(size=(5 * count + 5, 3))
    stream = Stream(values.astype("float32"), rate=10.0)
    index = index_windows([Recording({"imu": stream}, 2, "A")], length=1, stride=0.5)
    assert len(index) == count
    return index


@pytest.fixture(scope="module")
def index():
    return make_index()


def written(index, folder, **options):
    return write_shards(
        index, folder, windows_per_shard=PER_SHARD, progress=False, **options
    )


@pytest.fixture(scope="module")
def whole(index, tmp_path_factory):
    """The index file of an undisturbed run."""
    return written(index, tmp_path_factory.mktemp("whole"))


def contents(folder):
    """What is in a folder, by name, but for the lock."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != ".lock"}


def windows_of(file):
    batches = [inputs.numpy() for inputs, _ in read_shards(file, stream="imu")]
    return np.concatenate(batches)


def unfinished(folder):
    return list(folder.glob(".*.partial"))


def listed(folder):
    file = folder / "index.json"
    return len(json.loads(file.read_text())["shards"]) if file.exists() else 0


def test_a_killed_run_is_readable_and_goes_on_to_the_same_bytes(index, whole, tmp_path):
    folder = tmp_path / "killed"
    (tmp_path / "index.pickle").write_bytes(pickle.dumps(index))
    writer = subprocess.Popen(
        [sys.executable, "-c", SLOW_WRITER, tmp_path / "index.pickle", folder]
    )
    try:
        deadline = time.monotonic() + 60
        while listed(folder) < 2 or not unfinished(folder):
            assert writer.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with pytest.raises(RuntimeError, match=r"while another does.*\.lock.*Wait"):
            written(index, folder)
        assert f"process {writer.pid} " in (folder / ".lock").read_text()
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()

    assert len(unfinished(folder)) == 1
    with pytest.warns(UserWarning, match=r"200 of 430 windows.*write_shards"):
        before = windows_of(folder / "index.json")
    np.testing.assert_array_equal(before, index.gather("imu")[:200])

    stamps = {p: p.stat().st_mtime_ns for p in folder.glob("*.tfrecord")}
    assert len(stamps) == 2
    written(index, folder)
    assert contents(folder) == contents(whole.parent)
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(
    name=st.integers(0, 5), position=st.integers(0, 10**9), bit=st.integers(0, 7)
)
def test_a_flipped_bit_is_found_wherever_it_is(whole, name, position, bit):
    path = sorted(whole.parent.glob("[iw]*"))[name]
    original = path.read_bytes()
    damaged = bytearray(original)
    damaged[position % len(damaged)] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        with pytest.raises(ValueError, match=r"as it was written.*`write_shards`"):
            read_shards(whole, stream="imu")
    finally:
        path.write_bytes(original)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(name=st.integers(0, 5), length=st.integers(0, 10**9))
@pytest.mark.parametrize("check", [True, False])
def test_a_shortened_file_is_found_however_little_is_missing(
    whole, check, name, length
):
    path = sorted(whole.parent.glob("[iw]*"))[name]
    original = path.read_bytes()
    path.write_bytes(original[: length % len(original)])
    try:
        with pytest.raises(ValueError, match=r"as it was written.*`write_shards`"):
            read_shards(whole, stream="imu", check=check)
    finally:
        path.write_bytes(original)


def test_an_error_names_the_shard_and_what_was_found(index, tmp_path):
    file = written(index, tmp_path)
    entry = json.loads(file.read_text())["shards"][1]
    path = tmp_path / entry["file"]
    original = path.read_bytes()

    path.write_bytes(original[:-5])
    found = rf"{entry['file']}.*{len(original)}.*Received: .*{len(original) - 5}"
    with pytest.raises(ValueError, match=found):
        read_shards(file, stream="imu")
    path.write_bytes(original[:-5] + bytes(5))
    with pytest.raises(ValueError, match=rf"{entry['sha256']}.*Received: .*sha256"):
        read_shards(file, stream="imu")
    path.unlink()
    with pytest.raises(ValueError, match=rf"{entry['file']}.*Received: .*missing"):
        read_shards(file, stream="imu")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda content: content["shards"][0].update(windows=3), "'windows': 4"),
        (lambda content: content["streams"]["imu"].update(shape=[7]), "index"),
        (lambda content: content["streams"]["imu"].update(dtype="float64"), "index"),
        (lambda content: content["streams"]["imu"].update(shape=[10**12]), "index"),
    ],
)
def test_an_index_that_is_sealed_and_says_something_else_is_refused_at_once(
    tmp_path, change, found
):
    file = write_shards(make_index(count=6), tmp_path, 4, progress=False)
    content = json.loads(file.read_text())
    del content["sha256"]
    change(content)
    file.write_text(json.dumps({**content, "sha256": seal(content)}))
    with pytest.raises(ValueError, match=f"Received: .*{found}.*write_shards"):
        read_shards(file, stream="imu")


def test_a_flipped_bit_is_found_while_reading_if_it_was_not_looked_for(index, tmp_path):
    file = written(index, tmp_path)
    path = tmp_path / json.loads(file.read_text())["shards"][2]["file"]
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    dataset = read_shards(file, stream="imu", check=False)
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        list(dataset)


def test_writing_again_mends_what_is_damaged_and_leaves_the_rest(
    index, whole, tmp_path
):
    file = written(index, tmp_path)
    shards = [tmp_path / e["file"] for e in json.loads(file.read_text())["shards"]]
    shards[1].write_bytes(b"damaged")
    shards[3].unlink()
    stamps = [shards[n].stat().st_mtime_ns for n in (0, 2, 4)]
    written(index, tmp_path)
    assert contents(tmp_path) == contents(whole.parent)
    assert [shards[n].stat().st_mtime_ns for n in (0, 2, 4)] == stamps


def test_a_lost_index_is_written_again(index, whole, tmp_path):
    written(index, tmp_path).unlink()
    with pytest.raises(FileNotFoundError, match=r"index\.json"):
        read_shards(tmp_path / "index.json", stream="imu")
    written(index, tmp_path)
    assert contents(tmp_path) == contents(whole.parent)


def test_windows_that_are_whole_are_not_written_again(index, tmp_path, monkeypatch):
    file = written(index, tmp_path)
    monkeypatch.setattr(tf.io, "TFRecordWriter", None)
    assert written(index, tmp_path) == file


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        (make_index(seed=1), {}, r"other \['fingerprint'\]"),
        (make_index(count=300), {}, r"other \['windows', 'fingerprint'\]"),
        (make_index(), {"windows_per_shard": 50}, r"other \['windows_per_shard'"),
    ],
    ids=["values", "count", "size of a shard"],
)
def test_a_folder_with_other_windows_is_refused_and_left_alone(
    index, tmp_path, other, options, message
):
    file = written(index, tmp_path)
    before = contents(tmp_path)
    options = {"windows_per_shard": PER_SHARD, **options}
    with pytest.raises(ValueError, match=message + r".*another folder"):
        write_shards(other, tmp_path, progress=False, **options)
    file.unlink()  # the names of the shards tell, too
    with pytest.raises(ValueError, match=r"one set.*windows-.*another folder"):
        write_shards(other, tmp_path, progress=False, **options)
    del before["index.json"]
    assert contents(tmp_path) == before


@pytest.mark.parametrize("column", ["labels", "subjects", "sessions"])
def test_windows_that_differ_in_a_column_are_other_windows(index, tmp_path, column):
    written(index, tmp_path)
    other = make_index()
    values = getattr(other, column).copy()
    values[7] = 9
    object.__setattr__(other, column, values)
    with pytest.raises(ValueError, match=r"fingerprint"):
        written(other, tmp_path)


def test_a_full_disk_leaves_what_is_whole_and_nothing_else(
    index, whole, tmp_path, monkeypatch
):
    fsync = os.fsync

    def full_at_the_third_shard(descriptor):
        if "00002-of-00005" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full_at_the_third_shard)
    with pytest.raises(OSError, match=r"No space.*200 of 430.*go") as caught:
        written(index, tmp_path, workers=1)
    assert caught.value.errno == errno.ENOSPC
    assert unfinished(tmp_path) == []
    with pytest.warns(UserWarning, match=r"200 of 430"):
        np.testing.assert_array_equal(
            windows_of(tmp_path / "index.json"), index.gather("imu")[:200]
        )

    monkeypatch.setattr(os, "fsync", fsync)
    written(index, tmp_path)
    assert contents(tmp_path) == contents(whole.parent)


def test_the_system_refusing_more_bytes_is_an_os_error(index, whole, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large.*0 of 430"):
            written(index, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert unfinished(tmp_path) == []
    written(index, tmp_path)
    assert contents(tmp_path) == contents(whole.parent)


def test_a_full_device_is_told_as_such(index, tmp_path, monkeypatch):
    writer = tf.io.TFRecordWriter
    monkeypatch.setattr(tf.io, "TFRecordWriter", lambda path: writer("/dev/full"))
    with pytest.raises(OSError, match=r"No space left on device.*Make room") as caught:
        written(index, tmp_path)
    assert caught.value.errno == errno.ENOSPC


def test_a_refused_permission_keeps_its_kind_and_leaves_nothing(
    index, tmp_path, monkeypatch
):
    def refuse(*paths):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied.*allow writing"):
        written(index, tmp_path)
    assert contents(tmp_path) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(index, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match=r"0 of 430.*allow writing"):
        written(index, tmp_path)


def test_a_folder_that_is_a_file_is_refused(index, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match=r"File exists.*0 of 430"):
        written(index, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_an_error_in_the_data_stops_the_run_and_keeps_what_is_whole(
    index, tmp_path, monkeypatch
):
    gather = WindowIndex.gather

    def broken(self, stream, windows):
        if windows[0] == 200:  # of the third shard
            raise ZeroDivisionError
        return gather(self, stream, windows)

    monkeypatch.setattr(WindowIndex, "gather", broken)
    with pytest.raises(ZeroDivisionError):
        written(index, tmp_path, workers=1)
    assert listed(tmp_path) == 2
    assert unfinished(tmp_path) == []


def test_of_two_writers_one_is_refused_and_the_other_ends_whole(
    index, whole, tmp_path, monkeypatch
):
    gather, inside, go_on = WindowIndex.gather, threading.Event(), threading.Event()

    def waiting(self, stream, windows):
        if windows[0] == 100:  # of the second shard
            inside.set()
            go_on.wait(timeout=30)
        return gather(self, stream, windows)

    monkeypatch.setattr(WindowIndex, "gather", waiting)
    first = threading.Thread(target=written, args=(index, tmp_path))
    first.start()
    try:
        assert inside.wait(timeout=30)
        for other in (index, make_index(seed=1)):
            with pytest.raises(RuntimeError, match=r"One process at a time.*another"):
                written(other, tmp_path)
    finally:
        go_on.set()
        first.join()
    assert contents(tmp_path) == contents(whole.parent)


def test_a_newer_version_of_the_index_is_refused(index, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_dcat.windows.shards._VERSION", 2)
    file = written(index, tmp_path)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"version 1.*another version.*Remove"):
        read_shards(file, stream="imu")


def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_left(index, tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="a symbolic link. Remove it"):
        written(index, tmp_path / "shards")
    assert (tmp_path / "victim").read_text() == "precious"
