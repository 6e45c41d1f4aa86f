import os
import socket

import pytest

from keras_dcat.file_kinds import check_is_file, followed, kind_of, opened_own


@pytest.fixture
def kinds(tmp_path):
    """A path of each kind, by what it is called."""
    found = {name: tmp_path / name.split()[-1] for name in ("a folder", "a pipe")}
    found["a folder"].mkdir()
    os.mkfifo(found["a pipe"])
    found["a symbolic link"] = tmp_path / "link"
    found["a symbolic link"].symlink_to(found["a folder"])
    return found


def test_what_is_no_file_is_called_by_its_kind(kinds, tmp_path):
    assert {name: kind_of(path) for name, path in kinds.items()} == {
        n: n for n in kinds
    }
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(tmp_path / "s"))
        assert kind_of(tmp_path / "s") == "a socket"
    (tmp_path / "file").touch()
    assert kind_of(tmp_path / "file") == kind_of(tmp_path / "nothing") == ""


def test_a_path_for_a_file_is_free_or_has_one(kinds, tmp_path):
    for name, path in kinds.items():
        found = "a folder" if name == "a symbolic link" else name
        with pytest.raises(
            ValueError, match=rf"Received: .*{found}. Take another path"
        ):
            check_is_file(path)
    (tmp_path / "file").touch()
    (tmp_path / "good link").symlink_to(tmp_path / "file")
    for name in ("file", "good link", "nothing"):
        check_is_file(tmp_path / name)


def test_a_link_leads_where_it_leads_also_to_nothing(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "a.txt")
    assert followed(tmp_path / "link") == tmp_path / "deep" / "a.txt"
    assert followed(tmp_path / "other") == tmp_path / "other"


def test_a_file_of_our_own_is_no_link_and_no_pipe(kinds, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    kinds["a symbolic link"].unlink()
    kinds["a symbolic link"].symlink_to(victim)
    for name, path in kinds.items():
        for mode in ("a", "w", "a+b"):
            with pytest.raises(
                OSError, match=rf"Received: {name}. Remove it"
            ) as caught:
                opened_own(path, mode)
            assert caught.value.filename == str(path)
    assert victim.read_text() == "precious"
    with opened_own(tmp_path / "own", "a") as file:
        file.write("ours")
    assert (tmp_path / "own").read_text() == "ours"
    with pytest.raises(FileNotFoundError):
        opened_own(tmp_path / "no" / "own", "a")
