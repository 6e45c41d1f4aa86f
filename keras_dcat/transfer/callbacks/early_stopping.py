"""An end to the transfer when it no longer helps, while the training goes on."""

import math
import warnings

import keras

from keras_dcat.real_numbers import is_number


class TransferEarlyStopping(keras.callbacks.Callback):
    """Ends a transfer that no longer improves held-out windows.

    Like `keras.callbacks.EarlyStopping`, but only the transfer stops: when `monitor`
    has not improved for `patience` epochs, `transfer_weight` becomes 0, and the
    training continues. `transfer_weight` is a weight of the model, and saved with it.

    The attribute `reason` is a str that says why, or `None`.

    Args:
        monitor: str. What is watched in the logs. `"val_loss"` holds the transfer's own
            loss too, which may fall while the target gets worse.
        patience: int. After how many epochs in a row without improvement. Epochs
            without validation do not count.
        min_delta: float. What counts as an improvement must be larger.
        mode: `"min"` or `"max"`: whether less is better, or more. Known for losses,
            errors, accuracies and F1.
        verbose: 0 for silence, 1 to print the reason.

    Raises:
        ValueError: if `patience` is less than 1, or if the mode must be given.

    Example:

    >>> stop = TransferEarlyStopping("val_accuracy", patience=10)
    >>> stop.mode
    'max'
    >>> # model.fit(pairs, labels, validation_data=held_out, callbacks=[stop])
    """

    def __init__(
        self,
        monitor: str = "val_classification_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str | None = None,
        verbose: int = 1,
    ):
        super().__init__()
        are_numbers = is_number(patience) and is_number(min_delta)
        if not are_numbers or patience < 1 or not 0 <= min_delta < math.inf:
            raise ValueError(
                "`patience` must be at least 1, and `min_delta` at least 0. "
                f"Received: patience={patience}, min_delta={min_delta}. "
                "Start with 5 epochs and 0."
            )
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.mode = _mode(monitor) if mode is None else mode
        if self.mode not in ("min", "max"):
            raise ValueError(
                "`mode` must be 'min' or 'max', and be given where the name does not "
                "end in loss, error, accuracy or f1. "
                f"Received: mode={mode!r} for {monitor!r}. "
                "Say 'min' if less is better, 'max' if more is."
            )
        self.verbose = verbose
        self.reason: str | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._best = math.inf if self.mode == "min" else -math.inf
        self._waited = self._missed = 0
        if self.model.transfer_weight:
            self.reason = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not self.model.transfer_weight:
            return
        value = (logs or {}).get(self.monitor)
        if value is None:
            self._miss(logs or {})
            return
        # NaN improves on nothing.
        if self._gain(value) > self.min_delta:
            self._best, self._waited = value, 0
            return
        self._waited += 1
        if self._waited < self.patience:
            return
        self.model.transfer_weight = 0.0
        self.reason = (
            f"The transfer has ended after epoch {epoch + 1}: {self.monitor} has not "
            f"improved on {self._best:.4f} for {self._waited} epochs. "
            "The target goes on alone: transfer_weight is 0 now."
        )
        if self.verbose:
            print(f"\n{self.reason}")

    def _miss(self, logs):
        """Validation may be every few epochs only, so this is not said at once."""
        self._missed += 1
        if self._missed == self.patience and math.isinf(self._best):
            warnings.warn(
                "`monitor` must be in the logs of the training. "
                f"Received: monitor={self.monitor!r}, and logs of {sorted(logs)} in "
                f"{self._missed} epochs. Pass pairs of held-out people as "
                "`validation_data`, or name another.",
                stacklevel=2,
            )

    def _gain(self, value):
        return self._best - value if self.mode == "min" else value - self._best


def _mode(monitor):
    endings = {"loss": "min", "error": "min", "accuracy": "max", "f1": "max"}
    return next((m for end, m in endings.items() if monitor.endswith(end)), None)
