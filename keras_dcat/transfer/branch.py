"""A model and the attention layers that are read out of it, in one pass."""

import contextlib

import keras
from keras import ops

from keras_dcat.attention import find_attention
from keras_dcat.transfer.distillation import log_probabilities
from keras_dcat.transfer.inspection import gives_logits
from keras_dcat.transfer.statistics import SourceStatistics, statistic_of


class Branch:
    """One side of a transfer: a model, and which of its attention layers are compared.

    Args:
        model: built `keras.Model`.
        names: list of str or `None`. Names of `AttentionKV` layers; `None` for the only
            one.

    Attributes:
        model: the model.
        attentions: the layers.
        gives_logits: bool. Whether the model predicts logits, not probabilities.
    """

    def __init__(self, model, names):
        self.model = model
        self.attentions = [find_attention(model, name) for name in names]
        self.gives_logits = gives_logits(model)

    def passed(self, inputs, training, split=None):
        """What the model predicts, and what its attention projects on the way.

        Args:
            inputs: what the model takes.
            training: bool.
            split: as in `AttentionKV.capture`.

        Returns:
            `(prediction, projections)`: for each attention layer `(key, value)`, or
            `(key, value, mask)`.
        """
        with contextlib.ExitStack() as stack:
            captures = [
                stack.enter_context(layer.capture(split)) for layer in self.attentions
            ]
            prediction = self.model(inputs, training=training)
        return prediction, tuple(_one_pass(c, self.model) for c in captures)

    def frozen(self, inputs):
        """The same as a function of the model's variables, without a gradient.

        What the model would do to its own state stays in the scope, and is dropped.

        Args:
            inputs: what the model takes.

        Returns:
            `(log_probabilities, projections)`, float32 `(batch, classes)` and as in
            `passed`.
        """
        state = [(v, v.value) for v in self.model.variables]
        with keras.StatelessScope(state_mapping=state):
            prediction, projections = self.passed(inputs, training=False)
        believed = log_probabilities(prediction, self.gives_logits)
        return ops.stop_gradient(believed), tuple(
            tuple(ops.stop_gradient(x) for x in layer) for layer in projections
        )

    def statistics(self, inputs):
        """What a transfer needs to know of windows, in the place of the windows.

        Args:
            inputs: what the model takes.

        Returns:
            `SourceStatistics`, float32.
        """
        believed, projections = self.frozen(inputs)
        layers = (
            (*(ops.cast(x, "float32") for x in layer[:2]), *layer[2:])
            for layer in projections
        )
        return SourceStatistics(believed, tuple(map(statistic_of, layers)))


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
