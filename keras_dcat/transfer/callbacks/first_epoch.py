"""What is watched while a transfer runs."""

import warnings

import keras

from keras_dcat.transfer.callbacks.finite_loss import FiniteLoss
from keras_dcat.transfer.callbacks.negative_transfer import NegativeTransferGuard
from keras_dcat.transfer.callbacks.resuming import ResumeTraining
from keras_dcat.transfer.gating.gates import all_teach
from keras_dcat.transfer.input_shapes import EMPTY_MESSAGE


class FirstEpochCheck(keras.callbacks.Callback):
    """Says after the first epoch if there was no data, or nothing to learn by.

    An error, where nothing tells of classes, or values; a warning, where a contrast has
    nothing to tell apart.
    Whether there is a source to learn from is for `NegativeTransferGuard` to say.
    """

    # Keras may call it in another thread, and need not wait for a step to be done
    # before it starts the next.
    async_safe = True

    def on_train_begin(self, logs=None):
        self._has_trained = False
        self._is_first_epoch = True

    def on_train_batch_end(self, batch, logs=None):
        self._has_trained = True

    def on_epoch_end(self, epoch, logs=None):
        if self._is_first_epoch and not self._has_trained:
            raise ValueError(EMPTY_MESSAGE)
        if self._is_first_epoch and self._learns_no_classes(logs or {}):
            raise ValueError(self._untold())
        if self._is_first_epoch and self._tells_nothing_apart(logs or {}):
            warnings.warn(
                "InfoNCE compares the windows of a batch, which must have several. "
                "Received: an InfoNCE loss of exactly 0, as of batches of one. "
                "Take larger batches.",
                stacklevel=2,
            )
        self._is_first_epoch = False

    def _untold(self):
        """That nothing tells the target what to predict, in words."""
        heads = [source.head for source in self.model._pair.sources]
        if any(head is not None and head.has_beliefs for head in heads):
            return (
                "A target must be told of classes, by labels or by its source. "
                "Received: windows without any label, or none that weighs anything, "
                "and no transfer loss of predictions. Let the source tell them: "
                "recipe='no_labels'."
            )
        return (
            "A target must be told what to predict, by labels or by a source that "
            "predicts classes. Received: windows without any label, or none that "
            "weighs anything, and no source that does. Give some windows a label."
        )

    def _tells_nothing_apart(self, logs):
        # Behind a gate a contrast may be 0 for want of windows that may teach.
        nobody_may = logs.get("unmasked_share", 0) == 0
        return any(
            logs.get(name) == 0 and (term.gate is all_teach or not nobody_may)
            for name, term in self.model.terms.items()
            if term.loss.is_contrastive and term.weight > 0
        )

    def _learns_no_classes(self, logs):
        if logs.get("labelled_share") != 0 or not self.model.transfer_weight:
            return False
        return not any(loss.teaches_classes for loss in self.model.active_losses)


def watched(callbacks, data=None):
    """The callbacks of a training, with those that there always are.

    Args:
        callbacks: a `Callback`, a list of some, or `None`. A `NegativeTransferGuard`
            among them takes the place of the one there would be.
        data: what is trained on.

    Returns:
        list of `Callback`.
    """
    if not isinstance(callbacks, (list, tuple)):
        callbacks = [] if callbacks is None else [callbacks]
    guards = [c for c in callbacks if isinstance(c, NegativeTransferGuard)]
    kept = [c for c in callbacks if isinstance(c, ResumeTraining)]
    own = [c for c in callbacks if c not in kept]
    # Behind the user's own, who then see the logs of an epoch before it is judged; and
    # then what keeps what all of them have made of it.
    guard = [] if guards else [NegativeTransferGuard()]
    # Before all others: nobody shall keep what an epoch without sense has left.
    ends = any(isinstance(c, keras.callbacks.TerminateOnNaN) for c in callbacks)
    finite = [] if ends else [FiniteLoss()]
    together = [*finite, *own, FirstEpochCheck(), *guard, *kept]
    for each in kept:
        each.accompany(data, together)
    return together
