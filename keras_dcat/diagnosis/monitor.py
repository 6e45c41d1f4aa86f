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
from keras_dcat.diagnosis.correctness import f1_of_rows
from keras_dcat.diagnosis.gradients import GradientProbe
from keras_dcat.diagnosis.monitor_log import MonitorLog
from keras_dcat.transfer import LogitsDistillation
from keras_dcat.transfer.objective import OF_WINDOWS

# By this much macro F1 must fall, and the gradients oppose each other, to be a sign; or
# an error grow, as a share of what it was.
MIN_LOSS, MIN_OPPOSITION, MIN_GROWTH = 0.02, 0.1, 0.05


class TransferMonitor(keras.callbacks.Callback):
    """Logs a transfer, and warns when it starts to harm.

    At the end of each epoch the model is looked at on windows held out, and nothing of
    it is changed. Per epoch there are:

    - `source_f1`, `target_f1` and `source_target_gap`, their difference: macro F1. Of
      several labels it is the mean F1 of "yes"; a regression has `source_error` and
      `target_error`, mean absolute errors. NaN of a source that only gives features;
    - `train_gap`: accuracy in training less that on the held-out windows; of a
      regression the mean absolute error there less that in training;
    - `alignment`: how far apart both sides are, and by class: the mean of the first
      transfer loss that compares features or `KᵀV`, of logits distillation if none
      does;
    - `unmasked_share`: how much the gate lets the source teach, and by class, of the
      strictest gate if losses have several;
    - `gradient_cosine`: between the gradients of classification and transfer, on one
      batch. Below 0 they oppose each other;
    - `transfer_weight`: λ.

    What is by class is of a label of several over the windows that have it.

    It warns, once, if for `patience` epochs in a row the target's macro F1 has been
    clearly below the best it had, or its error above, while the gradients opposed each
    other. Windows by which one decides on that are no longer a test.

    The attribute `rows` is a list with a dict for each epoch; `reason` is a str, what
    was warned of, or `None`.

    Args:
        held_out: `(pair, labels)`, arrays as for `DCATModel.fit`, of people who are not
            in the training; −1 for no label, NaN of a regression.
        path: folder for `transfer.csv` and the event files of TensorBoard; nothing is
            written without. A further training goes on in the same files.
        class_names: sequence of str, in the order of the outputs; of one sigmoid the
            names of no and yes; of several their labels.
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
        head = self.model.head
        count = 0  # of a regression
        if head.has_beliefs:
            count = head.size if head.task == "multilabel" else head.num_classes
        names = self.class_names if head.has_beliefs else []
        self._names = checked_class_names(names, count)
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
            parts.append(self._batch(inputs, ops.convert_to_tensor(labels[at])))
        return [np.concatenate(column) for column in zip(*parts, strict=True)]

    def _batch(self, inputs, labels):
        """The columns of a batch, each by decision."""
        outputs = self.model(inputs, training=False)
        head, objective = self.model.head, self.model.objective
        told = objective.told(outputs)
        loss = _of_each_window(self.model.active_losses)
        distances = []
        for reading in objective.readings(outputs, told):
            pairs = reading.get(loss.reads)
            if pairs:  # not every source can be read by every loss
                distances.append(sum(loss(*pair) for pair in pairs) / len(pairs))
        distance = sum(distances) / len(distances)
        if loss.reads in OF_WINDOWS:
            distance = head.of_rows(distance)
        shares = [sum(own) for own in objective.masks(told, labels).values()]
        columns = (
            *self._predictions(outputs, told, labels),
            distance,
            ops.stack(shares, axis=-1),
        )
        return [ops.convert_to_numpy(column) for column in columns]

    def _predictions(self, outputs, told, labels):
        """Labels, and what the sources and the target say, in rows."""
        head = self.model.head
        if head.has_beliefs:
            target = head.rows(head.log_probabilities(outputs.prediction))
            believed = [
                ops.exp(each.log_probabilities)
                for each in told
                if not isinstance(each.log_probabilities, tuple)
            ]
            nothing = ops.full_like(target, float("nan"))  # features say no class
            source = sum(believed) if believed else nothing
            return head.classes_of_rows(labels), source, target
        target = head.values(outputs.prediction)
        values = [each.values for each in told if not isinstance(each.values, tuple)]
        source = ops.full_like(target, float("nan"))
        if values:
            source = head.values(sum(values) / len(values))
        return head.values(labels), source, target

    def _row(self, observed, logs):
        labels, source, target, distances, shares = observed
        shares = shares[:, shares.mean(axis=0).argmin()]
        row = {
            "transfer_weight": self.model.transfer_weight,
            **self._scores(labels, source, target, logs),
            "gradient_cosine": self._cosine() if logs else float("nan"),
        }
        members = self._members(labels)
        for name, values in (("alignment", distances), ("unmasked_share", shares)):
            row[name] = values.mean()
            for class_name, own in members.items():
                mean = values[own].mean() if own.any() else float("nan")
                row[f"{name}/{class_name}"] = mean
        return {name: float(value) for name, value in row.items()}

    def _scores(self, labels, source, target, logs):
        nan = float("nan")
        if not self.model.head.has_beliefs:
            errors = [np.abs(x - labels) for x in (source, target)]
            found = [_mean_of_known(x) for x in errors]
            in_training = logs.get("mean_absolute_error", nan)
            names, gap = ("source_error", "target_error"), found[1] - in_training
        else:
            known = labels >= 0
            kinds = self._kinds(len(labels))
            kinds = None if kinds is None else kinds[known]
            found = [
                f1_of_rows(labels[known], x[known], kinds)
                if known.any() and np.isfinite(x).all()
                else nan
                for x in (source, target)
            ]
            right = target[known].argmax(axis=-1) == labels[known]
            accuracy = right.mean() if known.any() else nan
            names, gap = (
                ("source_f1", "target_f1"),
                logs.get("accuracy", nan) - accuracy,
            )
        return {
            **dict(zip(names, found, strict=True)),
            "source_target_gap": found[0] - found[1],
            "train_gap": gap,
        }

    def _kinds(self, rows):
        """The label that each row is of; `None` unless there are several."""
        head = self.model.head
        if head.task != "multilabel":
            return None
        return np.arange(rows) % head.size

    def _members(self, labels):
        """Which rows are of each class."""
        kinds = self._kinds(len(labels))
        if kinds is None:
            return {name: labels == at for at, name in enumerate(self._names)}
        return {
            name: (labels == 1) & (kinds == at) for at, name in enumerate(self._names)
        }

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
    cosine = float(np.mean([row["gradient_cosine"] for row in last]))
    if not cosine <= -MIN_OPPOSITION:
        return None
    if "target_error" in last[-1]:
        measure, best = "the error", min(row["target_error"] for row in before)
        now = [row["target_error"] for row in last]
        is_worse, side = min(now) >= best * (1 + MIN_GROWTH), "above"
    else:
        measure, best = "macro F1", max(row["target_f1"] for row in before)
        now = [row["target_f1"] for row in last]
        is_worse, side = max(now) <= best - MIN_LOSS, "below"
    if not is_worse:
        return None
    return (
        f"The transfer has begun to do harm: {measure} of the held-out windows was "
        f"{best:.3f} and is {now[-1]:.3f}, {side} that for {patience} epochs, in which "
        f"the transfer pulled against the classification (cosine {cosine:+.2f}). "
        "Lower `transfer_weight`, let it decay, or end it with `TransferEarlyStopping`."
    )


def _mean_of_known(errors):
    known = ~np.isnan(errors)
    return errors[known].mean() if known.any() else float("nan")
