import os
import platform
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from keras_dcat.recordings import read_numpy
from keras_dcat.storage import is_bomb, stored_arrays, written_whole


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


@pytest.mark.parametrize(
    ("size", "packed", "expected"),
    [
        (256 * 2**20, 1, False),
        (256 * 2**20 + 1, 1, True),
        (10**9, 10**7, False),
        (10**9 + 1, 10**7, True),
    ],
)
def test_a_bomb_is_large_and_a_hundred_times_its_file(size, packed, expected):
    assert is_bomb(size, packed) is expected


def test_arrays_come_back_by_name_or_as_the_only_one(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.ones(2))
    np.save(tmp_path / "a.npy", np.arange(4))
    assert {n: len(a) for n, a in stored_arrays(tmp_path / "a.npz").items()} == {
        "x": 3,
        "y": 2,
    }
    assert stored_arrays(tmp_path / "a.npy").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04N.", b"hello"])
def test_another_file_is_a_value_error_that_says_what_was_found(content, tmp_path):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"^[A-Z]\w+ \S"):
        stored_arrays(tmp_path / "a.npz")


def test_a_member_that_is_no_array_is_refused_by_its_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"hello")
    with pytest.raises(ValueError, match=r"no array in \['x'\]"):
        stored_arrays(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"a\.npz.*'x' is no array"):
        read_numpy(tmp_path / "a.npz", "x", rate=1.0)


def test_objects_are_not_unpickled_and_a_lost_file_is_called_lost(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        stored_arrays(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match=r"b\.npz"):
        stored_arrays(tmp_path / "b.npz")
