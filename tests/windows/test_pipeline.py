import numpy as np
import pytest

from keras_dcat import windows
from keras_dcat.constant_data import constants_of
from keras_dcat.recordings import Recording, Stream


@pytest.fixture
def index(rng):
    recordings = [
        Recording(
            {
                "skeleton": Stream(rng.normal(size=(200, 6)).astype("float32"), 20.0),
                "imu": Stream(rng.normal(size=(500, 3)).astype("float32"), 50.0),
            },
            label=label,
            subject=label,
        )
        for label in range(3)
    ]
    return windows.index_windows(recordings, length=2.0, stride=1.0)


def collected(dataset):
    return [
        ({k: v.numpy() for k, v in x.items()} if isinstance(x, dict) else x.numpy(), y)
        for x, y in dataset
    ]


def test_pairs_are_the_windows_of_the_index_in_its_order(index):
    batches = collected(windows.pair_dataset(index, "skeleton", "imu", batch_size=10))
    assert [len(y) for _, y in batches] == [10, 10, 7]
    for side, stream in (("source", "skeleton"), ("target", "imu")):
        values = np.concatenate([x[side] for x, _ in batches])
        np.testing.assert_array_equal(values, index.gather(stream))
    labels = np.concatenate([y for _, y in batches])
    np.testing.assert_array_equal(labels, index.labels)


def test_shuffling_is_repeatable_new_every_epoch_and_equal_for_pairs_and_streams(index):
    options = {"batch_size": 27, "shuffle": True, "seed": 4}
    pairs = windows.pair_dataset(index, "skeleton", "imu", **options)
    alone = windows.stream_dataset(index, "imu", **options)
    orders = []
    for _ in range(2):
        (((pair, _),), ((stream, _),)) = collected(pairs), collected(alone)
        np.testing.assert_array_equal(pair["target"], stream)
        orders.append(stream)
    assert not np.array_equal(*orders)
    again = collected(windows.stream_dataset(index, "imu", **options))[0][0]
    np.testing.assert_array_equal(again, orders[0])


def test_pairs_stay_pairs_when_shuffled(index):
    dataset = windows.pair_dataset(index, "skeleton", "imu", 27, shuffle=True, seed=1)
    ((pair, labels),) = collected(dataset)
    where = [
        np.flatnonzero((index.gather("imu") == x).all(axis=(1, 2)))[0]
        for x in pair["target"]
    ]
    np.testing.assert_array_equal(pair["source"], index.gather("skeleton")[where])
    np.testing.assert_array_equal(labels, index.labels[where])


def test_shapes_are_known_but_for_the_batch(index):
    inputs, labels = windows.pair_dataset(index, "skeleton", "imu").element_spec
    assert inputs["source"].shape.as_list() == [None, 40, 6]
    assert inputs["target"].shape.as_list() == [None, 100, 3]
    assert labels.shape.as_list() == [None]


def test_an_unknown_stream_is_refused_with_the_choices(index):
    with pytest.raises(ValueError, match=r"\['audio'\].*\['imu', 'skeleton'\]"):
        windows.pair_dataset(index, "audio", "imu")


def test_memory_maps_give_what_memory_gives(tmp_path, rng):
    values = rng.normal(size=(500, 3)).astype("float32")
    np.save(tmp_path / "values.npy", values)
    on_disk = np.load(tmp_path / "values.npy", mmap_mode="r")
    batches = []
    for each in (values, on_disk):
        recording = Recording({"imu": Stream(each, 50.0)}, 0, "A")
        index = windows.index_windows([recording], length=2.0, stride=0.3)
        batches.append(
            collected(windows.stream_dataset(index, "imu", shuffle=True, seed=2))
        )
        assert windows.stream_dataset(index, "imu").element_spec[0].shape[1:] == (
            100,
            3,
        )
    np.testing.assert_array_equal(batches[0][0][0], batches[1][0][0])


def test_balanced_classes_are_equally_frequent_and_none_is_lost(index):
    chosen = index.subset((index.labels != 1) | (np.arange(len(index)) % 3 == 0))
    counts = np.bincount(chosen.labels)
    assert counts.min() < counts.max()
    dataset = windows.stream_dataset(chosen, "imu", batch_size=100, balance=True)
    ((values, labels),) = collected(dataset)
    assert np.bincount(labels).tolist() == [counts.max()] * 3
    assert len(np.unique(values, axis=0)) == len(chosen)


def test_windows_without_a_label_are_no_class_to_balance(index):
    chosen = index.without_labels(index.times > 3)
    chosen = chosen.subset((chosen.labels != 1) | (np.arange(len(chosen)) % 2 == 0))
    most = np.bincount(chosen.labels[chosen.labels >= 0]).max()
    assert np.count_nonzero(chosen.labels < 0) > most
    dataset = windows.stream_dataset(chosen, "imu", batch_size=100, balance=True)
    ((_, labels),) = collected(dataset)
    labels = np.asarray(labels)
    assert np.bincount(labels[labels >= 0]).tolist() == [most] * 3
    assert np.count_nonzero(labels < 0) == np.count_nonzero(chosen.labels < 0)


def test_what_a_window_may_teach_comes_with_it_in_every_order(index):
    shares = index.times / 10
    dataset = windows.pair_dataset(
        index,
        "skeleton",
        "imu",
        batch_size=4,
        shuffle=True,
        seed=1,
        transfer_mask=shares,
    )
    expected = {
        window.tobytes(): share
        for window, share in zip(
            index.gather("imu"), shares.astype("float32"), strict=True
        )
    }
    for inputs, _ in collected(dataset):
        found = [expected[window.tobytes()] for window in inputs["target"]]
        np.testing.assert_array_equal(inputs["transfer_mask"], found)


def test_shares_of_other_windows_are_refused(index):
    with pytest.raises(ValueError, match=r"shape \(3,\) for 27.*this very index"):
        windows.pair_dataset(index, "skeleton", "imu", transfer_mask=np.ones(3))
    with pytest.raises(ValueError, match=r"shape \(27, 2\) for 27"):
        windows.pair_dataset(index, "skeleton", "imu", transfer_mask=np.ones((27, 2)))
    both = ("skeleton", "imu")
    with pytest.raises(ValueError, match=r"shape \(27,\) for 27"):
        windows.pair_dataset(index, both, "imu", transfer_mask=np.ones(27))


def test_arrays_for_other_windows_are_refused(index):
    with pytest.raises(ValueError, match=r"`source`.*\[\(3, 4\)\] for 27 windows"):
        windows.pair_dataset(index, np.ones((3, 4)), "imu")


@pytest.mark.parametrize("on_disk", [False, True])
def test_arrays_in_the_place_of_a_source_come_row_by_row(index, on_disk, tmp_path):
    rows = np.arange(27, dtype="float32")[:, None] * np.ones(4, "float32")
    if on_disk:
        np.save(tmp_path / "rows.npy", rows)
        rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    dataset = windows.pair_dataset(index, rows, "imu", batch_size=4, shuffle=True)
    imu = {window.tobytes(): at for at, window in enumerate(index.gather("imu"))}
    for inputs, _ in collected(dataset):
        positions = [imu[window.tobytes()] for window in inputs["target"]]
        np.testing.assert_array_equal(inputs["source"], rows[positions])


@pytest.mark.parametrize("balance", [False, True])
def test_processes_share_the_batches_of_one(index, balance):
    options = {"batch_size": 12, "shuffle": True, "seed": 3, "balance": balance}
    whole = windows.pair_dataset(index, "skeleton", "imu", **options)
    shares = [
        windows.pair_dataset(index, "skeleton", "imu", shard=(process, 3), **options)
        for process in range(3)
    ]
    for _ in range(2):  # epochs, each in an order of its own
        expected = collected(whole)[:-1]  # 27 windows: a last batch of 3 is left out
        found = list(zip(*map(collected, shares), strict=True))
        assert len(found) == len(expected) == len(shares[0]) == 2
        for (inputs, labels), parts in zip(expected, found, strict=True):
            for process, (own, own_labels) in enumerate(parts):
                np.testing.assert_array_equal(own_labels, labels[process::3])
                for side, values in own.items():
                    np.testing.assert_array_equal(values, inputs[side][process::3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"shard": (2, 2)},
            r"shard=\(2, 2\) and batch_size=12.*number of this process",
        ),
        ({"shard": (0, 5)}, r"multiple of processes.*the size of the whole batch"),
        (
            {"shard": (0, 2), "shuffle": True},
            r"need a `seed`.*seed=None.*the same seed",
        ),
        ({"shard": (0, 2), "batch_size": 28}, r"27 windows and batch_size=28.*smaller"),
    ],
)
def test_what_processes_cannot_share_is_refused(index, options, message):
    with pytest.raises(ValueError, match=message):
        windows.stream_dataset(index, "imu", **{"batch_size": 12, **options})


def test_no_window_and_no_batch_are_refused(index):
    empty = index.subset([])
    with pytest.raises(ValueError, match=r"Received: none.*Check the split"):
        windows.stream_dataset(empty, "imu")
    with pytest.raises(ValueError, match=r"Received: none.*Check the split"):
        windows.pair_dataset(empty, "skeleton", "imu")
    for size in (0, -1):
        with pytest.raises(ValueError, match=rf"batch_size={size}\..*default, 64"):
            windows.stream_dataset(index, "imu", batch_size=size)


def test_windows_in_memory_are_known_to_be_finite_and_their_labels_are_told(index):
    mask = np.linspace(0, 1, len(index))
    pairs = windows.pair_dataset(index, "skeleton", "imu", transfer_mask=mask)
    np.testing.assert_array_equal(constants_of(pairs).labels, index.labels)
    np.testing.assert_array_equal(
        constants_of(pairs).transfer_mask, mask.astype("float32")
    )
    alone = windows.stream_dataset(index, "imu", step_labels=4)
    np.testing.assert_array_equal(constants_of(alone).labels, index.step_labels(4))
    assert constants_of(alone).transfer_mask is None


def test_what_they_are_made_of_may_change_afterwards(rng):
    values = rng.normal(size=(500, 3)).astype("float32")
    recording = Recording({"imu": Stream(values, 50.0)}, 1, "A")
    index = windows.index_windows([recording], length=2.0, stride=1.0)
    expected = index.gather("imu")
    dataset = windows.stream_dataset(index, "imu")
    values[:], index.labels[:] = np.nan, 7
    ((found, labels),) = collected(dataset)
    np.testing.assert_array_equal(found, expected)
    assert constants_of(dataset).labels.tolist() == labels.numpy().tolist() == [1] * 9


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_arrays_that_are_not_finite_are_not_known_to_be(index, value):
    rows = np.zeros((len(index), 2), "float32")
    assert constants_of(windows.pair_dataset(index, rows, "imu")) is not None
    rows[-1, 1] = value
    assert constants_of(windows.pair_dataset(index, rows, "imu")) is None


def test_windows_that_are_not_finite_are_not_known_to_be(index):
    index.samples["imu"].parts[0][210] = np.nan
    assert constants_of(windows.stream_dataset(index, "imu")) is None
    assert constants_of(windows.stream_dataset(index, "skeleton")) is not None


def test_what_is_on_disk_may_change_and_is_not_known(index, tmp_path):
    rows = np.lib.format.open_memmap(
        tmp_path / "a.npy", "w+", "float32", (len(index), 2)
    )
    assert constants_of(windows.pair_dataset(index, rows, "imu")) is None
    np.save(tmp_path / "b.npy", np.zeros((500, 3), "float32"))
    on_disk = np.load(tmp_path / "b.npy", mmap_mode="r")
    recording = Recording({"imu": Stream(on_disk, 50.0)}, 1, "A")
    index = windows.index_windows([recording], length=2.0, stride=1.0)
    assert constants_of(windows.stream_dataset(index, "imu")) is None
