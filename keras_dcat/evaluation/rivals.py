"""Transfers of features, which D-CAT is compared with."""

import keras
from keras import layers, ops

from keras_dcat.transfer.labels import (
    class_indices,
    for_classification,
    over_labelled,
)


class FeatureTransfer(keras.Model):
    """A target whose features are drawn to those of a frozen source.

    Features are what enters the last `Dense` layer, the classifier. The target's pass
    through a linear layer, which is trained along and not needed afterwards.

    Args:
        source: trained Functional `keras.Model` that ends in a `Dense` classifier.
        target: likewise, to be trained, in place.
        transfer_weight: float ≥ 0.
        loss: function `(source_features, projected_features) -> scalar`.

    Raises:
        ValueError: if a model does not end in a `Dense` classifier.
    """

    def __init__(self, source, target, transfer_weight, loss):
        super().__init__(autocast=False)
        self.target = target
        self.transfer_weight = transfer_weight
        self.feature_loss = loss
        self._source = keras.Model(source.inputs, classifier_input(source))
        features = classifier_input(target)
        self._target = keras.Model(target.inputs, [target.outputs[0], features])
        self._projection = layers.Dense(self._source.output_shape[-1])
        self._projection.build(features.shape)
        self._classification = keras.metrics.Mean(name="classification_loss")
        self.built = True

    def call(self, inputs, training=False):
        source = ops.stop_gradient(self._source(inputs["source"], training=False))
        prediction, features = self._target(inputs["target"], training=training)
        return prediction, source, self._projection(features)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        prediction, source, features = y_pred
        num_classes = prediction.shape[-1]
        known, weights = for_classification(y, sample_weight, num_classes)
        weights = over_labelled(weights, class_indices(y, num_classes))
        classification = super().compute_loss(
            x, known, prediction, weights, training=training
        )
        batch = ops.shape(prediction)[0]
        self._classification.update_state(classification, sample_weight=batch)
        source, features = (ops.cast(f, "float32") for f in (source, features))
        return classification + self.transfer_weight * self.feature_loss(
            source, features
        )

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        prediction = y_pred[0]
        known, weights = for_classification(y, sample_weight, prediction.shape[-1])
        return super().compute_metrics(x, known, prediction, weights)

    @property
    def trainable_variables(self):
        return self.target.trainable_variables + self._projection.trainable_variables

    @property
    def trainable_weights(self):
        return self.trainable_variables


def squared_distance(source, target):
    """Mean squared difference of features: feature distillation.

    Args:
        source: float tensor `(batch, features)`.
        target: float tensor `(batch, features)`.

    Returns:
        float scalar.

    Reference:
        Romero et al., 2015, [FitNets](https://arxiv.org/abs/1412.6550).
    """
    return ops.mean(ops.square(source - target))


def classifier_input(model):
    """The tensor that enters the last `Dense` layer of a Functional model.

    Args:
        model: `keras.Model`.

    Returns:
        `KerasTensor` `(batch, features)`.

    Raises:
        ValueError: if the model is not Functional, or has no such layer.
    """
    dense = [
        layer
        for layer in getattr(model, "layers", [])
        if isinstance(layer, layers.Dense)
    ]
    if (
        not getattr(model, "outputs", None)
        or not dense
        or len(dense[-1].input.shape) != 2
    ):
        raise ValueError(
            "A model whose features are compared must be Functional and end in a "
            f"`Dense` classifier. Received: {model.name!r}. "
            "Leave feature distillation and contrast out, or build it of layers."
        )
    return dense[-1].input
