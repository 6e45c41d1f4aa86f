"""Archives from strangers: they write nothing outside, and read nothing from there.

What holds for data is beside the readers: `tests/datasets/test_archive.py`, and
`tests/recordings/readers/test_arrays.py` for pickled objects.
"""

import io
import json
import tempfile
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.recordings.readers import read_hdf5, read_matlab
from keras_dcat.storage import seal
from keras_dcat.windows import index_windows, shards
from tests.reliability.hostile_models import branch, rewritten

ELSEWHERE = pytest.mark.parametrize(
    "how", ["external storage", "external link", "a link to one", "virtual"]
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    branch(3).save(path)
    return path


def put_elsewhere(file, name, how, path, values):
    """Makes a data set of an HDF5 file one whose values are in another file."""
    with h5py.File(path, "w") as other:
        other["x"] = values
    if name in file:
        del file[name]
    shape, dtype = values.shape, values.dtype
    if how == "external storage":
        file.create_dataset(name, shape, dtype, external=[(str(path), 0, 4096)])
    elif how == "external link":
        file[name] = h5py.ExternalLink(str(path), "x")
    elif how == "a link to one":
        file["door"] = h5py.ExternalLink(str(path), "/")
        file[name] = h5py.SoftLink("/door/x")
    else:
        layout = h5py.VirtualLayout(shape, dtype)
        layout[:] = h5py.VirtualSource(str(path), "x", shape)
        file.create_virtual_dataset(name, layout)


@pytest.mark.filterwarnings("ignore:Skipping invalid path")
@pytest.mark.parametrize(
    "member", ["../outside", "../../outside", "assets/../../outside", "/{}/outside"]
)
def test_a_model_is_unpacked_nowhere_but_where_it_should_be(
    member, archive, tmp_path, monkeypatch
):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(inside))
    monkeypatch.chdir(inside)
    members = {member.format(tmp_path): "x", "assets/own": "x"}
    path = rewritten(archive, tmp_path / "hostile.keras", members)
    try:
        keras.models.load_model(path)
    except ValueError:
        pass  # refused is as good as kept inside
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == {path}


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@ELSEWHERE
def test_a_model_takes_no_weights_from_another_file(how, archive, tmp_path):
    with zipfile.ZipFile(archive) as file:
        weights = io.BytesIO(file.read("model.weights.h5"))
    with h5py.File(weights, "r+") as file:
        name = "layers/dense/vars/1"
        values = file[name][()]
        put_elsewhere(file, name, how, tmp_path / "secret.h5", values)
    members = {"model.weights.h5": weights.getvalue()}
    path = rewritten(archive, tmp_path / "hostile.keras", members)
    with pytest.raises(ValueError, match="Not allowed|could not be loaded"):
        keras.models.load_model(path)


@ELSEWHERE
def test_a_recording_takes_no_values_from_another_file(how, tmp_path):
    values = np.arange(12.0).reshape(4, 3)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        put_elsewhere(file, "imu", how, tmp_path / "secret.h5", values)
        file["own"] = values
        file["alias"] = h5py.SoftLink("/own")
    with pytest.raises(ValueError, match=r"'imu' of .*a\.h5', which takes.*Copy them"):
        read_hdf5(path, "imu", rate=1.0)
    for name in ("own", "alias"):
        np.testing.assert_array_equal(read_hdf5(path, name, rate=1.0).values, values)


def test_a_matlab_file_takes_no_values_from_another_file(tmp_path):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        values = np.arange(6.0)
        put_elsewhere(file, "imu", "external link", tmp_path / "secret.h5", values)
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    with pytest.raises(ValueError, match=r"'imu' of .*a\.mat', which takes"):
        read_matlab(path, "imu", rate=1.0)


@pytest.mark.parametrize("name", ["../outside.tfrecord", "{}/outside.tfrecord"])
def test_an_index_names_no_shard_outside_its_folder(name, tmp_path):
    stream = Stream(np.zeros((50, 3), "float32"), rate=10.0)
    index = index_windows([Recording({"imu": stream}, 1, "A")], 1, 1)
    file = shards.write_shards(index, tmp_path / "own", progress=False)
    content = json.loads(file.read_text())
    (shard,) = content["shards"]
    (tmp_path / "own" / shard["file"]).rename(tmp_path / "outside.tfrecord")
    shard["file"] = name.format(tmp_path)
    del content["sha256"]
    file.write_text(json.dumps({**content, "sha256": seal(content)}))
    with pytest.raises(ValueError, match=r"index must be.*Remove it"):
        shards.read_shards(file, stream="imu")
