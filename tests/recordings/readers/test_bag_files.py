import bz2
import shutil

import lz4.frame
import numpy as np
import pytest
from backports import zstd
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin

from keras_dcat.recordings import read_rosbag
from keras_dcat.recordings.readers import bag_files
from tests import bags

BASE, NAME, ARRAY, SEQUENCE = 1, 2, 3, 4
NUMBER = (BASE, ("float64", 0))


def folder(tmp_path, **options):
    sent = [("/imu", n, bags.imu(n, range(6))) for n in range(1, 9)]
    return bags.write2(tmp_path / "a", sent, **options)


@pytest.mark.parametrize("name", ["bz2", "lz4", "zstd"])
def test_what_is_packed_is_unpacked_within_the_limit(monkeypatch, name):
    pack = {"bz2": bz2.compress, "lz4": lz4.frame.compress, "zstd": zstd.compress}[name]
    content = np.random.default_rng(0).bytes(100_000)
    unpack = getattr(bag_files.Limit(10), name)
    assert unpack(pack(content)) == content
    with pytest.raises(ValueError, match="cut short"):
        unpack(pack(content)[:-20])
    monkeypatch.setattr("keras_dcat.storage._ALWAYS", 2**20)
    with pytest.raises(ValueError, match="unpacks to more than"):
        unpack(pack(bytes(2**25)))


@pytest.mark.parametrize("mode", ["MESSAGE", "FILE", "STORAGE"])
def test_a_bag_that_swells_is_refused(tmp_path, monkeypatch, mode):
    storage = StoragePlugin.MCAP if mode == "STORAGE" else StoragePlugin.SQLITE3
    packing = CompressionMode[mode], CompressionFormat.ZSTD
    frame = bags.image(1, np.zeros((2000, 3000, 3), "u1"))
    path = bags.write2(
        tmp_path / "a", [("/c", 1, frame)], storage=storage, compression=packing
    )
    assert read_rosbag(path, "/c").values.shape == (1, 2000, 3000, 3)
    monkeypatch.setattr("keras_dcat.storage._ALWAYS", 2**20)
    with pytest.raises(ValueError, match=r"unpacks to more|100 times the bytes"):
        read_rosbag(path, "/c")


def test_a_path_that_is_no_bag_is_refused_with_what_is_one(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is nothing\. Check the spelling"):
        bag_files.bag_source(tmp_path / "a.bag")
    (tmp_path / "a.txt").write_text("a")
    for path in (tmp_path, tmp_path / "a.txt"):
        with pytest.raises(
            ValueError, match=r"metadata\.yaml is lost, give its \.mcap"
        ):
            bag_files.bag_source(path)


def test_messages_that_wait_beside_a_bag_are_not_left_out(tmp_path):
    path = folder(tmp_path, storage=StoragePlugin.SQLITE3)
    (path / "a.db3-wal").write_bytes(b"waiting")
    for bag in (path, path / "a.db3"):
        with pytest.raises(ValueError, match=r"SQLite keeps some.*wal_checkpoint"):
            read_rosbag(bag, "/imu")


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_damaged_bag_is_refused_or_gives_the_same_numbers(tmp_path, storage):
    path = folder(tmp_path, storage=storage)
    name = next(
        each.name for each in path.iterdir() if each.suffix in (".mcap", ".db3")
    )
    content, rng = (path / name).read_bytes(), np.random.default_rng(0)
    for cut in rng.integers(0, len(content), 8):
        (path / name).write_bytes(content[:cut])
        try:
            found = read_rosbag(path, "/imu").values
        except ValueError:
            continue
        assert found.shape == (8, 6)
    shutil.rmtree(path)


@pytest.mark.parametrize(
    ("definitions", "message"),
    [
        ({"a": ([], [("x", (ARRAY, (NUMBER, 10**7)))])}, r"of 10000001 elements"),
        ({"a": ([], [("x", (NAME, "a"))])}, r"'a' hold themselves"),
        ({"a": ([], [("x", (NAME, "b"))])}, r"type 'b' is neither defined"),
        (
            {
                "a": ([], [("x", (SEQUENCE, ((NAME, "b"), 0)))]),
                "b": ([], [("structure_needs_at_least_one_member", NUMBER)]),
            },
            r"a sequence of 'b', which takes no bytes",
        ),
        (
            {
                "a": ([], [("x", (ARRAY, ((NAME, "b"), 2000)))]),
                "b": ([], [("x", (ARRAY, (NUMBER, 2000)))]),
            },
            r"'a' of 4002001 elements",
        ),
    ],
)
def test_types_that_would_fill_the_memory_are_refused(definitions, message):
    with pytest.raises(ValueError, match=message):
        bag_files.check_type(definitions, "a")


def test_the_types_that_ros_comes_with_pass():
    for store in (bags.STORE, bags.STORE1):
        for kind in store.fielddefs:
            if "/msg/" in kind and kind != "std_msgs/msg/Empty":
                bag_files.check_type(store.fielddefs, kind)
