"""What is watched while a transfer runs."""

import warnings

import keras


class UntrainedSourceWarning(keras.callbacks.Callback):
    """Warns after the first epoch if the source knows nothing.

    A source at chance cannot teach; most often somebody forgot to train it, or
    to load its weights. "At chance" is an accuracy of at most twice that of
    guessing among `classes` (and at most 0.1 above it).
    """

    def on_train_begin(self, logs=None):
        self._is_first_epoch = True

    def on_epoch_end(self, epoch, logs=None):
        if not self._is_first_epoch:
            return
        self._is_first_epoch = False
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
