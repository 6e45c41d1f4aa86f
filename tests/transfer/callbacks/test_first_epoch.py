import warnings
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer import FeatureInfoNCE, LogitsDistillation
from keras_dcat.transfer.callbacks.finite_loss import FiniteLoss
from keras_dcat.transfer.callbacks.first_epoch import FirstEpochCheck, watched
from keras_dcat.transfer.callbacks.negative_transfer import NegativeTransferGuard
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.objective import Term
from tests.models import pair_of_branches, windows


def test_a_first_epoch_without_a_step_is_an_error():
    callback = FirstEpochCheck()
    callback.on_train_begin()
    with pytest.raises(ValueError, match=r"at least one batch.*Check its filters"):
        callback.on_epoch_end(0, {})


def test_a_first_epoch_with_a_step_is_none():
    callback = FirstEpochCheck()
    callback.on_train_begin()
    callback.on_train_batch_end(0)
    callback.set_model(SimpleNamespace(active_losses=[], terms={}))
    callback.on_epoch_end(0, {})


def test_the_callbacks_that_there_always_are_make_no_step_wait_for_the_last():
    callbacks = keras.callbacks.CallbackList(watched(None))
    plain = keras.callbacks.CallbackList([])
    assert callbacks._async_train == plain._async_train


@pytest.mark.parametrize(
    ("value", "share", "loss", "is_said"),
    [
        (0.0, 1.0, FeatureInfoNCE(), True),
        (0.1, 1.0, FeatureInfoNCE(), False),
        (0.0, 0.0, FeatureInfoNCE(), False),
        (0.0, 1.0, LogitsDistillation(name="info_nce"), False),
    ],
)
def test_a_contrast_of_nothing_is_said_after_the_first_epoch(
    value, share, loss, is_said
):
    callback = FirstEpochCheck()
    terms = {f"{loss.name}_loss": Term(loss, 1.0, gates.get("correct"))}
    model = SimpleNamespace(active_losses=[loss], terms=terms, transfer_weight=0.1)
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_train_batch_end(0)
    logs = {"info_nce_loss": value, "unmasked_share": share, "labelled_share": 1.0}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for epoch in range(2):
            callback.on_epoch_end(epoch, logs)
    said = [str(warning.message) for warning in caught]
    assert [message.split(". ")[-1] for message in said] == (
        ["Take larger batches."] if is_said else []
    )


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_batches_of_one_are_such(rng):
    pair, labels = windows(rng, count=3)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(run_eagerly=True)
    guard = NegativeTransferGuard(only_warn=True)
    with pytest.warns(UserWarning, match="loss of exactly 0.*Take larger"):
        model.fit(pair, labels, batch_size=1, verbose=0, callbacks=[guard])


@pytest.mark.parametrize("count", [None, 0, 1, 2])
def test_a_training_is_always_guarded_once(count):
    own = [keras.callbacks.History() for _ in range(count or 0)]
    given = {None: None, 1: own[0] if own else None}.get(count, own)
    callbacks = watched(given)
    assert type(callbacks.pop(0)) is FiniteLoss
    assert callbacks[: len(own)] == own
    kinds = [type(c) for c in callbacks[len(own) :]]
    assert kinds == [FirstEpochCheck, NegativeTransferGuard]


def test_a_guard_of_the_users_own_takes_the_place_of_the_default():
    guard = NegativeTransferGuard(only_warn=True)
    assert [c for c in watched([guard]) if isinstance(c, NegativeTransferGuard)] == [
        guard
    ]


def test_a_regression_without_any_value_is_told_to_give_some(rng):
    def branch(channels):
        inputs = keras.Input((channels,))
        return keras.Model(inputs, keras.layers.Dense(1)(inputs))

    options = {"task": "regression", "recipe": "info_nce", "gate": "all"}
    model = keras_dcat.DCATModel(branch(5), branch(3), **options)
    pair = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    with pytest.raises(ValueError, match=r"no source that does\. Give some windows"):
        model.fit(pair, np.full(8, np.nan), verbose=0)
