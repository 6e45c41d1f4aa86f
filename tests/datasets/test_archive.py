import zipfile

import pytest

from keras_dcat.datasets.archive import Archive

REMEDY = "Download it."


@pytest.fixture(params=["folder", "zip"])
def archive(request, tmp_path):
    if request.param == "folder":
        (tmp_path / "data" / "a").mkdir(parents=True)
        (tmp_path / "data" / "a" / "x.txt").write_bytes(b"hello")
        (tmp_path / "data" / "b.txt").write_bytes(b"there")
        return Archive(tmp_path / "data", REMEDY)
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as file:
        file.writestr("b.txt", "there")
        file.writestr("a/x.txt", "hello")
    return Archive(tmp_path / "data.zip", REMEDY)


def test_a_folder_and_a_zip_are_read_alike(archive):
    assert archive.names() == ["a/x.txt", "b.txt"]
    with archive.reader() as read:
        assert [read(name).read() for name in archive.names()] == [b"hello", b"there"]


def test_an_error_over_a_member_names_the_data_too(archive):
    with (
        pytest.raises(ValueError, match=rf"^'b.txt' is odd\..*{archive.path}'\.$"),
        archive.reader() as read,
    ):
        raise ValueError(f"{read('b.txt').name!r} is odd.")


def test_what_is_not_there_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*Download it"):
        Archive(tmp_path / "nowhere", REMEDY)


def test_a_file_that_is_no_zip_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "data.rar").write_bytes(b"Rar!")
    with pytest.raises(ValueError, match=r"neither\. Download it"):
        Archive(tmp_path / "data.rar", REMEDY)


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "data").mkdir()
    archive = Archive(tmp_path / "data", REMEDY)
    with archive.reader() as read, pytest.raises(ValueError, match=r"inside.*\.\./sec"):
        read("../secret.txt")


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link.txt").symlink_to(tmp_path / "secret.txt")
    archive = Archive(tmp_path / "data", REMEDY)
    with archive.reader() as read, pytest.raises(ValueError, match=r"Remove the link"):
        read("link.txt")


def test_a_decompression_bomb_is_refused_before_it_is_inflated(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(2**20))
    archive = Archive(tmp_path / "bomb.zip", REMEDY, max_member_bytes=1000)
    with archive.reader() as read, pytest.raises(ValueError, match=r"1000 bytes.*'zer"):
        read("zeros")


def test_a_device_is_no_archive():
    with pytest.raises(ValueError, match="'/dev/zero', which is neither"):
        Archive("/dev/zero", "Download it.")
