"""Probabilities that mean what they say, before a gate goes by them."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_dcat.real_numbers import is_positive
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.gating.predictions import checked_predictions
from keras_dcat.typing import ArrayLike, Config, Tensor

# The smallest float32 that no backend rounds to zero: log(0) is not wanted.
_TINY = 1.2e-38
# Beyond, a source guesses or is as good as always right: there is nothing to fit.
_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.05, 20.0


@keras.saving.register_keras_serializable(package="keras_dcat")
class Calibrated:
    """A gate on calibrated probabilities of the source.

    Networks are overconfident: "90 %" may be right 70 times in 100. A temperature above
    1 corrects it, `softmax(log p / temperature)`, or `sigmoid(logit / temperature)`.
    The predicted class stays the same, so it matters to gates that use the confidence
    of the source: `"soft"`, `"correct_or_confident"` and `"confident"`.

    Args:
        gate: as for `DCATModel`.
        temperature: float above 0, as of `calibration_temperature`. 1 changes nothing.

    Call args:
        labels: int tensor `(batch,)`. True classes, −1 without one.
        source_probabilities: float tensor `(batch, classes)`. Its probabilities.

    Returns:
        tensor `(batch,)`, what the gate gives.

    Raises:
        ValueError: if the temperature is not above 0, or the gate is unknown.

    Example:

    >>> probabilities = ops.array([[0.9, 0.1]])
    >>> gate = Calibrated("soft", temperature=2.0)
    >>> round(float(gate(ops.array([0]), probabilities)[0]), 6)  # 3 / (3 + 1)
    0.75

    Reference:
        Guo et al., 2017, [On calibration of modern neural
        networks](https://arxiv.org/abs/1706.04599).
    """

    compares_values = False

    def __init__(self, gate: str | Callable, temperature: float):
        if not is_positive(temperature):
            raise ValueError(
                "`temperature` must be a finite number above 0. "
                f"Received: temperature={temperature!r}. "
                "Find it with `calibration_temperature`."
            )
        self.gate = gates.get(gate)
        self.temperature = float(temperature)

    def __call__(self, labels: Tensor, source_probabilities: Tensor) -> Tensor:
        logits = ops.log(ops.maximum(source_probabilities, _TINY)) / self.temperature
        return self.gate(labels, ops.softmax(logits, axis=-1))

    def get_config(self) -> Config:
        gate = keras.saving.serialize_keras_object(self.gate)
        return {"gate": gate, "temperature": self.temperature}

    @classmethod
    def from_config(cls, config: Config) -> "Calibrated":
        gate = keras.saving.deserialize_keras_object(config["gate"])
        return cls(gate, config["temperature"])


def calibration_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The temperature at which a source's probabilities fit the labels best.

    That is, at which the mean negative log-likelihood is least. Windows without a
    label do not count.

    Args:
        probabilities: float array `(windows, classes)`, of windows that the source was
            not trained on: held out, or out of fold. Multi-label `(windows, labels,
            2)`: one temperature for all labels.
        labels: true classes `(windows,)`, −1 without one, or one-hot; multi-label 0 or
            1 `(windows, labels)`, −1 or NaN without one.

    Returns:
        float from 0.05 to 20: above 1 if the source is more confident than it is right.
        The end of that range means that it is right on nearly all, or no better than
        guessing.

    Raises:
        ValueError: if no window has a label, or if these are not probabilities.

    Example:

    >>> probabilities = np.array([[0.9, 0.1]] * 4)
    >>> labels = np.array([0, 0, 0, 1])  # right 3 times in 4
    >>> round(calibration_temperature(probabilities, labels), 6)
    2.0
    """
    labels, probabilities = checked_predictions(labels, probabilities)
    known = labels >= 0
    if not known.any():
        raise ValueError(
            "A temperature is fitted to windows whose class is known. "
            f"Received: {len(labels)} windows without a label. "
            "Give out-of-fold predictions of labelled windows."
        )
    logits = np.log(np.maximum(probabilities[known].astype("float64"), _TINY))
    # So that the largest exponent is 0.
    logits -= logits.max(axis=-1, keepdims=True)
    true = np.take_along_axis(logits, labels[known][:, None], axis=-1)[:, 0].mean()

    def is_too_hot(temperature):
        """Whether the likelihood still rises as 1 / temperature does."""
        weights = np.exp(logits / temperature)
        expected = (weights * logits).sum(axis=-1) / weights.sum(axis=-1)
        return expected.mean() < true

    # The likelihood is concave in 1 / temperature, so its slope changes sign once.
    low, high = np.log(_MIN_TEMPERATURE), np.log(_MAX_TEMPERATURE)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_too_hot(np.exp(middle)) else (middle, high)
    return float(np.exp((low + high) / 2))
