"""No epoch in which the loss is no number changes the weights."""

import math
from typing import Any

import keras
import numpy as np


class FiniteLoss(keras.callbacks.Callback):
    """Ends a training whose loss is no number, with the weights of the epoch before.

    What is checked at the door cannot make one; what models make of it can: where all
    of a window is padding, Keras averages over no step at all, and a learning rate may
    be too high. Looked at once an epoch, for to read a loss is to wait for its step.
    Where Keras's `TerminateOnNaN` trains along, it does nothing.

    Raises:
        ValueError: at the end of such an epoch.
    """

    # Keras may call it in another thread, and need not wait for a step to be done
    # before it starts the next.
    async_safe = True

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._kept: Any = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self._kept is None:  # now that a training that goes on has its weights back
            self._kept = self._values()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = logs or {}
        values = self._values()
        is_fine = all(_is_finite(value) for _, value in values or ())
        loss = logs.get("loss", 0.0)
        if math.isfinite(loss) and is_fine:
            self._kept = values
            return
        for variable, value in self._kept or ():
            variable.assign(value)
        named = [*self.model.terms, "classification_loss"]
        wrong = [name for name in named if not math.isfinite(logs.get(name, 0.0))]
        found = f"a loss of {loss}" if wrong or not math.isfinite(loss) else "weights"
        by = f", by {', '.join(wrong)}" if wrong else ""
        raise ValueError(
            "The loss and the weights must stay numbers. "
            f"Received: {found} in epoch {epoch + 1}{by}; the weights are those of "
            "before it. Leave out windows that are all padding, over which Keras "
            "averages no step; normalize the inputs; or lower the learning rate."
        )

    def _values(self) -> Any:
        """What training changes, and copies of it; None where it is on many devices."""
        if keras.distribution.distribution() is not None:
            return None
        model = self.model
        sources = {id(v) for source in model.sources for v in source.variables}
        metrics = {id(v) for metric in model.metrics for v in metric.variables}
        variables = [
            v
            for v in [*model.variables, *model.optimizer.variables]
            if id(v) not in sources | metrics
        ]
        as_numpy = keras.ops.convert_to_numpy
        return [(v, as_numpy(v).copy()) for v in variables]


def _is_finite(values):
    if values.dtype.kind == "V":  # bfloat16, which NumPy does not know
        values = values.astype("float32")
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())
