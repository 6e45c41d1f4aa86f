import io
import pathlib
import pickle
import struct
import sys
import tracemalloc

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_dcat.recordings.readers import read_hdf5, read_matlab, read_numpy

VALUES = np.arange(12.0).reshape(4, 3)
SECONDS = [0.0, 0.1, np.nan, 0.5]


def write(path, **arrays):
    """A file of the format that the ending says."""
    kind = path.name.removeprefix("a.")
    if kind == "npy":
        np.save(path, arrays["x"])
    elif kind == "npz":
        np.savez(path, **arrays)
    elif kind == "mat":
        scipy.io.savemat(path, arrays, do_compression=True)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    else:
        write_matlab_7(path, arrays)
    return path


def write_matlab_7(path, arrays):
    """What MATLAB's `save -v7.3` writes: axes reversed, classes beside them."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file[name] = np.transpose(np.atleast_2d(array))
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


READERS = {
    "npy": lambda path, key, **options: read_numpy(path, **options),
    "npz": read_numpy,
    "mat": read_matlab,
    "v7.mat": read_matlab,
    "h5": read_hdf5,
}
EVERY_KIND = pytest.mark.parametrize("kind", READERS)
WITH_NAMES = pytest.mark.parametrize("kind", list(READERS)[1:])


@EVERY_KIND
def test_an_array_comes_back_from_a_path_and_from_an_open_file(kind, tmp_path):
    path = write(tmp_path / f"a.{kind}", x=VALUES)
    with open(path, "rb") as file:
        for source in (path, str(path), file):
            stream = READERS[kind](source, "x", rate=2.0, start=1.0)
            np.testing.assert_array_equal(np.asarray(stream.values), VALUES)
            np.testing.assert_array_equal(stream.values[1:3], VALUES[1:3])
            assert stream.values.dtype == VALUES.dtype
            assert stream.span == (1.0, 3.0)


@EVERY_KIND
@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_time_is_the_axis_that_is_said_to_be(kind, axis, tmp_path, rng):
    array = rng.standard_normal((2, 3, 4))
    path = write(tmp_path / f"a.{kind}", x=array)
    stream = READERS[kind](path, "x", rate=1.0, time_axis=axis)
    expected = np.moveaxis(array, axis, 0)
    assert stream.values.shape == expected.shape
    np.testing.assert_array_equal(np.asarray(stream.values), expected)
    np.testing.assert_array_equal(stream.values[1:], expected[1:])
    with pytest.raises(ValueError, match=r"time_axis=3 for shape \(2, 3, 4\).*from 0"):
        READERS[kind](path, "x", rate=1.0, time_axis=3)


@WITH_NAMES
def test_times_come_from_the_same_file_and_pass_what_is_not_a_number(kind, tmp_path):
    path = write(tmp_path / f"a.{kind}", x=VALUES, t=np.array(SECONDS) * 1000)
    stream = READERS[kind](path, "x", time="t", time_unit=0.001)
    np.testing.assert_allclose(stream.times, SECONDS, rtol=1e-14)
    stream = READERS[kind](path, "x", time=SECONDS)
    np.testing.assert_array_equal(stream.times, SECONDS)
    assert np.asarray(stream.values).tolist() == VALUES.tolist()


@pytest.mark.parametrize("kind", ["npy", "npz", "h5"])
def test_an_array_with_time_only_is_one_channel(kind, tmp_path):
    path = write(tmp_path / f"a.{kind}", x=np.arange(5))
    stream = READERS[kind](path, "x", rate=1.0)
    assert stream.values.shape == (5, 1)
    assert stream.values[1:3].tolist() == [[1], [2]]


@WITH_NAMES
def test_a_name_that_is_not_in_the_file_is_refused_with_those_that_are(kind, tmp_path):
    path = write(tmp_path / f"a.{kind}", x=VALUES, t=VALUES)
    for options in ({"key": "z"}, {"key": "x", "time": "z"}):
        with pytest.raises(ValueError, match=r"'z', not in .*a\..*: '(x', 't|t', 'x)'"):
            READERS[kind](path, **options)


@EVERY_KIND
def test_a_missing_file_is_refused(kind, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.dat.*nothing"):
        READERS[kind](tmp_path / "no.dat", "x", rate=1.0)


@EVERY_KIND
@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04.", b"t,x\n0,1\n" * 99, b"\0" * 999]
)
def test_another_type_of_file_is_refused(kind, content, tmp_path):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content)):
        with pytest.raises(ValueError, match=r"must be a.*format, and download"):
            READERS[kind](source, "x", rate=1.0)


@EVERY_KIND
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_file_cut_short_is_refused(kind, share, tmp_path, rng):
    path = write(tmp_path / f"a.{kind}", x=rng.standard_normal((500, 3)))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(ValueError, match=r"cut short"):
            READERS[kind](source, "x", rate=1.0)


@pytest.mark.parametrize("kind", ["npy", "npz", "raw"])
def test_a_malicious_pickle_is_not_executed(kind, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (pathlib.Path.touch, (tmp_path / "executed",))

    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, np.array([Malicious()], dtype=object), allow_pickle=True)
    elif kind == "npz":
        objects = np.array([Malicious()], dtype=object)
        np.savez(path, x=objects, y=VALUES, allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Malicious()))
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(ValueError, match=r"without pickled objects"):
            read_numpy(source, "x" if kind == "npz" else None, rate=1.0)
    assert not (tmp_path / "executed").exists()
    if kind == "raw":
        pickle.loads(path.read_bytes())  # noqa: S301
        assert (tmp_path / "executed").exists()  # it would have been


def test_an_npz_needs_a_name_only_if_it_has_several_arrays(tmp_path):
    one = write(tmp_path / "a.npz", x=VALUES)
    np.testing.assert_array_equal(read_numpy(one, rate=1.0).values, VALUES)
    two = write(tmp_path / "a.npz", x=VALUES, y=VALUES)
    with pytest.raises(ValueError, match=r"None, not in .*Choose from: 'x', 'y'"):
        read_numpy(two, rate=1.0)
    with pytest.raises(ValueError, match=r"has no name\. Received: 'x'.*Leave `key`"):
        read_numpy(write(tmp_path / "a.npy", x=VALUES), "x", rate=1.0)


@pytest.mark.parametrize("values", [["a", "b"], [1j, 2j]])
def test_text_and_complex_numbers_of_numpy_are_refused(values, tmp_path):
    path = write(tmp_path / "a.npz", x=np.array(values))
    with pytest.raises(ValueError, match=r"'x' of .*a\.npz' with values of type"):
        read_numpy(path, "x", rate=1.0)


@pytest.mark.parametrize("times", [["0.0", "0.5"], np.array([0, 5], "M8[ms]")])
def test_times_of_numpy_that_are_no_numbers_are_refused_by_their_name(times, tmp_path):
    np.savez(tmp_path / "a.npz", x=VALUES[:2], t=times)
    with pytest.raises(ValueError, match=r"'t' of .*a\.npz.*array of numbers"):
        read_numpy(tmp_path / "a.npz", "x", time="t")


def test_a_large_npy_is_mapped_not_read(tmp_path):
    path = tmp_path / "a.npy"
    shape = (10**8, 3)  # 1.2 GB, of which the disk holds one page
    np.lib.format.open_memmap(path, "w+", "float32", shape)[-1] = 7
    tracemalloc.start()
    stream = read_numpy(path, rate=50.0)
    last = stream.values[-2:].tolist()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(stream.values, np.memmap)
    assert last == [[0.0] * 3, [7.0] * 3]
    assert peak < 10**6


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"field": 1.0}, "struct"),
        (np.array([1.0, "a"], dtype=object), "cell"),
        (np.array(["a", "b"]), "char"),
        (scipy.sparse.csc_array(np.eye(3)), "sparse"),
    ],
)
def test_what_is_not_a_numeric_array_of_matlab_is_refused(value, kind, tmp_path):
    path = write(tmp_path / "a.mat", x=value, y=VALUES)
    with pytest.raises(ValueError, match=rf"'x' of .*type MATLAB {kind}"):
        read_matlab(path, "x", rate=1.0)
    np.testing.assert_array_equal(read_matlab(path, "y", rate=1.0).values, VALUES)


def test_structures_text_and_empty_arrays_of_matlab_7_3_are_refused(tmp_path):
    path = write(tmp_path / "a.v7.mat", x=VALUES, y=VALUES)
    with h5py.File(path, "r+") as file:
        file["x"].attrs["MATLAB_class"] = np.bytes_("char")
        file["y"].attrs["MATLAB_empty"] = 1
        file["trial/acc"] = VALUES.T
        file["trial/acc"].attrs["MATLAB_class"] = np.bytes_("double")
        file["trial"].attrs["MATLAB_class"] = np.bytes_("struct")
    with pytest.raises(ValueError, match=r"'x' of .*type MATLAB char"):
        read_matlab(path, "x", rate=1.0)
    with pytest.raises(ValueError, match=r"'y' of .*type MATLAB empty array"):
        read_matlab(path, "y", rate=1.0)
    with pytest.raises(ValueError, match=r"'trial' of .*MATLAB struct.*'trial/acc'"):
        read_matlab(path, "trial", rate=1.0)
    stream = read_matlab(path, "trial/acc", rate=1.0)
    np.testing.assert_array_equal(stream.values, VALUES)
    lazily = read_hdf5(path, "trial/acc", rate=1.0, time_axis=-1)
    np.testing.assert_array_equal(lazily.values[1:3], VALUES[1:3])


def matlab_5(kind, values):
    """What MATLAB's `save` writes of a small variable `x`: bytes, whatever its type."""

    def element(code, content):
        head = struct.pack("<II", code, len(content))
        return head + content.ljust(-(-len(content) // 8) * 8, b"\0")

    parts = [
        element(6, struct.pack("<II", {"double": 6, "int32": 12}[kind], 0)),
        element(5, struct.pack("<ii", len(values), 1)),
        element(1, b"x"),
        element(2, bytes(values)),
    ]
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    return io.BytesIO(head + element(14, b"".join(parts)))


@pytest.mark.parametrize(("kind", "dtype"), [("double", "f8"), ("int32", "i4")])
def test_whole_numbers_that_matlab_stored_as_bytes_keep_their_type(kind, dtype):
    values = read_matlab(matlab_5(kind, [1, 2, 250, 1]), "x", rate=1.0).values
    assert values.dtype == dtype
    assert np.diff(values[:, 0]).tolist() == [1, 248, -249]


def test_complex_numbers_of_matlab_are_refused(tmp_path):
    path = write(tmp_path / "a.mat", x=VALUES + 1j)
    with pytest.raises(ValueError, match=r"'x' of .*type complex128"):
        read_matlab(path, "x", rate=1.0)


def test_mat_files_of_version_4_are_refused_with_the_version_needed(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": VALUES}, format="4")
    with pytest.raises(ValueError, match=r"version 5 or later.*no header of one"):
        read_matlab(tmp_path / "a.mat", "x", rate=1.0)


def test_a_data_set_is_read_where_it_is_sliced_and_no_file_stays_open(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        huge = file.create_dataset("wrist/x", (10**9, 3), "f4", chunks=(1024, 3))
        huge[-1] = 7.0
    tracemalloc.start()
    stream = read_hdf5(path, "wrist/x", rate=50.0)
    last = stream.values[-2:].tolist()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.values.shape == (10**9, 3)
    assert last == [[0.0] * 3, [7.0] * 3]
    assert peak < 10**6
    copy = pickle.loads(pickle.dumps(stream))  # noqa: S301
    assert copy.values[-1].tolist() == [7.0] * 3
    with h5py.File(path, "r+") as file:  # refused by HDF5 while it is open to read
        file["wrist/x"][-1] = 8.0
    with pytest.raises(ValueError, match="changed since it was opened.*Read it anew"):
        copy.values[-1]
    again = read_hdf5(path, "wrist/x", rate=50.0)
    assert again.values[-1].tolist() == [8.0] * 3


def test_a_file_that_vanishes_between_two_slices_is_named(tmp_path):
    path = write(tmp_path / "a.h5", x=VALUES)
    stream = read_hdf5(path, "x", rate=1.0)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.h5"):
        stream.values[:2]


def test_text_objects_and_groups_of_hdf5_are_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["text"] = [pickle.dumps(1), b"two"]
        file["words"] = np.array(["one", "two"], dtype=h5py.string_dtype())
        file["table"] = np.zeros(3, "f4,f4")
        file["group/x"] = VALUES
        file["nothing"] = h5py.Empty("f4")
    for key in ("text", "words"):
        with pytest.raises(ValueError, match=rf"'{key}' of .*array of numbers"):
            read_hdf5(path, key, rate=1.0)
    with pytest.raises(ValueError, match=r"'table' of .*Pass columns=\['f1'\]"):
        read_hdf5(path, "table", rate=1.0)
    with pytest.raises(ValueError, match=r"'group', not in .*'group/x'"):
        read_hdf5(path, "group", rate=1.0)
    with pytest.raises(ValueError, match=r"time_axis=0 for shape \(\)"):
        read_hdf5(path, "nothing", rate=1.0)


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    arrays = {"x": VALUES, "t": VALUES[:, 0]}
    paths = {kind: write(folder / f"a.{kind}", **arrays) for kind in READERS}
    return {kind: path.read_bytes() for kind, path in paths.items()}


@EVERY_KIND
@settings(deadline=None, max_examples=60)
@given(content=st.binary(max_size=60), share=st.floats(0, 1))
def test_any_bytes_are_such_a_file_or_a_value_error(kind, content, share, whole_files):
    whole = whole_files[kind]
    place = int(share * len(whole))
    for broken in (content, whole[:place] + content + whole[place + len(content) :]):
        try:
            stream = READERS[kind](io.BytesIO(broken), "x", rate=1.0)
            np.asarray(stream.values)
        except (ValueError, OSError):
            continue


@pytest.mark.parametrize(("kind", "library"), [("v7.mat", "h5py"), ("h5", "h5py")])
def test_a_missing_library_names_the_extra_that_has_it(
    kind, library, whole_files, monkeypatch
):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"`{library}`.*keras_dcat\[io\]"):
        READERS[kind](io.BytesIO(whole_files[kind]), "x", rate=1.0)
