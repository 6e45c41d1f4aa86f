"""A model and the attention layers that are read out of it, in one pass."""

import contextlib

import keras
from keras import ops

from keras_dcat.attention import find_attention


class Branch:
    """One side of a transfer: a model, and which of its attention layers are compared.

    Args:
        model: built `keras.Model`.
        names: list of str or `None`. Names of `AttentionKV` layers; `None` for the only
            one.
    """

    def __init__(self, model, names):
        self.model = model
        self.attentions = [find_attention(model, name) for name in names]

    def passed(self, inputs, training):
        """What the model predicts, and what its attention projects on the way.

        Args:
            inputs: what the model takes.
            training: bool.

        Returns:
            `(prediction, projections)`: for each attention layer `(key, value)`, or
            `(key, value, mask)`.
        """
        with contextlib.ExitStack() as stack:
            captures = [
                stack.enter_context(layer.capture()) for layer in self.attentions
            ]
            prediction = self.model(inputs, training=training)
        return prediction, tuple(_one_pass(c, self.model) for c in captures)

    def frozen(self, inputs):
        """The same as a function of the model's variables, without a gradient.

        What the model would do to its own state stays in the scope, and is dropped.

        Args:
            inputs: what the model takes.

        Returns:
            as `passed`.
        """
        state = [(v, v.value) for v in self.model.variables]
        with keras.StatelessScope(state_mapping=state):
            prediction, projections = self.passed(inputs, training=False)
        return ops.stop_gradient(prediction), tuple(
            tuple(ops.stop_gradient(x) for x in layer) for layer in projections
        )


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
