"""What a loss is that a source teaches a target by."""

from typing import Any

import keras

from keras_dcat.real_numbers import is_positive
from keras_dcat.typing import Config

READINGS = (
    "features",
    "projections",
    "log_probabilities",
    "fused_log_probabilities",
)


@keras.saving.register_keras_serializable(package="keras_dcat")
class TransferLoss(keras.losses.Loss):
    """A loss of Keras that says what it compares of a source and a target.

    Derive your own from it with `reads` and `call(source, target)`, which returns a
    number for each window. Gates, several sources, unlabelled pairs, λ and the history
    then work as with the losses of this package.

    A class says what it is by five attributes:

    - `reads`, str, what it is called with of source and target: `"features"`, which the
      classifiers are given, `(batch, features)`, the target's mapped to the size of the
      source's; `"projections"`, `(key, value)`, `(key, value, mask)` or
      `KeyValueStatistic` of two `AttentionKV`; `"log_probabilities"` of the classes,
      `(batch, classes)`; or `"fused_log_probabilities"`, those of both sides together
      in the place of the source's;
    - `teaches_classes`, bool, whether a target that sees no label learns from it what
      classes are. False unless set;
    - `is_contrastive`, bool, whether it teaches which window is which, as also a source
      can that is weaker than its target. `NegativeTransferGuard` does not compare the
      two then. False unless set;
    - `only_unlabelled`, bool, whether it is for windows that have no label. False
      unless set;
    - `usual_gate`, str, which windows teach by it unless `DCATModel` is given a `gate`.
      `"all"` unless set.

    Args:
        reduction: a reduction of Keras. `None` leaves one number for each window.
        name: str. In the history of a training the loss is called `<name>_loss`. Unless
            given, Keras makes one of the name of the class.
        dtype: dtype of the computation. `"float32"` unless given, under every
            mixed-precision policy.

    Example:

    >>> @keras.saving.register_keras_serializable(package="mine")
    ... class FeatureDistance(TransferLoss):
    ...     reads = "features"
    ...
    ...     def call(self, source, target):
    ...         return keras.ops.mean(keras.ops.square(source - target), axis=-1)
    >>> loss = FeatureDistance(name="distance")
    >>> float(loss(keras.ops.zeros((2, 8)), keras.ops.ones((2, 8))))
    1.0
    """

    reads: str | None = None
    teaches_classes = False
    is_contrastive = False
    only_unlabelled = False
    usual_gate = "all"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str = "float32",
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def get_config(self) -> Config:
        return {**super().get_config(), "dtype": self.dtype}


class WithTemperature(TransferLoss):
    """A loss with a temperature, which is checked and kept in its config.

    A class says by `usual_temperature`, a number, where to start.
    """

    usual_temperature: float | None = None

    def __init__(
        self, temperature: float, reduction: str | None, name: str, dtype: Any
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        # Beyond, float32 does not hold its square, or what is divided by it.
        if not is_positive(temperature) or not 1e-9 <= temperature <= 1e9:
            raise ValueError(
                "`temperature` must be a positive number, from 1e-9 to 1e9. "
                f"Received: temperature={temperature!r}. "
                f"Start with {self.usual_temperature}."
            )
        self.temperature = temperature

    def get_config(self) -> Config:
        return {**super().get_config(), "temperature": self.temperature}
