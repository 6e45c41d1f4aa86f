"""What is watched while a transfer runs."""

import warnings

import keras


class FirstEpochCheck(keras.callbacks.Callback):
    """Says after the first epoch if there was no data, or no source to learn from.

    A source at chance cannot teach; most often somebody forgot to train it, or
    to load its weights. "At chance" is an accuracy of at most twice that of
    guessing among `classes` (and at most 0.1 above it).
    """

    def on_train_begin(self, logs=None):
        self._steps = 0
        self._is_first_epoch = True

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1

    def on_epoch_end(self, epoch, logs=None):
        if not self._is_first_epoch:
            return
        self._is_first_epoch = False
        if not self._steps:
            raise ValueError(EMPTY_MESSAGE)
        accuracy = (logs or {}).get("source_accuracy")
        chance = 1.0 / self.model.num_classes
        if accuracy is not None and accuracy <= chance + min(chance, 0.1):
            warnings.warn(
                "The source should be trained before it teaches. "
                f"Received: a source that is right on {accuracy:.1%} of the training "
                f"windows, where guessing gives {chance:.1%}. "
                "Train it first: source.fit(...).",
                stacklevel=2,
            )


EMPTY_MESSAGE = (
    "A dataset must hold at least one batch. Received: a dataset without any. "
    "Check its filters, and `drop_remainder`."
)
