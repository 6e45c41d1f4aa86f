"""A model and what is read out of it in one pass: attention layers, and features."""

import contextlib
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_dcat.attention import find_attention
from keras_dcat.transfer.losses.distillation import log_probabilities
from keras_dcat.transfer.losses.statistics import SourceStatistics, statistic_of
from keras_dcat.transfer.models.features import features_read, find_classifier
from keras_dcat.transfer.models.inspection import gives_logits


class Pass(NamedTuple):
    """What one pass of a branch leaves.

    Attributes:
        prediction: `(batch, classes)`.
        projections: for each attention layer `(key, value)`, or `(key, value, mask)`;
            none if that was not asked for.
        features: `(batch, features)`, what the classifier was given; `()` if that was
            not asked for.
    """

    prediction: Any
    projections: tuple
    features: Any


class Branch:
    """One side of a transfer: a model, and what is read of its passes.

    Args:
        model: built `keras.Model`.
        names: list of str or `None`. Names of `AttentionKV` layers; `None` for the only
            one.
        reads: what of a pass is compared: `"projections"` of these layers,
            `"features"`, which the classifier is given. It always predicts.

    Raises:
        ValueError: if there is no such layer, or no classifier.

    Attributes:
        model: the model.
        attentions: the layers.
        captured: those of them that are read.
        classifier: the `Dense` layer whose input is read, or `None`.
        gives_logits: bool. Whether the model predicts logits, not probabilities.
    """

    def __init__(self, model, names, reads=frozenset({"projections"})):
        self.model = model
        self.attentions = [find_attention(model, name) for name in names]
        self.captured = self.attentions if "projections" in reads else []
        self.classifier = find_classifier(model) if "features" in reads else None
        if "features" in reads and self.classifier is None:
            raise ValueError(
                "A model whose features are compared must end in a `Dense` classifier. "
                f"Received: {model.name!r} without one. "
                "End it in one, or name other losses: loss=[LogitsDistillation()]."
            )
        self.gives_logits = gives_logits(model)

    def passed(self, inputs, training, split=None):
        """What the model predicts, and what its attention projects on the way.

        Args:
            inputs: what the model takes.
            training: bool.
            split: as in `AttentionKV.capture`, also for the features.

        Returns:
            `Pass`.
        """
        with contextlib.ExitStack() as stack:
            captures = [
                stack.enter_context(layer.capture(split)) for layer in self.captured
            ]
            read = stack.enter_context(features_read(self.classifier, split))
            prediction = self.model(inputs, training=training)
        projections = tuple(_one_pass(c, self.model) for c in captures)
        return Pass(prediction, projections, self._features(read))

    def frozen(self, inputs):
        """The same as a function of the model's variables, without a gradient.

        What the model would do to its own state stays in the scope, and is dropped.

        Args:
            inputs: what the model takes.

        Returns:
            `Pass`, whose prediction is log-probabilities in float32.
        """
        state = [(v, v.value) for v in self.model.variables]
        with keras.StatelessScope(state_mapping=state):
            found = self.passed(inputs, training=False)
        believed = log_probabilities(found.prediction, self.gives_logits)
        return keras.tree.map_structure(
            ops.stop_gradient, found._replace(prediction=believed)
        )

    def statistics(self, inputs):
        """What a transfer needs to know of windows, in the place of the windows.

        Args:
            inputs: what the model takes.

        Returns:
            `SourceStatistics`, float32.
        """
        believed, projections, features = self.frozen(inputs)
        layers = (
            (*(ops.cast(x, "float32") for x in layer[:2]), *layer[2:])
            for layer in projections
        )
        if self.classifier is not None:
            features = ops.cast(features, "float32")
        return SourceStatistics(believed, tuple(map(statistic_of, layers)), features)

    def _features(self, read):
        if self.classifier is None:
            return ()
        if len(read) != 1 or len(read[0].shape) != 2:
            shapes = [tuple(x.shape) for x in read]
            raise ValueError(
                "A model whose features are compared must call its last `Dense` layer "
                "once, on features `(batch, features)`. "
                f"Received: {shapes} in a pass of {self.model.name!r}. "
                "Let the classifier be its last one, or name other losses: "
                "loss=[LogitsDistillation()]."
            )
        return read[0]


def _one_pass(captured, model):
    """Key, value and, if there is one, mask of the only call of the attention."""
    if len(captured) != 1:
        raise ValueError(
            "A pass over a window must call `AttentionKV` exactly once. "
            f"Received: {len(captured)} calls in a pass of {model.name!r}. "
            "Use one `AttentionKV` per place in the model, and name the one to align."
        )
    projections = captured[0]
    if projections.mask is None:
        return projections.key, projections.value
    return projections.key, projections.value, projections.mask
