"""How the gradients of the two parts of a loss meet at a target's weights."""

import copy
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_dcat.transfer import DCATModel


class GradientProbe:
    """The cosine between the gradients of classification and transfer.

    A copy of the target takes a step of plain gradient descent from where the model is,
    once without transfer and once with it: what its weights moved are the gradients, on
    every backend of Keras. The model itself is not touched.

    Args:
        model: `DCATModel`, whose target is one that Keras can save.
    """

    def __init__(self, model: DCATModel):
        terms = model.terms.values()
        options: dict[str, Any] = model._options
        self._model = model
        self._probe = DCATModel(
            model.sources,
            copy.deepcopy(model.target),
            transfer_weight=0.0,
            gate=[term.gate for term in terms],
            loss=[term.loss for term in terms],
            loss_weights=[term.weight for term in terms],
            **options,
        )
        self._probe.compile(keras.optimizers.SGD(1.0), model.loss, metrics=[])

    def cosine(self, inputs, labels) -> float:
        """The cosine of the angle between the two gradients on a batch.

        Args:
            inputs: pair, as for `DCATModel.fit`.
            labels: `(batch,)` or one-hot.

        Returns:
            float from −1, they oppose each other, to 1; NaN where one of them is zero.
        """
        classification = self._step(inputs, labels, 0.0)
        transfer = self._step(inputs, labels, 1.0) - classification
        lengths = np.linalg.norm(classification) * np.linalg.norm(transfer)
        if not lengths:
            return float("nan")
        return float(np.clip(classification @ transfer / lengths, -1, 1))

    def _step(self, inputs, labels, transfer_weight):
        """By how much a step moves the trainable weights, as one float64 vector."""
        probe = self._probe
        _copy_weights(_weights(self._model), _weights(probe))
        before = _flat(probe.target.trainable_variables)
        probe.transfer_weight = transfer_weight
        probe.train_on_batch(inputs, labels)
        return before - _flat(probe.target.trainable_variables)


def _weights(model):
    """Those of the target and of what maps it, random seeds and statistics, too."""
    own = model.target.variables
    ids = {id(variable) for variable in own}
    return [*own, *(v for v in model.trainable_variables if id(v) not in ids)]


def _copy_weights(origin, copies):
    for one, two in zip(origin, copies, strict=True):
        two.assign(ops.copy(one))  # JAX gives the memory of what it trains away


def _flat(variables):
    values = (ops.convert_to_numpy(v).astype("float64").ravel() for v in variables)
    return np.concatenate(list(values))
