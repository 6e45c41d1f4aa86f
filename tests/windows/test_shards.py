import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows
from keras_dcat.windows.pipeline import pair_dataset, stream_dataset
from keras_dcat.windows.samples import Samples
from keras_dcat.windows.shards import read_shards, write_shards


def make_index(rng, dtypes=("float32", "uint8"), seconds=12, recordings=3):
    """Windows of 2 s: `(40, 2, 3)` of one stream and `(100, 3)` of the other."""

    def values(shape, dtype):
        scale = 2 if dtype == "bool" else 100
        return (rng.uniform(0, scale, size=shape)).astype(dtype)

    return index_windows(
        [
            Recording(
                {
                    "video": Stream(values((20 * seconds, 2, 3), dtypes[0]), 20.0),
                    "imu": Stream(values((50 * seconds, 3), dtypes[1]), 50.0),
                },
                label=label,
                subject="Jürgen",
                session=f"session/{label}",
            )
            for label in range(recordings)
        ],
        length=2.0,
        stride=1.0,
    )


@pytest.fixture
def index(rng):
    return make_index(rng)


@pytest.fixture
def file(index, tmp_path):
    return write_shards(index, tmp_path, windows_per_shard=10, progress=False)


def joined(dataset):
    """All batches of a dataset as one, in NumPy."""
    batches = [tf.nest.map_structure(lambda t: t.numpy(), batch) for batch in dataset]
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


@pytest.mark.parametrize(
    "dtypes",
    [
        ("float32", "uint8"),
        ("int16", "float64"),
        ("bool", "float16"),
        ("int8", "uint16"),
        ("int32", "int64"),
        (">f4", ">i2"),
    ],
)
def test_windows_come_back_bit_for_bit_in_their_order(rng, tmp_path, dtypes):
    index = make_index(rng, dtypes)
    file = write_shards(index, tmp_path, windows_per_shard=10, progress=False)
    pairs, labels = joined(read_shards(file, "video", "imu", batch_size=7))
    for side, stream in (("source", "video"), ("target", "imu")):
        gathered = index.gather(stream)
        native = gathered.astype(gathered.dtype.newbyteorder("="))
        assert pairs[side].dtype == native.dtype
        assert pairs[side].tobytes() == native.tobytes()
    np.testing.assert_array_equal(labels, index.labels)
    assert labels.dtype == index.labels.dtype


def test_batches_are_those_of_the_datasets_in_memory(index, file):
    for shards, memory in [
        (
            read_shards(file, "video", "imu", batch_size=10),
            pair_dataset(index, "video", "imu", batch_size=10),
        ),
        (
            read_shards(file, stream="imu", batch_size=10),
            stream_dataset(index, "imu", batch_size=10),
        ),
    ]:
        assert shards.element_spec == memory.element_spec
        assert int(shards.cardinality()) == int(memory.cardinality()) == 4
        for ours, theirs in zip(shards, memory, strict=True):
            tf.nest.map_structure(np.testing.assert_array_equal, ours, theirs)


def test_a_window_is_an_example_that_others_can_read(index, file):
    name = json.loads(file.read_text())["shards"][1]["file"]
    record = next(iter(tf.data.TFRecordDataset(str(file.parent / name))))
    feature = tf.train.Example.FromString(record.numpy()).features.feature
    assert feature["imu"].bytes_list.value[0] == index.gather("imu")[10].tobytes()
    assert feature["#label"].int64_list.value[0] == index.labels[10]
    assert feature["#subject"].bytes_list.value[0].decode() == "Jürgen"
    assert feature["#session"].bytes_list.value[0].decode() == index.sessions[10]


def test_the_index_file_lists_every_window_and_byte(index, file):
    content = json.loads(file.read_text())
    assert content["streams"]["video"] == {"dtype": "float32", "shape": [40, 2, 3]}
    assert [entry["windows"] for entry in content["shards"]] == [10, 10, 10, 3]
    for entry in content["shards"]:
        assert (file.parent / entry["file"]).stat().st_size == entry["bytes"]
    written = {entry["file"] for entry in content["shards"]}
    assert {p.name for p in file.parent.iterdir()} == {*written, "index.json", ".lock"}


def test_only_the_streams_that_are_asked_for_are_written(index, tmp_path):
    file = write_shards(index, tmp_path, streams=["imu"], progress=False)
    assert list(json.loads(file.read_text())["streams"]) == ["imu"]
    with pytest.raises(ValueError, match=r"\['video'\]. Choose from \['imu'\]"):
        read_shards(file, "video", "imu")


def test_shuffling_is_repeatable_new_every_epoch_and_equal_for_pairs_and_streams(
    index, file
):
    options = {"batch_size": 8, "shuffle": True, "seed": 4}
    pairs, alone = (
        read_shards(file, "video", "imu", **options),
        read_shards(file, stream="imu", **options),
    )
    orders = []
    for _ in range(2):
        (pair, labels), (stream, _) = joined(pairs), joined(alone)
        np.testing.assert_array_equal(pair["target"], stream)
        where = [
            np.flatnonzero((index.gather("imu") == x).all(axis=(1, 2)))[0]
            for x in stream
        ]
        np.testing.assert_array_equal(pair["source"], index.gather("video")[where])
        np.testing.assert_array_equal(labels, index.labels[where])
        assert sorted(where) == list(range(len(index)))
        orders.append(where)
    assert orders[0] != orders[1]
    again = joined(read_shards(file, stream="imu", **options))[0]
    np.testing.assert_array_equal(again, index.gather("imu")[orders[0]])


def test_shuffling_with_a_buffer_of_one_window_still_mixes_the_shards(
    index, file, monkeypatch
):
    monkeypatch.setattr("keras_dcat.windows.shards._SHUFFLE_BYTES", 1)
    imu = joined(read_shards(file, stream="imu", shuffle=True, seed=0))[0]
    where = [
        np.flatnonzero((index.gather("imu") == x).all(axis=(1, 2)))[0] for x in imu
    ]
    assert sorted(where) == list(range(len(index)))
    assert len({number // 10 for number in where[:16]}) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"source=None.*Ask for a pair"),
        ({"source": "imu"}, r"source='imu', target=None"),
        ({"source": "a", "target": "b", "stream": "c"}, r"stream='c'"),
        ({"stream": "audio"}, r"\['audio'\]. Choose from \['imu', 'video'\]"),
        ({"stream": "imu", "batch_size": 0}, r"'batch_size': 0.*defaults"),
    ],
)
def test_what_cannot_be_read_is_refused(file, options, message):
    with pytest.raises(ValueError, match=message):
        read_shards(file, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windows_per_shard": 0}, r"'windows_per_shard': 0"),
        ({"workers": 0}, r"'workers': 0"),
        ({"streams": ["audio"]}, r"\['audio'\]. Choose from \['imu', 'video'\]"),
        ({"streams": []}, r"Choose from \['imu', 'video'\]"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    index, tmp_path, options, message
):
    with pytest.raises(ValueError, match=message):
        write_shards(index, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


def test_windows_without_a_number_or_without_a_window_are_refused(rng, tmp_path):
    index = make_index(rng)
    imu = index.samples["imu"]
    words = Samples([part.astype("U5") for part in imu.parts], imu.steps)
    of_words = dataclasses.replace(index, samples={**index.samples, "imu": words})
    with pytest.raises(ValueError, match=r"for 'imu'. Convert"):
        write_shards(of_words, tmp_path)
    with pytest.raises(ValueError, match=r"Received: none.*subset"):
        write_shards(index.subset(np.zeros(len(index), bool)), tmp_path)


def test_progress_is_shown_by_shard(index, tmp_path, capsys):
    write_shards(index, tmp_path / "quiet", windows_per_shard=10, progress=False)
    assert capsys.readouterr().out == ""
    write_shards(index, tmp_path / "loud", windows_per_shard=10)
    assert "4/4" in capsys.readouterr().out


def test_two_workers_of_a_data_service_bring_every_window_once(rng, tmp_path):
    index = make_index(rng, ("float32", "float32"), recordings=6)
    file = write_shards(index, tmp_path, windows_per_shard=5, progress=False)
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    address = dispatcher.target.split("://")[1]
    workers = [
        service.WorkerServer(service.WorkerConfig(address, heartbeat_interval_ms=100))
        for _ in range(2)
    ]
    options = {"batch_size": 4, "shuffle": True, "seed": 0}
    served = read_shards(file, "video", "imu", service=dispatcher.target, **options)
    assert [len(labels) for _, labels in served] == [4] * 16 + [2]

    for _ in range(2):
        batches, labels = joined(served)
        imu = index.gather("imu")
        where = [
            np.flatnonzero((imu == x).all(axis=(1, 2)))[0] for x in batches["target"]
        ]
        assert sorted(where) == list(range(len(index)))
        np.testing.assert_array_equal(batches["source"], index.gather("video")[where])
        np.testing.assert_array_equal(labels, index.labels[where])

    inputs = keras.Input((100, 3))
    outputs = keras.layers.Dense(6)(keras.layers.GlobalAveragePooling1D()(inputs))
    model = keras.Model(inputs, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    before = model.get_weights()[0]
    targets = served.map(lambda pair, labels: (pair["target"], labels))
    model.fit(targets, shuffle=False, verbose=0)
    assert not np.array_equal(model.get_weights()[0], before)
    assert len(workers) == 2
