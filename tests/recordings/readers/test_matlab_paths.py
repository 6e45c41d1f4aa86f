import io
import re

import h5py
import numpy as np
import pytest
import scipy.io

from keras_dcat.recordings.readers import read_matlab

ONE, TWO = np.arange(12.0).reshape(4, 3), np.arange(12.0, 24.0).reshape(4, 3)


def cells(*items, shape=None):
    made = np.empty(len(items), object)
    made[:] = items
    return made if shape is None else made.reshape(shape, order="F")


CONTENT = {
    "data": {"acc": ONE, "fs": 50.0, "who": "anna"},
    "trials": cells(ONE, {"acc": TWO}, cells("a", TWO)),
    "runs": np.array([(ONE, 1.0), (TWO, 2.0)], dtype=[("acc", object), ("fs", object)]),
    "grid": cells(*[ONE + n for n in range(6)], shape=(2, 3)),
}


def version_5():
    file = io.BytesIO()
    scipy.io.savemat(file, CONTENT, do_compression=True)
    return file.getvalue()


def version_73():
    """What MATLAB's `save -v7.3` writes: fields in groups, and references."""
    file = io.BytesIO()
    with h5py.File(file, "w", userblock_size=512) as stored:
        count = iter(range(1000))

        def put(place, name, value):
            if isinstance(value, dict):
                group = place.create_group(name)
                group.attrs["MATLAB_class"] = np.bytes_("struct")
                for field, inner in value.items():
                    put(group, field, inner)
            elif isinstance(value, str):
                place[name] = np.array([[ord(letter)] for letter in value], "u2")
                place[name].attrs["MATLAB_class"] = np.bytes_("char")
            elif isinstance(value, np.ndarray) and value.dtype == object:
                value = np.atleast_2d(value)
                refs = np.empty(value.shape, h5py.ref_dtype)
                for at, inner in np.ndenumerate(value):
                    refs[at] = put(
                        stored.require_group("#refs#"), f"{next(count)}", inner
                    )
                place.create_dataset(name, data=refs.T, dtype=h5py.ref_dtype)
                place[name].attrs["MATLAB_class"] = np.bytes_("cell")
            elif isinstance(value, np.ndarray) and value.dtype.names:
                group = place.create_group(name)
                group.attrs["MATLAB_class"] = np.bytes_("struct")
                for field in value.dtype.names:
                    put(group, field, value[field])
                    del group[field].attrs["MATLAB_class"]
            else:
                place[name] = np.atleast_2d(np.asarray(value, "float64")).T
                place[name].attrs["MATLAB_class"] = np.bytes_("double")
            return place[name].ref

        for name, value in CONTENT.items():
            put(stored, name, value)
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    return head + file.getvalue()[128:]


VERSIONS = pytest.mark.parametrize(
    "content", [version_5(), version_73()], ids=["5", "7.3"]
)


@VERSIONS
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/acc", ONE),
        ("data[0]/acc", ONE),
        ("trials[0]", ONE),
        ("trials[1]/acc", TWO),
        ("trials[2][1]", TWO),
        ("runs[1]/acc", TWO),
        ("runs[0, 1]/acc", TWO),
        ("grid[3]", ONE + 3),  # MATLAB runs down columns
        ("grid[1, 1]", ONE + 3),
        ("grid[0, 2]", ONE + 4),
    ],
)
def test_a_path_leads_into_structures_and_cells(content, path, expected):
    stream = read_matlab(io.BytesIO(content), path, rate=1.0)
    np.testing.assert_array_equal(stream.values, expected)


@VERSIONS
def test_times_are_found_by_a_path_of_their_own(content):
    stream = read_matlab(io.BytesIO(content), "runs[1]/fs", time="runs[0]/fs")
    assert (stream.values.tolist(), stream.times.tolist()) == ([[2.0]], [1.0])


@VERSIONS
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data", r"type MATLAB struct\. Choose from: 'data/acc', 'data/fs'\.$"),
        ("data/who", r"type MATLAB char.*str2num"),
        ("data/Acc", r"not in.*Did you mean 'data/acc'\?.*'data/fs'"),
        ("data/acc/x", r"not in.*'data/acc'"),
        ("runs/acc", r"which has 2\. Choose from 'runs\[0\]/acc' to 'runs\[1\]/acc'"),
        ("runs[2]/acc", r"shape \(1, 2\)\. Choose from 'runs\[0\]' to 'runs\[1\]'"),
        ("runs[1]", r"Choose from: 'runs\[1\]/acc', 'runs\[1\]/fs'"),
        ("trials", r"MATLAB cell\. Choose from: 'trials\[0\]', 'trials\[1\]/acc'"),
        ("trials[1]", r"Choose from: 'trials\[1\]/acc'"),
        ("grid[2, 0]", r"shape \(2, 3\).*'grid\[5\]'"),
        ("data/acc[0]", r"\[0\] behind 'data/acc'.*MATLAB double\. Leave it out"),
        ("data(1).acc", r"not in"),
        ("data/", r"not in"),
    ],
)
def test_a_path_that_leads_to_no_numbers_is_refused_with_those_that_do(
    content, path, message
):
    with pytest.raises(ValueError, match=message):
        read_matlab(io.BytesIO(content), path, rate=1.0)


@pytest.mark.parametrize(
    ("said", "path"),
    [("st(1).acc", "st[0]/acc"), ("st(2).acc", "st[1]/acc"), ("c{2}", "c[1]")],
)
def test_the_notation_of_matlab_is_answered_with_the_path_of_the_same_array(
    said, path, tmp_path
):
    both = np.zeros(2, [("acc", "O")])
    cells = np.empty((1, 2), "O")
    for number in range(2):
        both[number]["acc"] = cells[0, number] = np.full((3, 2), number + 1.0)
    scipy.io.savemat(tmp_path / "a.mat", {"st": both, "c": cells})
    with pytest.raises(ValueError, match=re.escape(f"Pass {path!r}")):
        read_matlab(tmp_path / "a.mat", said, rate=1.0)
    found = read_matlab(tmp_path / "a.mat", path, rate=1.0).values
    assert np.unique(found).tolist() == [float(re.search(r"\d", said)[0])]
