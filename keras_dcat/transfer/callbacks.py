"""What is watched while a transfer runs."""

import keras

from keras_dcat.transfer.guard import TransferGuard


class FirstEpochCheck(keras.callbacks.Callback):
    """Says after the first epoch if there was no data.

    Whether there is a source to learn from is for `TransferGuard` to say.
    """

    def on_train_begin(self, logs=None):
        self._steps = 0
        self._is_first_epoch = True

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1

    def on_epoch_end(self, epoch, logs=None):
        if self._is_first_epoch and not self._steps:
            raise ValueError(EMPTY_MESSAGE)
        self._is_first_epoch = False


EMPTY_MESSAGE = (
    "A dataset must hold at least one batch. Received: a dataset without any. "
    "Check its filters, and `drop_remainder`."
)


def watched(callbacks):
    """The callbacks of a training, with those that there always are.

    Args:
        callbacks: a `Callback`, a list of some, or `None`. A `TransferGuard` among them
            takes the place of the one there would be.

    Returns:
        list of `Callback`.
    """
    if not isinstance(callbacks, (list, tuple)):
        callbacks = [] if callbacks is None else [callbacks]
    guards = [c for c in callbacks if isinstance(c, TransferGuard)]
    # Behind the user's own, who then see the logs of an epoch before it is judged.
    return [*callbacks, FirstEpochCheck(), *([] if guards else [TransferGuard()])]
