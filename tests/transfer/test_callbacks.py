import keras
import pytest

from keras_dcat.transfer.callbacks import FirstEpochCheck, watched
from keras_dcat.transfer.guard import TransferGuard


def test_a_first_epoch_without_a_step_is_an_error():
    callback = FirstEpochCheck()
    callback.on_train_begin()
    with pytest.raises(ValueError, match=r"at least one batch.*Check its filters"):
        callback.on_epoch_end(0, {})


def test_a_first_epoch_with_a_step_is_none():
    callback = FirstEpochCheck()
    callback.on_train_begin()
    callback.on_train_batch_end(0)
    callback.on_epoch_end(0, {})


@pytest.mark.parametrize("count", [None, 0, 1, 2])
def test_a_training_is_always_guarded_once(count):
    own = [keras.callbacks.History() for _ in range(count or 0)]
    given = {None: None, 1: own[0] if own else None}.get(count, own)
    callbacks = watched(given)
    assert callbacks[: len(own)] == own
    kinds = [type(c) for c in callbacks[len(own) :]]
    assert kinds == [FirstEpochCheck, TransferGuard]


def test_a_guard_of_the_users_own_takes_the_place_of_the_default():
    guard = TransferGuard(only_warn=True)
    assert [c for c in watched([guard]) if isinstance(c, TransferGuard)] == [guard]
