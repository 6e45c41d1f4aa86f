"""Do no harm: a target that a transfer has made worse is not what is kept."""

import warnings
from typing import Any

import keras

from keras_dcat.class_labels import checked_classes
from keras_dcat.metrics import macro_f1


class RestoreBaseline(keras.callbacks.Callback):
    """Ends a training in the target alone, where the transfer has not made it better.

    When the training is over, the target that was taught and the same target as it was
    trained alone are asked of windows of people held out. Unless the taught one has
    the higher macro F1 there, it gets the weights of the other, and `transfer_weight`
    becomes 0. So a transfer costs no more than what the held-out windows cannot tell.
    Windows that decide on this are no longer a test.

    Whoever has asked `diagnose` has such a target already. Give this callback behind
    others that choose weights, as `keras.callbacks.EarlyStopping` may.

    The attributes tell what came of it when the training is over: `reason`, str, why
    the target alone is what it ended in, or `None`; and `alone_f1` and `taught_f1`.

    Args:
        alone: `keras.Model`, the target trained without a source. It is not changed.
        held_out: `(windows, labels)`. The target's windows, an array, and integers
            `(windows,)`.
        batch_size: int. Windows in a pass.

    Raises:
        ValueError: when training begins, if `alone` is the target itself, or its
            weights have other shapes, or if there is not one class for each held-out
            window.

    Example:

    >>> import numpy as np
    >>> alone = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> fall_back = RestoreBaseline(alone, (np.zeros((9, 3)), np.zeros(9, int)))
    >>> # model.fit(pairs, labels, callbacks=[fall_back]); fall_back.reason
    """

    def __init__(self, alone: keras.Model, held_out: tuple, batch_size: int = 256):
        super().__init__()
        self.alone = alone
        self.held_out = held_out
        self.batch_size = batch_size
        self.reason: str | None = None
        self.alone_f1: Any = None  # floats, once the training has ended
        self.taught_f1: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        if self.alone is self.model.target:
            raise ValueError(
                "`alone` must be another model than the target that is taught. "
                "Received: the target itself. "
                "Train a copy of it without a source: keras.models.clone_model(target)."
            )
        own, other = (
            [tuple(w.shape) for w in model.weights]
            for model in (self.model.target, self.alone)
        )
        if own != other:
            raise ValueError(
                "`alone` must have the architecture of the target. "
                f"Received: weights of shapes {other}, and a target with {own}. "
                "Train a copy of the target: keras.models.clone_model(target)."
            )
        windows, labels = self.held_out
        labels = checked_classes(labels, self.model.num_classes)
        if len(labels) != len(windows) or not len(windows) or labels.min() < 0:
            raise ValueError(
                "`held_out` must be windows and a label, an integer from 0, for each. "
                f"Received: {len(windows)} windows, and labels of shape "
                f"{labels.shape}. Leave out windows that nobody has labelled."
            )
        self.reason = self.alone_f1 = self.taught_f1 = None

    def on_train_end(self, logs: dict | None = None) -> None:
        target = self.model.target
        self.alone_f1, self.taught_f1 = map(self._f1, (self.alone, target))
        if self.taught_f1 > self.alone_f1:
            return
        target.set_weights(self.alone.get_weights())
        self.model.transfer_weight = 0.0
        self.reason = (
            "A transfer should make its target better on held-out windows. "
            f"Received: a macro F1 of {self.taught_f1:.3f}, and of {self.alone_f1:.3f} "
            "without a transfer. The target has the weights that it learned alone."
        )
        warnings.warn(self.reason, stacklevel=2)

    def _f1(self, model):
        windows, labels = self.held_out
        predicted = model.predict(windows, batch_size=self.batch_size, verbose=0)
        return macro_f1(labels, predicted, self.model.num_classes)
