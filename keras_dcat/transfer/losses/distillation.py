"""The transfer loss of the classifiers' outputs: a target predicts as its source."""

from typing import Any

import keras
from keras import ops

from keras_dcat.transfer.losses.transfer_loss import TransferLoss, WithTemperature
from keras_dcat.typing import Tensor

# The logarithm of no probability at all: of some −∞ sums would be NaN.
IMPOSSIBLE = -1e9


@keras.saving.register_keras_serializable(package="keras_dcat")
class LogitsDistillation(WithTemperature):
    """Distance between the class probabilities of source and target.

    `T² · KL(softmax(a / T) ‖ softmax(b / T))` for each window, with `a` and `b` the
    log-probabilities of source and target. A high temperature `T` also compares
    unlikely classes.

    Args:
        temperature: float > 0.
        reduction: a reduction of Keras, as in `MaskedCrossAttentionLoss`.
        name: str. In the history of a training the loss is called `<name>_loss`.
        dtype: dtype of the computation, `"float32"` unless given.

    Call args:
        y_true: float tensor `(batch, classes)`. The source's logits or
            log-probabilities.
        y_pred: float tensor `(batch, classes)`. The target's.
        sample_weight: `(batch,)`. Which windows may teach, and how much.

    Returns:
        float32 scalar, or `(batch,)` with `reduction=None`.

    Raises:
        ValueError: if the temperature is not positive.

    Example:

    >>> loss = LogitsDistillation(temperature=1.0)
    >>> certain, undecided = ops.array([[30.0, 0.0]]), ops.array([[0.0, 0.0]])
    >>> float(loss(certain, undecided))  # log 2
    0.6931...

    Reference:
        Hinton et al., 2015, [Distilling the knowledge in a neural
        network](https://arxiv.org/abs/1503.02531).
    """

    reads = "log_probabilities"
    teaches_classes = True
    usual_temperature = 2

    def __init__(
        self,
        temperature: float = 2.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "distillation",
        dtype: str = "float32",
    ):
        super().__init__(temperature, reduction, name, dtype)

    def call(self, y_true: Tensor, y_pred: Any) -> Tensor:
        source, target = (
            ops.log_softmax(x / self.temperature, axis=-1) for x in (y_true, y_pred)
        )
        believed = ops.exp(source)
        # What the source rules out, by a logarithm of −∞, costs nothing.
        gap = ops.where(believed > 0, source - target, 0.0)
        divergence = ops.sum(believed * gap, axis=-1)
        return self.temperature**2 * divergence


def log_probabilities(prediction, from_logits):
    """Log-probabilities, float32, of what a classifier gives.

    Args:
        prediction: float tensor `(batch, classes)`. Logits or probabilities.
        from_logits: bool. Which of the two.

    Returns:
        float32 tensor `(batch, classes)`, finite also where a class is ruled out.

    Example:

    >>> halves = log_probabilities(ops.array([[0.5, 0.5]]), from_logits=False)
    >>> [round(float(x), 3) for x in halves[0]]
    [-0.693, -0.693]
    """
    prediction = ops.cast(prediction, "float32")
    if from_logits:
        return ops.maximum(ops.log_softmax(prediction, axis=-1), IMPOSSIBLE)
    return ops.log(ops.maximum(prediction, keras.config.epsilon()))


@keras.saving.register_keras_serializable(package="keras_dcat")
class KerasDistillation(TransferLoss):
    """A loss of `keras.distillation`, gated as all transfer losses are.

    Windows that may not teach look to it as if the target predicted as its source.

    Args:
        loss: `keras.distillation.LogitsDistillation` or another one that compares the
            outputs of the two models.
        name: str. In the history of a training the loss is called `<name>_loss`.
        dtype: dtype of the computation.

    Call args:
        y_true: float tensor `(batch, classes)`. The source's log-probabilities.
        y_pred: float tensor `(batch, classes)`. The target's.
        sample_weight: `(batch,)`. Which windows may teach, and how much.

    Returns:
        float32 scalar.

    Raises:
        ValueError: if it is no loss of `keras.distillation`, or names layers whose
            outputs it compares.

    Example:

    >>> from keras.distillation import FeatureDistillation
    >>> loss = KerasDistillation(FeatureDistillation(loss="mse"))
    >>> source, target = ops.zeros((2, 3)), ops.ones((2, 3))
    >>> float(loss(source, target, sample_weight=ops.array([1.0, 0.0])))
    0.5
    """

    reads = "log_probabilities"
    teaches_classes = True

    def __init__(self, loss, name: str = "keras_distillation", dtype: str = "float32"):
        super().__init__(name=name, reduction="sum_over_batch_size", dtype=dtype)
        if not isinstance(loss, keras.distillation.DistillationLoss):
            raise ValueError(
                "`loss` must be a loss of keras.distillation. "
                f"Received: {type(loss).__name__}. "
                "Use `keras.distillation.LogitsDistillation`, or give `DCATModel` "
                "the loss itself."
            )
        layer_names = ("teacher_layer_name", "student_layer_name")
        named = {n: getattr(loss, n) for n in layer_names if getattr(loss, n, None)}
        if named:
            raise ValueError(
                "A loss of keras.distillation must compare the outputs of the models. "
                f"Received: one with {named}. "
                "Leave the layer names out, or use `MaskedCrossAttentionLoss`."
            )
        self.loss = loss

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        if sample_weight is not None:
            share = ops.cast(ops.reshape(sample_weight, (-1, 1)), y_pred.dtype)
            between = y_true + share * (y_pred - y_true)
            y_pred = ops.where(share == 1, y_pred, between)
        return ops.cast(self.loss.compute_loss(y_true, y_pred), self.dtype)

    def get_config(self):
        loss = keras.saving.serialize_keras_object(self.loss)
        return {"loss": loss, "name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss})


def of_keras(loss):
    """A transfer loss, made of one of `keras.distillation` if it is such."""
    if isinstance(loss, keras.distillation.DistillationLoss):
        return KerasDistillation(loss)
    return loss
