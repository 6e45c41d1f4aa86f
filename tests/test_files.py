import os
import platform
import subprocess
import sys

import pytest

from keras_dcat.files import written_whole


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def write_half():
        with written_whole(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_write_that_ends_is_there_as_a_whole(tmp_path):
    path = tmp_path / "new" / "a.weights.h5"
    with written_whole(path) as part:
        assert part.name.endswith(".weights.h5")
        part.write_text("all")
        assert not path.exists()
    assert path.read_text() == "all"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_dead_process_has_left_is_removed_and_nothing_else(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = platform.node()
    left = [f".{host}-{dead.pid}.a.txt", f".{host}-{os.getpid()}.a.txt"]
    others = [
        f".{host}-{os.getppid()}.a.txt",  # of a process that lives
        f".another-{dead.pid}.a.txt",  # of another machine
        f".{host}-{dead.pid}.b.txt",  # of another result
        f".{host}-mine.a.txt",
    ]
    for name in left + others:
        (tmp_path / name).write_text("half")
    with written_whole(tmp_path / "a.txt") as part:
        part.write_text("all")
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", *others}


def test_a_folder_that_was_left_is_removed_too_and_takes_its_name_as_a_whole(tmp_path):
    half = tmp_path / f".{platform.node()}-{os.getpid()}.device"
    (half / "inner").mkdir(parents=True)
    with written_whole(tmp_path / "device") as part:
        part.mkdir()
        (part / "a.txt").write_text("all")
    assert [p.name for p in tmp_path.rglob("*")] == ["device", "a.txt"]
