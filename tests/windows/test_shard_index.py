import json

import pytest

from keras_dcat.storage import seal
from keras_dcat.windows.shard_index import load_index

SHARD = {"file": "a.tfrecord", "windows": 2, "bytes": 90, "sha256": "0f"}
INDEX = {
    "version": 1,
    "windows": 4,
    "windows_per_shard": 2,
    "labels": "int64",
    "streams": {"imu": {"dtype": "float32", "shape": [10, 3]}},
    "fingerprint": "ab",
    "shards": [SHARD, {**SHARD, "file": "b.tfrecord"}],
}


def written(path, index):
    """As whoever knows how an index is sealed can write it."""
    path.write_text(json.dumps({**index, "sha256": seal(index)}))
    return path


def test_an_index_is_read_less_its_seal(tmp_path):
    assert load_index(written(tmp_path / "index.json", INDEX), version=1) == INDEX


def test_a_change_that_was_not_sealed_is_found(tmp_path):
    path = written(tmp_path / "index.json", INDEX)
    path.write_text(path.read_text().replace('"windows": 4', '"windows": 5'))
    with pytest.raises(ValueError, match=r"index\.json.*Remove it"):
        load_index(path, version=1)


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"windows": 3},
        {"windows": True},
        {"labels": "object"},
        {"step_labels": 0},
        {"step_labels": "7"},
        {"streams": {"imu": {"dtype": "float32", "shape": [10, -3]}}},
        {"shards": []},
        {"shards": {}},
        {"shards": [{**SHARD, "file": "../a.tfrecord"}]},
        {"shards": [{**SHARD, "file": "/etc/a.tfrecord"}]},
        {"shards": [{**SHARD, "bytes": 0}]},
        {"shards": [{key: SHARD[key] for key in ("file", "windows")}]},
    ],
    ids=str,
)
def test_what_no_writer_says_is_refused_though_it_is_sealed(changed, tmp_path):
    path = written(tmp_path / "index.json", {**INDEX, **changed})
    with pytest.raises(ValueError, match=r"as it was written.*index\.json"):
        load_index(path, version=1)


@pytest.mark.parametrize("key", [key for key in INDEX if key != "sha256"])
def test_nothing_may_be_missing(key, tmp_path):
    rest = {name: value for name, value in INDEX.items() if name != key}
    with pytest.raises(ValueError, match="damaged"):
        load_index(written(tmp_path / "index.json", rest), version=1)
