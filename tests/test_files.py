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
