"""λ: how strongly the source teaches, always or by a schedule."""

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_dcat.real_numbers import is_number


class TransferWeight(keras.layers.Layer):
    """λ as a number, or as a schedule over the steps of the training.

    A schedule of Keras, such as `keras.optimizers.schedules.CosineDecay(0.3, 5000)`,
    is asked at each step of training. Steps are counted in a weight, so that a model
    that was saved goes on where it was. A number that is assigned takes the place of
    the schedule, from the next step on, without tracing anything anew.

    Args:
        value: float ≥ 0 or `LearningRateSchedule`.
        **kwargs: as for any layer.

    Call args:
        training: bool. Whether a step is counted.

    Returns:
        float32 scalar.

    Raises:
        ValueError: if the value is neither.
    """

    def __init__(self, value, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.schedule = value if isinstance(value, LearningRateSchedule) else None
        self.number = self._scalar("number")
        self.is_scheduled = self._scalar("is_scheduled")
        self.step = self._scalar("step")
        self.built = True
        if self.schedule is not None:
            self.is_scheduled.assign(1.0)
        elif _is_weight(value):
            self.assign(value)
        else:
            raise ValueError(
                "`transfer_weight` must be a finite number of at least 0, or a "
                f"schedule of keras.optimizers.schedules. Received: "
                f"transfer_weight={value}. "
                "Start with 0.1, and search between 0.01 and 1."
            )

    def _scalar(self, name):
        return self.add_weight(
            name=name, shape=(), initializer="zeros", trainable=False
        )

    def assign(self, number):
        """Makes λ a number.

        Args:
            number: float ≥ 0.

        Raises:
            ValueError: if it is none.
        """
        if not _is_weight(number):
            raise ValueError(
                "`transfer_weight` can be assigned a finite number of at least 0. "
                f"Received: transfer_weight={number}. "
                "Give a schedule to `DCATModel` itself."
            )
        self.number.assign(float(number))
        self.is_scheduled.assign(0.0)

    def call(self, training=False):
        # A sum is a plain tensor also where a strategy mirrors the variable.
        number = self.number + 0.0
        if self.schedule is None:
            return number
        scheduled = ops.cast(self.schedule(self.step + 0.0), "float32")
        if training:
            self.step.assign(self.step + 1.0)
        return ops.where(self.is_scheduled > 0.5, scheduled, number)

    def described(self):
        """The number or the schedule, as Keras serializes it."""
        if self.schedule is not None and float(self.is_scheduled.value + 0.0) > 0.5:
            return keras.saving.serialize_keras_object(self.schedule)
        return float(self.number.value + 0.0)


def _is_weight(value):
    if not isinstance(value, str) and hasattr(value, "__float__"):
        value = float(value)  # a tensor
    return is_number(value) and 0 <= value < float("inf")
