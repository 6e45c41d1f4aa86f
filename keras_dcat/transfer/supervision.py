"""How a target is told its labels: loss and metrics that see what has a label."""

from typing import Any

import keras
from keras import ops

from keras_dcat.transfer.gradient_step import over_replicas
from keras_dcat.transfer.head import Head
from keras_dcat.transfer.labelled_metrics import as_passed, over_labelled_windows
from keras_dcat.transfer.losses.cross_entropy import CrossEntropy
from keras_dcat.transfer.outputs import PairOutputs, prediction_of
from keras_dcat.typing import Config, Tensor


class SupervisedTarget:
    """What `DCATModel` does about labels, before `keras.Model`, which comes after it.

    Expects `head`, the target's `Head`, and `_transfer_metrics`.
    """

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        *,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """Sets the training up; what is not named keeps a sensible default.

        The constructor has called it already. All arguments of
        `keras.Model.compile` are taken, `loss` being the classification loss.

        Args:
            optimizer: as in Keras.
            loss: as in Keras. Unless given, cross-entropy for integer or one-hot
                labels, binary cross-entropy for sigmoids, on logits or probabilities as
                the target's head gives; the squared error for a regression.
            metrics: as in Keras, on the target's output. What has no label does not
                count in them; where nothing counts, they are NaN.
            weighted_metrics: likewise, and `sample_weight` weighs the others. Unless
                any metrics are given, accuracy, and for a regression the absolute
                error.
            **kwargs: any other argument of `keras.Model.compile`.

        Raises:
            ValueError: if a metric is unknown, or cannot leave windows out.
        """
        if loss is None:
            loss = default_loss(self.head)
        if metrics is None and weighted_metrics is None:
            weighted_metrics = [default_metric(self.head)]
        super().compile(
            optimizer=optimizer,
            loss=loss,
            metrics=over_labelled_windows(metrics, self.head),
            weighted_metrics=over_labelled_windows(weighted_metrics, self.head),
            **kwargs,
        )

    def get_compile_config(self) -> Config:
        passed = as_passed(super().get_compile_config())
        return {**passed, "has_optimizer_state": self.optimizer.built}

    def compile_from_config(self, config: Config) -> None:
        config = dict(config)
        has_state = config.pop("has_optimizer_state")
        self.compile(**keras.saving.deserialize_keras_object(config))
        if has_state:  # or what Keras loads would not fit
            self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self) -> list:
        """What is shown: of a pair, the metrics of Keras see its prediction."""
        # Made here: as an attribute Keras would track it, beside what it reads.
        return [
            TargetMetrics(metric) if metric is self._compile_metrics else metric
            for metric in super().metrics
        ]

    def classification_loss(
        self, x: Any, y: Any, outputs: Any, sample_weight: Tensor | None, training: bool
    ) -> Tensor:
        """The loss of `compile`, as a mean over what has a label.

        Args:
            x: inputs.
            y: labels.
            outputs: of `call`.
            sample_weight: as for `fit`, or `None`.
            training: bool.

        Returns:
            float scalar.
        """
        known, prediction, weights = self.head.supervised(
            y, prediction_of(outputs), sample_weight
        )
        weights = self.head.mean_over_labelled(weights, y)
        return super().compute_loss(x, known, prediction, weights, training=training)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Tensor | None = None
    ) -> dict:
        """The metrics of `compile` on the target's output, and the transfer's."""
        results = super().compute_metrics(x, y, prediction_of(y_pred), sample_weight)
        hidden = {} if isinstance(y_pred, PairOutputs) else self._transfer_metrics.shown
        return {name: value for name, value in results.items() if name not in hidden}

    def _shown_of(self, classification, outputs):
        """The classification loss as `TransferMetrics` takes it."""
        return over_replicas(classification), ops.shape(outputs.prediction)[0]


class TargetMetrics(keras.metrics.Metric):
    """Metrics of `compile`, which read the target's prediction out of a pair's outputs.

    A training step written by hand gives every metric of the model what `call` returns.

    Args:
        metrics: what Keras has compiled. Its variables are these.
    """

    def __init__(self, metrics):
        super().__init__(name=metrics.name)
        self._compiled = metrics

    @property
    def variables(self):
        return self._compiled.variables

    def update_state(self, y_true, y_pred, sample_weight=None):
        self._compiled.update_state(y_true, prediction_of(y_pred), sample_weight)

    def result(self):
        return self._compiled.result()

    def reset_state(self):
        self._compiled.reset_state()


def default_loss(head: Head) -> keras.losses.Loss:
    """The loss of labels that fits a head.

    Args:
        head: `Head`.

    Returns:
        `keras.losses.Loss`.

    Example:

    >>> default_loss(Head("multilabel", 3)).name
    'binary_crossentropy'
    """
    if head.task == "multiclass":
        return CrossEntropy(from_logits=head.from_logits)
    if head.task == "regression":
        return keras.losses.MeanSquaredError()
    return keras.losses.BinaryCrossentropy(from_logits=head.from_logits)


def default_metric(head: Head) -> str:
    """The metric that fits a head.

    Args:
        head: `Head`.

    Returns:
        str, as for `keras.Model.compile`.

    Example:

    >>> default_metric(Head("regression", 1, from_logits=False))
    'mean_absolute_error'
    """
    return "accuracy" if head.has_beliefs else "mean_absolute_error"
