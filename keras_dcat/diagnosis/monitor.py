"""What a transfer does while it trains, written down epoch by epoch."""

import os
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_dcat.class_names import checked_class_names
from keras_dcat.diagnosis.gradients import GradientProbe
from keras_dcat.diagnosis.monitor_log import MonitorLog
from keras_dcat.metrics import macro_f1
from keras_dcat.transfer import LogitsDistillation

# By this much macro F1 must fall, and the gradients oppose each other, to be a sign.
MIN_LOSS, MIN_OPPOSITION = 0.02, 0.1


class TransferMonitor(keras.callbacks.Callback):
    """Writes down what a transfer does, and warns in words when it starts to harm.

    At the end of each epoch the model is looked at on windows held out, and nothing of
    it is changed. Per epoch there are:

    - `source_f1`, `target_f1` and `source_target_gap`, their difference: macro F1;
    - `train_gap`: accuracy in training less that on the held-out windows;
    - `alignment`: how far apart both sides are, and by class: the mean of the first
      transfer loss that compares features or `KᵀV`, of logits distillation if none
      does;
    - `unmasked_share`: how much the gate lets the source teach, and by class;
    - `gradient_cosine`: between the gradients of classification and transfer, on one
      batch. Below 0 they oppose each other;
    - `transfer_weight`: λ.

    It warns, once, if for `patience` epochs in a row the target's macro F1 has been
    clearly below the best it had, while the gradients opposed each other. Windows by
    which one decides on that are no longer a test.

    The attribute `rows` is a list with a dict for each epoch; `reason` is a str, what
    was warned of, or `None`.

    Args:
        held_out: `(pair, labels)`, arrays as for `DCATModel.fit`, of people who are not
            in the training; −1 for no label.
        path: folder for `transfer.csv` and the event files of TensorBoard; nothing is
            written without. A further training goes on in the same files.
        class_names: sequence of str, in the order of the outputs.
        patience: int. For how many epochs in a row it must look like harm.
        batch_size: int. Windows in a pass.
        tensorboard: bool. Whether to write for TensorBoard, too.

    Raises:
        ValueError: if `patience` is less than 1; when a training begins, if there is
            not one name for each class, if `held_out` are no such pairs, or if
            `transfer.csv` has other columns.
        ImportError: if the package `tensorboard` is missing where it is asked for.

    Example:

    >>> held_out = (np.zeros((9, 50, 6)), np.zeros((9, 50, 3))), np.zeros(9, int)
    >>> monitor = TransferMonitor(held_out)
    >>> # model.fit(pairs, labels, callbacks=[monitor]); monitor.rows[-1]["target_f1"]
    """

    def __init__(
        self,
        held_out: Any,
        path: str | os.PathLike | None = None,
        class_names: Sequence[str] | None = None,
        *,
        patience: int = 3,
        batch_size: int = 256,
        tensorboard: bool = False,
    ):
        super().__init__()
        if patience < 1:
            raise ValueError(
                "`patience` must be at least 1. "
                f"Received: patience={patience}. Start with 3 epochs."
            )
        self.held_out = held_out
        self.path = None if path is None else pathlib.Path(path)
        self.class_names = class_names
        self.patience = patience
        self.batch_size = batch_size
        self.tensorboard = tensorboard
        self.rows: list[dict] = []
        self.reason: str | None = None
        self._probe: Any = None  # a `GradientProbe`, once a training begins
        self._log: MonitorLog | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._names = checked_class_names(self.class_names, self.model.num_classes)
        pair, self._labels = self.held_out
        self.model._batch_format.checked(pair, self._labels, pairs_only=True)
        self._pair = self.model._batch_format.as_pair(pair)
        self._probe = GradientProbe(self.model)
        if self.path is not None:
            columns = ["epoch", *self._row(self._observed(rows=slice(0, 1)), {})]
            self._log = MonitorLog(self.path, columns, self.tensorboard)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        row = self._row(self._observed(), logs or {})
        self.rows.append(row)
        if self._log is not None:
            self._log.write(epoch, row)
        if self.reason is None:
            self.reason = harm(self.rows, self.patience)
            if self.reason is not None:
                warnings.warn(self.reason, stacklevel=2)

    def on_train_end(self, logs: dict | None = None) -> None:
        if self._log is not None:
            self._log.close()

    def _observed(self, rows=slice(None)):
        """Columns over the held-out windows: labels, predictions, distances, shares."""
        (source, target), labels = keras.tree.map_structure(
            lambda x: x[rows], (self._pair, self._labels)
        )
        count, parts = len(labels), []
        for start in range(0, count, self.batch_size):
            at = slice(start, start + self.batch_size)
            inputs = keras.tree.map_structure(
                lambda x, at=at: ops.convert_to_tensor(x[at], "float32"),
                {"source": source, "target": target},
            )
            parts.append(self._batch(inputs, labels[at]))
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def _batch(self, inputs, labels):
        outputs = self.model(inputs, training=False)
        classes = self.model.head.classes_of_rows(ops.convert_to_tensor(labels))
        loss = _of_each_window(self.model.active_losses)
        told = self.model.objective.told(outputs)
        believed = [ops.exp(source.log_probabilities) for source in told]
        readings = self.model.objective.readings(outputs, told)
        compared = [reading[loss.reads] for reading in readings]
        distances = [
            sum(loss(*pair) for pair in pairs) / len(pairs) for pairs in compared
        ]
        shares = self._shares(told, labels)
        columns = (
            classes,
            sum(believed),
            outputs.prediction,
            sum(distances) / len(distances),
            sum(shares) / len(shares),
        )
        return [ops.convert_to_numpy(column) for column in columns]

    def _row(self, observed, logs):
        labels, source, target, distances, shares = observed
        known = labels >= 0
        count = len(self._names)
        source_f1, target_f1 = (
            macro_f1(labels[known], x[known], count) if known.any() else float("nan")
            for x in (source, target)
        )
        right = target[known].argmax(axis=-1) == labels[known]
        accuracy = right.mean() if known.any() else float("nan")
        row = {
            "transfer_weight": self.model.transfer_weight,
            "source_f1": source_f1,
            "target_f1": target_f1,
            "source_target_gap": source_f1 - target_f1,
            "train_gap": logs.get("accuracy", float("nan")) - accuracy,
            "gradient_cosine": self._cosine() if logs else float("nan"),
        }
        for name, values in (("alignment", distances), ("unmasked_share", shares)):
            row[name] = values.mean()
            for number, class_name in enumerate(self._names):
                own = values[labels == number]
                row[f"{name}/{class_name}"] = own.mean() if len(own) else float("nan")
        return {name: float(value) for name, value in row.items()}

    def _cosine(self):
        # Some of every part: data often come class by class.
        labels = self._labels
        step = -(-len(labels) // self.batch_size)
        source, target = keras.tree.map_structure(lambda x: x[::step], self._pair)
        return self._probe.cosine({"source": source, "target": target}, labels[::step])


def _of_each_window(losses):
    """The loss that is shown as the alignment, with a number for each window."""
    aligning = [loss for loss in losses if loss.reads in ("features", "projections")]
    loss = aligning[0] if aligning else LogitsDistillation()
    return type(loss).from_config({**loss.get_config(), "reduction": None})


def harm(rows, patience: int) -> str | None:
    """Whether the last epochs look like harm, in words.

    Args:
        rows: list of dict, those of `TransferMonitor`.
        patience: int. How many epochs are looked at.

    Returns:
        str, or `None`.

    Example:

    >>> row = {"transfer_weight": 0.1, "target_f1": 0.8, "gradient_cosine": -0.4}
    >>> harm([row, {**row, "target_f1": 0.7}], patience=1)[:33]
    'The transfer has begun to do harm'
    """
    last, before = rows[-patience:], rows[:-patience]
    if not before or not last[-1]["transfer_weight"]:
        return None
    best = max(row["target_f1"] for row in before)
    now = [row["target_f1"] for row in last]
    cosine = float(np.mean([row["gradient_cosine"] for row in last]))
    if max(now) > best - MIN_LOSS or not cosine <= -MIN_OPPOSITION:
        return None
    return (
        "The transfer has begun to do harm: macro F1 of the held-out windows was "
        f"{best:.3f} and is {now[-1]:.3f}, below that for {patience} epochs, in which "
        f"the transfer pulled against the classification (cosine {cosine:+.2f}). "
        "Lower `transfer_weight`, let it decay, or end it with `TransferEarlyStopping`."
    )
