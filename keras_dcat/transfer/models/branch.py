"""A model and what is read out of it in one pass: attention layers, and features."""

import contextlib
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_dcat.attention import AttentionKV, find_attention
from keras_dcat.transfer.head import Head
from keras_dcat.transfer.losses.statistics import SourceStatistics, statistic_of
from keras_dcat.transfer.models.features import features_read, find_classifier


class Pass(NamedTuple):
    """What one pass of a branch leaves.

    Attributes:
        prediction: `(batch, classes)`, what the model gives.
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
        head: `Head`, what it ends in; `None` for a source whose output are features.
        names: list of str or `None`. Names of `AttentionKV` layers; `None` for the only
            one.

    Attributes:
        model: the model.
        head: as given.
        attentions: tuple of the layers that are read.
        classifier: the `Dense` layer whose input is read, or `None`.
    """

    def __init__(self, model: keras.Model, head: Head | None, names):
        self.model = model
        self.head = head
        self.names = names
        self.attentions: tuple[AttentionKV, ...] = ()
        self.classifier = None

    def why_not(self, reads: str) -> str | None:
        """Why something cannot be read of this model, as an error says it.

        Args:
            reads: what a loss reads.

        Returns:
            str, or `None` where it can be read.
        """
        if reads == "projections":
            try:
                self.find_attentions()
            except ValueError as error:
                return str(error)
        elif reads == "features":
            if self.head is not None and find_classifier(self.model) is None:
                return (
                    "A model whose features are compared must end in a `Dense` "
                    f"classifier. Received: {self.model.name!r} without one. "
                    "End it in one, or name other losses: loss=[LogitsDistillation()]."
                )
        elif self.head is None or not self.head.has_beliefs:
            kind = "features" if self.head is None else "values, not classes"
            return (
                "A loss of predictions needs probabilities of classes. "
                f"Received: {self.model.name!r}, whose output are {kind}. "
                "Compare features: loss=[FeatureInfoNCE()]."
            )
        return None

    def find_attentions(self):
        """The attention layers that are named, or the only one."""
        return tuple(find_attention(self.model, name) for name in self.names)

    def read(self, compared):
        """Sets what is read of each pass.

        Args:
            compared: set of what losses read.
        """
        if "projections" in compared:
            self.attentions = self.find_attentions()
        if "features" in compared and self.head is not None:
            self.classifier = find_classifier(self.model)

    @property
    def gives_features(self) -> bool:
        """Whether the features are the output, and not what a classifier is given."""
        return self.head is None

    def passed(self, inputs, training):
        """What the model predicts, and what its attention projects on the way.

        Args:
            inputs: what the model takes.
            training: bool.

        Returns:
            `Pass`.
        """
        with contextlib.ExitStack() as stack:
            captures = [
                stack.enter_context(layer.capture()) for layer in self.attentions
            ]
            read = stack.enter_context(features_read(self.classifier))
            prediction = self.model(inputs, training=training)
        projections = tuple(_one_pass(c, self.model) for c in captures)
        return Pass(prediction, projections, self._features(prediction, read))

    def frozen(self, inputs):
        """The same as a function of the model's variables, without a gradient.

        What the model would do to its own state stays in the scope, and is dropped.

        Args:
            inputs: what the model takes.

        Returns:
            `Pass`.
        """
        state = [(v, v.value) for v in self.model.variables]
        with keras.StatelessScope(state_mapping=state):
            found = self.passed(inputs, training=False)
        return keras.tree.map_structure(ops.stop_gradient, found)

    def told(self, found):
        """What a frozen source says of windows.

        Args:
            found: `Pass`, of `frozen`.

        Returns:
            `(log_probabilities, values)`, float32 `(batch, …)`, or `()` each.
        """
        if self.head is None:
            return (), ()
        if self.head.has_beliefs:
            return self.head.log_probabilities(found.prediction), ()
        return (), ops.cast(found.prediction, "float32")

    def statistics(self, inputs):
        """What a transfer needs to know of windows, in the place of the windows.

        Args:
            inputs: what the model takes.

        Returns:
            `SourceStatistics`, float32.
        """
        found = self.frozen(inputs)
        layers = (
            (*(ops.cast(x, "float32") for x in layer[:2]), *layer[2:])
            for layer in found.projections
        )
        features = keras.tree.map_structure(
            lambda x: ops.cast(x, "float32"), found.features
        )
        believed, values = self.told(found)
        return SourceStatistics(
            believed, tuple(map(statistic_of, layers)), features, values
        )

    def _features(self, prediction, read):
        if self.head is None:
            return prediction
        if self.classifier is None:
            return ()
        ranks = (2,) if self.head.steps is None else (2, 3)
        if len(read) != 1 or len(read[0].shape) not in ranks:
            shapes = [tuple(x.shape) for x in read]
            raise ValueError(
                "A model whose features are compared must call its last `Dense` layer "
                "once, on features `(batch, features)`. "
                f"Received: {shapes} in a pass of {self.model.name!r}. "
                "Let the classifier be its last one, or name other losses: "
                "loss=[LogitsDistillation()]."
            )
        (features,) = read
        # Neighbouring steps look alike: windows are told apart, not steps.
        return features if len(features.shape) == 2 else ops.mean(features, axis=1)


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
