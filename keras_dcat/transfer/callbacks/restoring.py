"""Restores the baseline where a transfer has not improved on it."""

import warnings

import keras
import numpy as np

from keras_dcat.class_labels import checked_classes
from keras_dcat.metrics import macro_f1
from keras_dcat.transfer.label_rules import check_labels, fits, forms


class RestoreBaseline(keras.callbacks.Callback):
    """Restores the target trained alone, unless the transfer has improved on it.

    After the training, the target and the baseline (the same target, trained alone)
    predict windows of held-out people. Unless the target has the higher macro F1, it
    gets the baseline's weights, and `transfer_weight` becomes 0. Windows that decide
    are no longer a test. With several labels the score is the mean F1 of their "yes";
    for a regression it is the mean absolute error, which must be lower.

    `diagnose` needs the same baseline. Put this callback after others that choose
    weights, such as `keras.callbacks.EarlyStopping`.

    Attributes after the training: `reason`, str, why the baseline was restored, or
    `None`; `alone_f1` and `taught_f1`, or for a regression `alone_error` and
    `taught_error`.

    Args:
        alone: `keras.Model`, the target trained without a source. It is not changed.
        held_out: `(windows, labels)`. The target's windows, an array, and integers
            `(windows,)`; 0 or 1 `(windows, labels)` of several labels, −1 or NaN where
            one is not known; values of a regression.
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
        self._forget()

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
        self._check_held_out(*self.held_out)
        self._forget()

    def on_train_end(self, logs: dict | None = None) -> None:
        target = self.model.target
        alone, taught = (self._score(model) for model in (self.alone, target))
        if self.model.head.has_beliefs:
            self.alone_f1, self.taught_f1 = alone, taught
            is_better, measure = taught > alone, "macro F1"
        else:
            self.alone_error, self.taught_error = alone, taught
            is_better, measure = taught < alone, "mean absolute error"
        if is_better:
            return
        target.set_weights(self.alone.get_weights())
        self.model.transfer_weight = 0.0
        self.reason = (
            "A transfer should make its target better on held-out windows. "
            f"Received: a {measure} of {taught:.3f}, and of {alone:.3f} "
            "without a transfer. The target has the weights that it learned alone."
        )
        warnings.warn(self.reason, stacklevel=2)

    def _forget(self):
        self.reason = None
        self.alone_f1 = self.taught_f1 = None
        self.alone_error = self.taught_error = None

    def _check_held_out(self, windows, labels):
        head = self.model.head
        if head.is_plain:
            labels = checked_classes(labels, head.size)
        else:
            labels = np.asarray(labels)
            if not fits(head, labels.shape):
                raise ValueError(
                    f"Labels of `held_out` must be {forms(head)}. "
                    f"Received: shape {labels.shape}. Give one for each window."
                )
            check_labels(head, labels)
        if len(labels) == len(windows) and len(windows):
            if keras.ops.all(head.of_windows(self._is_labelled(labels)) > 0):
                return
        raise ValueError(
            "`held_out` must be windows and a label for each. "
            f"Received: {len(windows)} windows, and labels of shape "
            f"{labels.shape}. Leave out unlabelled windows."
        )

    def _is_labelled(self, labels):
        labels = keras.ops.convert_to_tensor(labels)
        return keras.ops.cast(self.model.head.is_labelled(labels), "float32")

    def _score(self, model):
        """Macro F1 of a model on the held-out windows, or its mean absolute error."""
        head, (windows, labels) = self.model.head, self.held_out
        predicted = model.predict(windows, batch_size=self.batch_size, verbose=0)
        if not head.has_beliefs:
            errors = np.abs(predicted - np.reshape(labels, predicted.shape))
            return float(np.nanmean(errors))
        if head.is_plain:
            return macro_f1(labels, predicted, head.size)
        # By decision: of each window, of its steps, of its labels.
        told = head.log_probabilities(keras.ops.convert_to_tensor(predicted))
        classes = keras.ops.convert_to_numpy(keras.ops.argmax(told, axis=-1))
        if head.task == "multilabel":
            own, classes = (np.reshape(x, (-1, head.size)) for x in (labels, classes))
            return macro_f1(own, classes, head.size, multi_label=True)
        own = head.classes_of_rows(keras.ops.convert_to_tensor(labels))
        own = keras.ops.convert_to_numpy(own)
        return macro_f1(own, classes.reshape(-1), head.num_classes)
