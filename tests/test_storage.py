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


WRITER = """
import pathlib, sys, time
from keras_dcat.storage import written_whole
with written_whole(pathlib.Path(sys.argv[1])) as part:
    part.mkdir() if sys.argv[2] == "folder" else part.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer():
    """A function that has another process begin to write, and wait."""
    started = []

    def start(path, kind="file"):
        command = [sys.executable, "-c", WRITER, str(path), kind]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "writing\n"
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.communicate()


def stop(process):
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "kind", ["file", pytest.param("folder", marks=pytest.mark.slow)]
)
def test_what_a_killed_process_has_left_is_removed_and_nothing_else(
    tmp_path, writer, kind
):
    stop(writer(tmp_path / "b.txt", kind))
    alive, killed = writer(tmp_path / "a.txt", kind), writer(tmp_path / "a.txt", kind)
    stop(killed)
    (tmp_path / ".a.txt.mine.part").write_text("of somebody else")
    assert len(list(tmp_path.iterdir())) == 4
    with written_whole(tmp_path / "a.txt") as part:
        part.write_text("all")
    left = sorted(p.name for p in tmp_path.iterdir())
    # Of the process that lives, of somebody else, of another result; and the result.
    assert [name[:6] for name in left] == [".a.txt", ".a.txt", ".b.txt", "a.txt"]
    assert alive.poll() is None
    stop(alive)
    with written_whole(tmp_path / "a.txt") as part:
        part.write_text("all")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_was_left_before_its_lock_or_after_it_is_removed(tmp_path):
    empty, half = (tmp_path / f".a.txt.{letter * 8}.part" for letter in "ab")
    empty.mkdir()
    half.mkdir()
    (half / "a.txt").write_text("half")
    with written_whole(tmp_path / "a.txt") as part:
        part.write_text("all")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_two_that_write_at_once_each_publish_the_whole_of_theirs(tmp_path):
    path = tmp_path / "a.txt"
    with written_whole(path) as first:
        first.write_text("half")
        with written_whole(path) as second:
            second.write_text("all of the second")
        assert path.read_text() == "all of the second"
        first.write_text("all of the first")
    assert path.read_text() == "all of the first"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_that_write_a_folder_the_second_is_told_and_the_first_is_whole(tmp_path):
    path = tmp_path / "device"

    def written_twice():
        with written_whole(path) as second:
            second.mkdir()
            with written_whole(path) as first:
                first.mkdir()
                (first / "a.txt").write_text("all of the first")

    with pytest.raises(FileExistsError, match=r"One process.*as a whole. Take it") as e:
        written_twice()
    assert e.value.filename == str(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["device", "a.txt"]


def test_a_symbolic_link_stays_one_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far" / "a.txt", tmp_path / "a.txt"
    link.symlink_to(real)
    for text in ("new", "newer"):  # nothing is there at first
        with written_whole(link) as part:
            part.write_text(text)
        assert link.is_symlink()
        assert real.read_text() == text
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.txt", "a.txt", "far"]


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path):
    (tmp_path / "a.npz").mkdir()

    def write():
        with written_whole(tmp_path / "a.npz") as part:
            part.write_text("all")

    with pytest.raises(IsADirectoryError, match=r"name of a folder.*inside of it"):
        write()
    with pytest.raises(ValueError, match="it is a folder"):
        stored_arrays(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="it is a device"):
        stored_arrays("/dev/zero")


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
