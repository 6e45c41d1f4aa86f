import os
import threading

import numpy as np
import pytest

from keras_dcat.transfer.caching import records as module
from keras_dcat.transfer.caching.records import RecordFile

FIELDS = [("belief", "<f4", (3,)), ("length", "<f4")]
ABOUT = {"weights": "a", "dtype": "float32"}
IDENTITIES = [bytes([number]) * 16 for number in range(5)]
COLUMNS = [np.arange(15, dtype="float32").reshape(5, 3), np.arange(5, dtype="float32")]


def rows(chosen):
    return IDENTITIES[chosen], [column[chosen] for column in COLUMNS]


def written(path, about=ABOUT):
    records = RecordFile(path, about, FIELDS)
    with records.writing() as writer:
        writer.append(*rows(slice(0, 3)))
        writer.append(*rows(slice(3, 5)))
        writer.complete(5)
    return records


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "new" / "folder" / "cache"
    found = written(path).read()
    np.testing.assert_array_equal(found["belief"], COLUMNS[0])
    np.testing.assert_array_equal(found["length"], COLUMNS[1])
    assert [identity.tobytes() for identity in found["identity"]] == IDENTITIES
    assert isinstance(found, np.memmap)
    assert [p.name for p in path.parent.iterdir()] == ["cache"]
    # A file of an earlier version stays readable: 16 + 12 + 4 + 4 bytes a record.
    assert path.stat().st_size == 4096 + 5 * 36


def test_a_complete_file_is_not_written_again(tmp_path):
    with written(tmp_path / "cache").writing() as writer:
        assert writer is None


@pytest.mark.parametrize("torn", [0, 1, 20])
def test_a_run_that_died_is_gone_on_with_behind_the_last_whole_record(tmp_path, torn):
    path = tmp_path / "cache"
    records = RecordFile(path, ABOUT, FIELDS)
    with records.writing() as writer:
        writer.append(*rows(slice(0, 4)))  # and no more
        part = path.with_name("cache.part")
        assert part.stat().st_size == 4096 + 4 * 36  # already, should it be killed
    assert not path.exists()
    part.write_bytes(part.read_bytes()[: -torn or None])
    with RecordFile(path, ABOUT, FIELDS).writing() as writer:
        kept = 3 if torn else 4
        assert len(writer.kept) == kept
        writer.append(*rows(slice(kept, 5)))
        writer.complete(5)
    np.testing.assert_array_equal(records.read()["belief"], COLUMNS[0])


def test_a_header_that_was_cut_off_is_written_anew(tmp_path):
    (tmp_path / "cache.part").write_bytes(b"keras_dcat sour")
    np.testing.assert_array_equal(written(tmp_path / "cache").read()["length"].size, 5)


def test_a_damaged_record_of_a_run_that_died_is_written_anew(tmp_path):
    records = RecordFile(tmp_path / "cache", ABOUT, FIELDS)
    with records.writing() as writer:
        writer.append(*rows(slice(0, 4)))
    part = tmp_path / "cache.part"
    damaged = bytearray(part.read_bytes())
    damaged[4096 + 2 * 36 + 20] ^= 1
    part.write_bytes(damaged)
    with records.writing() as writer:
        assert len(writer.kept) == 2
        writer.append(*rows(slice(2, 5)))
        writer.complete(5)
    np.testing.assert_array_equal(records.read()["belief"], COLUMNS[0])


def test_a_file_is_on_the_disk_as_a_whole_before_it_gets_its_name(
    tmp_path, monkeypatch
):
    path, part = tmp_path / "cache", tmp_path / "cache.part"
    done, replace = [], os.replace

    def fsync(descriptor):
        assert os.path.samestat(os.fstat(descriptor), part.stat())
        done.append(part.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(
        os, "replace", lambda *paths: (done.append("named"), replace(*paths))
    )
    written(path)
    assert done == [path.read_bytes(), "named"]


def test_any_bit_that_flips_is_found(tmp_path):
    path = tmp_path / "cache"
    records = written(path)
    whole = path.read_bytes()
    used = len(records.header(5).rstrip())
    for at in [0, 40, used - 2, *range(4096, len(whole), 7)]:
        damaged = bytearray(whole)
        damaged[at] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"cache'; .*Delete it, or take another"):
            records.read()


@pytest.mark.parametrize("size", [0, 100, 4096, -1, -44])
def test_a_file_that_was_cut_off_is_refused(tmp_path, size):
    path = tmp_path / "cache"
    records = written(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="cut off|no such file, or damaged"):
        records.read()


def test_a_file_that_holds_no_window_is_refused(tmp_path):
    records = RecordFile(tmp_path / "cache", ABOUT, FIELDS)
    (tmp_path / "cache").write_bytes(records.header(0))
    with pytest.raises(ValueError, match="cut off"):
        records.read()


def test_a_file_of_something_else_is_refused_with_what_differs(tmp_path):
    written(tmp_path / "cache")
    other = RecordFile(tmp_path / "cache", {**ABOUT, "weights": "b"}, FIELDS)
    with pytest.raises(ValueError, match="it was written with other weights"):
        other.read()


def test_an_unfinished_file_of_something_else_is_refused_and_left(tmp_path):
    records = RecordFile(tmp_path / "cache", ABOUT, FIELDS)
    with records.writing() as writer:
        writer.append(*rows(slice(0, 4)))
    before = (tmp_path / "cache.part").read_bytes()
    other = RecordFile(tmp_path / "cache", {**ABOUT, "dtype": "float16"}, FIELDS)
    with pytest.raises(ValueError, match="other dtype"), other.writing():
        pass
    assert (tmp_path / "cache.part").read_bytes() == before


def test_a_second_writer_waits_and_finds_what_the_first_wrote(tmp_path):
    path = tmp_path / "cache"
    found = []

    def second():
        records = RecordFile(path, ABOUT, FIELDS)
        with records.writing() as writer:
            found.append(writer)
        found.append(records.read()["length"].tolist())

    with RecordFile(path, ABOUT, FIELDS).writing() as writer:
        writer.append(*rows(slice(0, 5)))
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        writer.complete(5)
    thread.join(10)
    assert found == [None, COLUMNS[1].tolist()]
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]


def test_nothing_else_is_left_where_another_process_was_first(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    whole = written(path).path.read_bytes()
    path.unlink()
    monkeypatch.setattr(module, "_lock", lambda file: path.write_bytes(whole))
    with RecordFile(path, ABOUT, FIELDS).writing() as writer:
        assert writer is None
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]


def test_a_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    records = RecordFile(tmp_path / "file" / "cache", ABOUT, FIELDS)
    with pytest.raises(OSError, match="Not a directory|exists"), records.writing():
        pass


def test_a_link_stays_one_and_the_cache_is_where_it_leads(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "far" / "cache")
    found = written(tmp_path / "cache").read()
    assert len(found) == 5
    assert (tmp_path / "cache").is_symlink()
    assert [p.name for p in (tmp_path / "far").iterdir()] == ["cache"]


def test_a_part_that_is_a_link_is_refused_and_what_it_leads_to_is_left(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "cache.part").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match=r"one of this package's.*a symbolic link. Re"):
        written(tmp_path / "cache")
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "cache")
    with pytest.raises(ValueError, match=r"must be a file.*a (folder|pipe). Take an"):
        RecordFile(tmp_path / "cache", ABOUT, FIELDS)
