import io
import pickle
import zipfile

import numpy as np
import pytest

from keras_dcat.recordings.readers import opened_files

SOURCE = opened_files.Source("a", b"")


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.csv.*is nothing.*spelling"):
        opened_files.source_of(tmp_path / "no.csv")
    with pytest.raises(FileNotFoundError, match=r"is a folder.*unpacked"):
        opened_files.source_of(tmp_path)


def test_a_member_of_a_zip_can_be_opened_again_after_the_zip_is_closed(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("a.csv", "t,x\n")
    with (
        zipfile.ZipFile(tmp_path / "data.zip") as archive,
        archive.open("a.csv") as member,
    ):
        source = opened_files.source_of(member)
    for copy in (source, pickle.loads(pickle.dumps(source))):  # noqa: S301
        with copy.opened() as file:
            assert file.read() == b"t,x\n"
        assert (copy.size, copy.head(2)) == (4, b"t,")
    assert "a.csv" in source.name


def test_a_path_and_its_bytes_have_the_same_head_and_size(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    for file in (tmp_path / "a", str(tmp_path / "a"), io.BytesIO(b"0123456789")):
        source = opened_files.source_of(file)
        assert (source.head(3), source.head(99)) == (b"012", b"0123456789")
        assert source.size == 10


def test_a_file_in_text_mode_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"gives str\. Open it with mode 'rb'"):
        opened_files.source_of(io.StringIO("t,x\n"))


@pytest.mark.parametrize(
    "error",
    [KeyError("k"), MemoryError("big"), OSError("eof"), PermissionError(1, "EPERM")],
)
def test_whatever_a_library_raises_becomes_one_error_that_names_the_file(error):
    source = opened_files.Source("/data/a.h5", b"")
    with (
        pytest.raises(ValueError, match=r"an HDF5 file.*/data/a\.h5.*cut short") as had,
        opened_files.reading(source, "an HDF5 file"),
    ):
        raise error
    assert had.value.__cause__ is error


@pytest.mark.parametrize("error", [PermissionError("no"), FileNotFoundError("gone")])
def test_what_is_wrong_with_the_disk_is_not_blamed_on_the_format(error):
    with (
        pytest.raises(type(error), match=str(error)),
        opened_files.reading(opened_files.Source("/data/a.h5", b""), "an HDF5 file"),
    ):
        raise error


def test_names_that_are_absent_or_double_are_refused_with_those_there_are():
    source = opened_files.Source("a.csv", b"")
    opened_files.check_names(source, ["x"], ["x", "y", "y"])
    with pytest.raises(ValueError, match=r"'z', not in 'a\.csv'.*'x', 'y'"):
        opened_files.check_names(source, ["x", "z"], ["x", "y"])
    with pytest.raises(ValueError, match=r"'y', twice in 'a\.csv'"):
        opened_files.check_names(source, ["y"], ["x", "y", "y"])
    with pytest.raises(ValueError, match=r"'c19', …\.$"):
        opened_files.check_names(source, ["z"], [f"c{n}" for n in range(1000)])


@pytest.mark.parametrize("kind", ["O", "U3", "S3", "c16", "M8[s]", "f4,f4"])
def test_only_real_numbers_are_values(kind):
    with pytest.raises(ValueError, match=r"never unpickled.*array of numbers"):
        opened_files.check_numeric(opened_files.Source("a", b""), None, np.dtype(kind))
    for good in ("?", "i8", "u1", "f2", ">f8"):
        opened_files.check_numeric(opened_files.Source("a", b""), None, np.dtype(good))


def test_start_is_the_moment_when_the_clock_of_the_file_reads_zero():
    values = np.zeros((3, 2))
    even = opened_files.as_stream(SOURCE, values, rate=10.0, start=5.0)
    timed = opened_files.as_stream(
        SOURCE, values, None, 5.0, time=[[0], [100], [200]], time_unit=1e-3
    )
    np.testing.assert_allclose(even.times, [5.0, 5.1, 5.2], rtol=1e-12)
    np.testing.assert_allclose(timed.times, [5.0, 5.1, 5.2], rtol=1e-12)


def test_a_clock_that_is_missing_double_or_of_another_length_is_refused():
    values = np.zeros(3)
    with pytest.raises(ValueError, match=r"neither.*rate in Hz"):
        opened_files.as_stream(SOURCE, values, None, 0.0)
    with pytest.raises(ValueError, match=r"both"):
        opened_files.as_stream(SOURCE, values, 50.0, 0.0, time=[0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape \(2,\) for 3 samples.*file is 'a'"):
        opened_files.as_stream(SOURCE, values, None, 0.0, time=[0.0, 1.0])


def test_times_that_are_not_a_number_are_passed_on():
    stream = opened_files.as_stream(
        SOURCE, np.zeros(3), None, 1.0, time=[0.0, np.nan, 2.0]
    )
    np.testing.assert_array_equal(stream.times, [1.0, np.nan, 3.0])
    assert stream.values.shape == (3, 1)


@pytest.mark.parametrize("kind", ["datetime64[ns]", "U3"])
def test_times_that_are_dates_or_text_are_refused_with_the_remedy(kind):
    times = np.array([1, 2, 3]).astype(kind)
    with pytest.raises(ValueError, match=r"must be seconds.*np\.timedelta64"):
        opened_files.as_stream(SOURCE, np.zeros(3), None, 0.0, time=times)


@pytest.mark.parametrize("time_unit", [0.0, -1.0, np.inf, np.nan])
def test_a_unit_of_time_that_makes_no_sense_is_refused(time_unit):
    with pytest.raises(ValueError, match=rf"time_unit={time_unit}.*0\.001"):
        opened_files.as_stream(SOURCE, np.zeros(3), None, 0.0, np.arange(3), time_unit)
