"""What is watched while a transfer runs."""

import keras

from keras_dcat.transfer.agreement import AgreedLabels
from keras_dcat.transfer.guard import TransferGuard


class FirstEpochCheck(keras.callbacks.Callback):
    """Says after the first epoch if there was no data, or nothing that tells classes.

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
        if self._is_first_epoch and self._learns_no_classes(logs or {}):
            raise ValueError(
                "A target must be told of classes, by labels or by its source. "
                "Received: windows without any label, and no transfer loss of "
                "predictions. Let the source tell them: "
                "loss=[FeatureContrast(), LogitsDistillation()]."
            )
        self._is_first_epoch = False

    def _learns_no_classes(self, logs):
        # Exactly 0: no window had a label.
        if logs.get("classification_loss") != 0 or not self.model.transfer_weight:
            return False
        return not any(
            loss.reads == "log_probabilities" and not isinstance(loss, AgreedLabels)
            for loss in self.model.transfer_losses
        )


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
