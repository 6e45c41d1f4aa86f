import json

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer import MaskedCrossAttentionLoss, ResumeTraining
from keras_dcat.transfer.callbacks.resuming import sealed
from tests.models import pair_of_branches, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


class PowerCut(keras.callbacks.Callback):
    """Ends a training in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.at = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.current = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.current, batch) == (self.at, 1):
            raise RuntimeError("power cut")


def trained(data, epochs=4, callbacks=(), weight=0.1):
    """A model with dropout and the history, after training from one seed."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)
    options = {"gate": "all", "loss": MaskedCrossAttentionLoss()} if weight else {}
    model = keras_dcat.DCATModel(
        *pair_of_branches(dropout=0.5), transfer_weight=weight, **options
    )
    history = model.fit(
        **data(), epochs=epochs, callbacks=list(callbacks), verbose=0
    ).history
    return model, history


def in_order(rng):
    pair, labels = windows(rng)
    return lambda: {"x": pair, "y": labels, "batch_size": 16, "shuffle": False}


def shuffled(rng):
    """What shuffles by a seed, in another order every epoch."""
    tf = pytest.importorskip("tensorflow")
    pair, labels = windows(rng)

    def data():
        whole = tf.data.Dataset.from_tensor_slices((pair, labels))
        return {"x": whole.shuffle(64, seed=1).batch(16)}

    return data


def assert_same(first, second):
    for one, other in zip(snapshot(first), snapshot(second), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.traced
@pytest.mark.parametrize(
    "kind", [pytest.param(in_order, marks=pytest.mark.slow), shuffled]
)
def test_a_training_that_died_ends_as_if_it_had_not(rng, tmp_path, kind):
    data, path = kind(rng), tmp_path / "training.npz"
    expected, history = trained(data)
    with pytest.raises(RuntimeError, match="power cut"):
        trained(data, callbacks=[ResumeTraining(path), PowerCut(2)])
    resumed, found = trained(data, callbacks=[ResumeTraining(path), PowerCut(-1)])
    assert_same(expected, resumed)
    for one, other in zip(
        expected.optimizer.variables, resumed.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one, other)))
    assert found == history
    assert resumed.history.epoch == [0, 1, 2, 3]
    assert [p.name for p in tmp_path.iterdir()] == ["training.npz"]


def test_a_training_that_is_done_is_there_at_once(rng, tmp_path):
    data, path = in_order(rng), tmp_path / "training.npz"
    expected, history = trained(data, 2, [ResumeTraining(path), PowerCut(-1)])
    again, found = trained(data, 2, [ResumeTraining(path), PowerCut(0)])
    assert_same(expected, again)
    assert found == history


class Counting(keras.callbacks.Callback):
    """Counts epochs, and keeps weights, as a patience does."""

    def on_train_begin(self, logs=None):
        self.seen, self.kept = 0, None

    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1
        self.kept = self.model.target.get_weights()


def test_what_other_callbacks_have_counted_goes_on(rng, tmp_path):
    data, path = in_order(rng), tmp_path / "training.npz"
    first, guard = Counting(), keras_dcat.transfer.NegativeTransferGuard()
    # The source is at chance: after the first epoch, the guard ends the transfer.
    with pytest.warns(UserWarning, match="trained before it teaches"):
        model, _ = trained(data, 1, [ResumeTraining(path), first, guard], weight=0.3)
    assert model.transfer_weight == 0
    guard, second = keras_dcat.transfer.NegativeTransferGuard(), Counting()
    # A second warning would be an error here.
    model, _ = trained(data, 1, [ResumeTraining(path), second, guard], weight=0.3)
    assert model.transfer_weight == 0
    assert "trained before it teaches" in guard.reason
    assert second.seen == 1
    for one, other in zip(first.kept, second.kept, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_training_that_was_stopped_early_stays_stopped(rng, tmp_path):
    data, path = in_order(rng), tmp_path / "training.npz"

    def stopped(*more):
        stop = keras.callbacks.EarlyStopping(
            "loss", min_delta=1e9, patience=1, restore_best_weights=True
        )
        return trained(data, 9, [*more, stop])

    expected, history = stopped()
    assert 0 < len(history["loss"]) < 9
    stopped(ResumeTraining(path))
    again, found = stopped(ResumeTraining(path))  # as if killed before it was saved
    assert_same(expected, again)
    assert found == history


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory):
    """What an epoch leaves, to be damaged."""
    path = tmp_path_factory.mktemp("one_epoch") / "training.npz"
    trained(in_order(np.random.default_rng(0)), 1, [ResumeTraining(path)])
    return path.read_bytes()


@pytest.fixture
def path(one_epoch, tmp_path):
    path = tmp_path / "training.npz"
    path.write_bytes(one_epoch)
    return path


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def of_another_model(path):
    path.unlink()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    model.fit(x, y, callbacks=[ResumeTraining(path)], verbose=0)


def rewritten(path, part):
    """With another part, as no damage of a disk would be."""
    with np.load(path) as arrays:
        arrays = dict(arrays)
    text = json.dumps({**json.loads(str(arrays.pop("kept"))), **part})
    arrays.pop("sha256")
    own = sealed(text, arrays)  # as whoever means harm can
    np.savez(path, kept=text, sha256=own, **arrays)


@pytest.mark.parametrize(
    ("damage", "message"),
    [(cut_off, "cannot be read"), (of_another_model, "of another model")],
)
def test_a_file_that_is_not_of_this_training_is_refused(rng, path, damage, message):
    damage(path)
    with pytest.raises(ValueError, match=rf"must be new.*{message}.*Delete it"):
        trained(in_order(rng), 2, [ResumeTraining(path)])


@pytest.mark.parametrize(
    "part",
    [
        {"epochs": [1, 3]},
        {"epochs": None},
        {"history": {"loss": "ab"}},
        {"has_stopped": 1},
        {"callbacks": [["Counting", None]]},
        {"variables": [[1.0]]},
        {"python": [3, [1], None]},
        {"numpy": {}},
    ],
    ids=str,
)
def test_a_part_of_another_kind_is_refused(rng, path, part):
    rewritten(path, part)
    with pytest.raises(ValueError, match=r"training\.npz.*cannot be read.*Delete it"):
        trained(in_order(rng), 2, [ResumeTraining(path)])


def test_a_position_outside_of_the_random_numbers_is_refused(rng, path):
    with np.load(path) as arrays:
        state = json.loads(str(arrays["kept"]))["numpy"]
    state["state"]["pos"] = 10**6
    rewritten(path, {"numpy": state})
    with pytest.raises(ValueError, match=r"cannot be read.*Delete it"):
        trained(in_order(rng), 2, [ResumeTraining(path)])


def test_a_byte_that_was_changed_is_found(rng, path):
    with np.load(path) as arrays:
        arrays = dict(arrays)
    name = next(n for n, a in arrays.items() if a.dtype == "float32" and a.size > 9)
    arrays[name].flat[3] += 1e-6
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"checksum is another.*Delete it"):
        trained(in_order(rng), 2, [ResumeTraining(path)])


class Reporting(Counting):
    """Has a path, and counts."""

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self.folder = "mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("folder", "of somebody else"),
        ("folder", None),
        ("seen", "many"),
        ("on_epoch_end", 1),
        ("__class__", 1),
        ("_model", [1]),
    ],
)
def test_what_counts_nothing_cannot_be_set_by_a_file(rng, tmp_path, name, value):
    path = tmp_path / "training.npz"
    trained(in_order(rng), 1, [ResumeTraining(path), Reporting()])
    with np.load(path) as arrays:
        callbacks = json.loads(str(arrays["kept"]))["callbacks"]
    assert callbacks[1][0] == "Reporting"
    assert set(callbacks[1][1]) == {"seen", "kept"}
    callbacks[1][1] = {name: value}
    rewritten(path, {"callbacks": callbacks})
    reporting = Reporting()
    with pytest.raises(ValueError, match=rf"would set '{name}' of Reporting"):
        trained(in_order(rng), 2, [ResumeTraining(path), reporting])
    assert vars(reporting)["folder"] == "mine"


def test_a_file_does_not_say_where_a_checkpoint_is_written(rng, tmp_path):
    path, victim = tmp_path / "training.npz", tmp_path / "victim.weights.h5"
    victim.write_text("precious")

    def checkpoint():
        own = str(tmp_path / "mine.weights.h5")
        return keras.callbacks.ModelCheckpoint(own, save_weights_only=True)

    trained(in_order(rng), 1, [ResumeTraining(path), checkpoint()])
    with np.load(path) as arrays:
        callbacks = json.loads(str(arrays["kept"]))["callbacks"]
    callbacks[1][1]["filepath"] = str(victim)
    rewritten(path, {"callbacks": callbacks})
    with pytest.raises(ValueError, match="would set 'filepath' of ModelCheckpoint"):
        trained(in_order(rng), 2, [ResumeTraining(path), checkpoint()])
    assert victim.read_text() == "precious"


def test_other_callbacks_than_before_are_refused(rng, path):
    with pytest.raises(
        ValueError, match=r"had the callbacks.*this has \['FiniteLoss', 'Counting'"
    ):
        trained(in_order(rng), 2, [ResumeTraining(path), Counting()])
