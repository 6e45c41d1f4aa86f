"""What a training that died loses: with `BackupAndRestore` of Keras, and with ours."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_dcat
from keras_dcat.transfer import MaskedCrossAttentionLoss, ResumeTraining
from tests.models import pair_of_branches, windows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:The source should be trained"),
]
EPOCHS, STEPS = 4, 4


class Counting(keras.callbacks.Callback):
    """Counts epochs, as a patience does; may end the third after its second batch."""

    def __init__(self, dies):
        super().__init__()
        self.dies = dies

    def on_train_begin(self, logs=None):
        self.seen = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1

    def on_train_batch_end(self, batch, logs=None):
        if self.dies and (self.epoch, batch) == (2, 1):
            raise RuntimeError("power cut")


def trained(kept, dies=False, dropout=0.0, shuffled=False):
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)
    pair, labels = windows(np.random.default_rng(0))
    loss = MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(
        *pair_of_branches(dropout=dropout), gate="all", loss=loss
    )
    data = tf.data.Dataset.from_tensor_slices((pair, labels))
    data = (data.shuffle(64, seed=1) if shuffled else data).batch(32 // STEPS)
    counting = Counting(dies)
    callbacks = [*kept, counting]
    model.fit(data, epochs=EPOCHS, callbacks=callbacks, verbose=0)
    return model, counting


def of_keras(folder, **options):
    return lambda: [keras.callbacks.BackupAndRestore(folder / "keras", **options)]


def ours(folder):
    return lambda: [ResumeTraining(folder / "training.npz")]


def lost(kept, **options):
    """What differs from a training that did not die."""
    expected, counting = trained([], **options)
    with pytest.raises(RuntimeError, match="power cut"):
        trained(kept(), dies=True, **options)
    resumed, other = trained(kept(), **options)
    one, two = (
        [v.numpy() for v in model.trainable_variables] for model in (expected, resumed)
    )
    seeds = [
        [v.numpy().tolist() for v in model.target.variables if "seed" in v.path]
        for model in (expected, resumed)
    ]
    return {
        "epochs of the history": EPOCHS - len(resumed.history.history["loss"]),
        "steps too many": int(resumed.optimizer.iterations) - EPOCHS * STEPS,
        "weights": any((a != b).any() for a, b in zip(one, two, strict=True)),
        "random seeds": seeds[0] != seeds[1],
        "epochs that callbacks counted": counting.seen - other.seen,
    }


NOTHING = {
    "epochs of the history": 0,
    "steps too many": 0,
    "weights": False,
    "random seeds": False,
    "epochs that callbacks counted": 0,
}
OF_KERAS = {**NOTHING, "epochs of the history": 2, "epochs that callbacks counted": 2}
DROPOUT, ORDERS = {"dropout": 0.5}, {"shuffled": True}


@pytest.mark.parametrize(
    ("options", "save_freq", "expected"),
    [
        ({}, "epoch", {}),
        (DROPOUT, "epoch", {"weights": True, "random seeds": True}),
        (ORDERS, "epoch", {"weights": True}),
        ({}, 1, {"weights": True, "steps too many": 2}),
    ],
    ids=["plain", "dropout", "orders", "by batch"],
)
def test_keras_loses_this(tmp_path, options, save_freq, expected):
    kept = of_keras(tmp_path, save_freq=save_freq)
    assert lost(kept, **options) == {**OF_KERAS, **expected}


def test_keras_does_not_come_back_from_a_half_written_file(tmp_path):
    kept = of_keras(tmp_path, delete_checkpoint=False)
    trained(kept())
    path = tmp_path / "keras" / "latest.weights.h5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(OSError, match="truncated"):
        trained(kept())


def test_keras_trains_an_epoch_twice_if_killed_between_its_two_files(tmp_path):
    kept = of_keras(tmp_path, delete_checkpoint=False)
    trained(kept())
    about = tmp_path / "keras" / "training_metadata.json"
    about.write_text(json.dumps({"epoch": EPOCHS - 1, "batch": 0}))
    model, _ = trained(kept())
    assert int(model.optimizer.iterations) == (EPOCHS + 1) * STEPS


@pytest.mark.parametrize("options", [{}, DROPOUT, ORDERS], ids=lambda each: str(each))
def test_we_lose_nothing_of_it(tmp_path, options):
    assert lost(ours(tmp_path), **options) == NOTHING
