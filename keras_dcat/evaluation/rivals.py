"""Other ways to use two sensors, which D-CAT is compared with."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_dcat.evaluation.methods import DCAT, Method, Outcome
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.shown import shown_as_printed
from keras_dcat.transfer import FeatureInfoNCE
from keras_dcat.transfer.models.heads import find_head
from keras_dcat.transfer.recipe_weights import weights_of
from keras_dcat.windows import WindowIndex


class FeatureTransfer(keras.Model):
    """A target whose features are drawn to those of a frozen source.

    Features are what enters the last `Dense` layer, the classifier. The target's pass
    through a linear layer, which is trained along and not needed afterwards.

    Args:
        source: trained Functional `keras.Model` that ends in a `Dense` classifier.
        target: likewise, to be trained, in place.
        weight: float ≥ 0. Of the loss of features.
        loss: function `(source_features, projected_features) -> scalar`.

    Raises:
        ValueError: if a model does not end in a `Dense` classifier.
    """

    def __init__(self, source, target, weight, loss):
        super().__init__(autocast=False)
        self.target = target
        self.head = find_head(target)
        self.weight = weight
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
        known, rows, weights = self.head.supervised(y, prediction, sample_weight)
        weights = self.head.mean_over_labelled(weights, y)
        classification = super().compute_loss(
            x, known, rows, weights, training=training
        )
        batch = ops.shape(prediction)[0]
        self._classification.update_state(classification, sample_weight=batch)
        source, features = (ops.cast(f, "float32") for f in (source, features))
        return classification + self.weight * self.feature_loss(source, features)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(
            x, *self.head.supervised(y, y_pred[0], sample_weight)
        )

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


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Features(Method):
    """Distillation of features: the target's approach the source's.

    Attributes:
        kind: `"distance"` for feature distillation, `"contrast"` for InfoNCE.
        weight: float.
        temperature: float. That of the contrast.
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.

    Raises:
        ValueError: if `kind` is unknown.
    """

    kind: str = "distance"
    weight: float = 1.0
    temperature: float = 0.1

    def __post_init__(self):
        if self.kind not in ("distance", "contrast"):
            raise ValueError(
                "`kind` must be 'distance' or 'contrast'. "
                f"Received: kind={self.kind!r}. "
                "What is misspelt would be another method."
            )

    def seen(self, repetition: Repetition) -> WindowIndex:
        return repetition.part(self.data_fraction)

    def joined(
        self,
        repetition: Repetition,
        sources: tuple[str, ...],
        target: str,
        learner: keras.Model,
        index: WindowIndex,
        size: int,
    ) -> tuple[keras.Model, Any]:
        (source,) = sources
        teacher, _ = repetition.unimodal(source, self.data_fraction)
        loss = squared_distance
        if self.kind == "contrast":
            loss = FeatureInfoNCE(self.temperature)
        model = FeatureTransfer(teacher, learner, self.weight, loss)
        return model, repetition.pairs(source, target, index, size)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class LateFusion(Method):
    """The mean of the predictions of all sensors; needs all of them in use.

    Attributes:
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.
    """

    takes_several_sources = True

    def run(
        self, repetition: Repetition, sources: tuple[str, ...], target: str
    ) -> Outcome:
        parts = []
        for stream in (*sources, target):
            model, losses = repetition.unimodal(stream, self.data_fraction)
            parts.append(repetition.predict(model, stream))
        return Outcome(np.mean(parts, axis=0), losses)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class SelfTraining(DCAT):
    """The losses of D-CAT with the target trained alone as the source.

    It needs no pairs. The lead of D-CAT over it is the part of the second sensor.

    Attributes:
        those of `DCAT`.
    """

    needs_source = False

    def joined(
        self,
        repetition: Repetition,
        sources: tuple[str, ...],
        target: str,
        learner: keras.Model,
        index: WindowIndex,
        size: int,
    ) -> tuple[keras.Model, Any]:
        return super().joined(repetition, (target,), target, learner, index, size)


RIVALS = {
    "logits distillation": DCAT("distillation"),
    "feature distillation": Features(),
    "contrastive": Features(kind="contrast"),
    "D-CAT + logits": DCAT(loss_weights=weights_of("distillation")),
    "self-training": SelfTraining(),
    "late fusion": LateFusion(),
}
"""Other ways to use both sensors, or one; late fusion needs both at the test, too.

Their weights are those, of 0.1 to 1 for λ times the weight of a loss, that did best on
folds of the training subjects of UTD-MHAD.
"""
