"""Finds out what a model ends in."""

import keras
import numpy as np

from keras_dcat.transfer.head import TASKS, Head
from keras_dcat.transfer.models.inspection import input_spec
from keras_dcat.typing import Shape

_PROBED = 32  # windows of noise that tell of a model without a graph
# What can become no lower says yes only; what stays between −1 and 1 comes so near.
_LOW, _END = -2.0, 0.99
# By the names of layers and of operations.
_ACTIVATIONS = {
    name.replace("_", ""): getattr(keras.activations, name)
    for name in (
        *(
            "relu",
            "relu6",
            "elu",
            "selu",
            "gelu",
            "silu",
            "celu",
            "mish",
            "exponential",
        ),
        *("softplus", "softsign", "tanh", "hard_tanh", "hard_sigmoid", "hard_silu"),
    )
}
_SAY = "Say it: DCATModel(…, task='binary') for logits of yes or no, or 'regression'."


def find_head(model: keras.Model, task: str | None = None) -> Head:
    """What a built model ends in.

    Softmax over classes, one sigmoid unit and several of them are told apart by the
    last activation; several units without one are taken for logits of classes. One unit
    without one may be a logit or a value, so that the task must be said.

    Args:
        model: built `keras.Model` of one output `(batch, units)`, or `(batch, steps,
            units)` where each step has a prediction.
        task: one of `TASKS`, or `None` to go by the activation.

    Returns:
        `Head`.

    Raises:
        ValueError: if the output has another shape, if its activation is not one of
            the task, or if only a task can tell what it means.

    Example:

    >>> layers = keras.layers
    >>> find_head(keras.Sequential([keras.Input((8,)), layers.Dense(3)]))
    Head(task='multiclass', size=3, steps=None, from_logits=True)
    """
    if task not in (None, *TASKS):
        raise ValueError(
            f"`task` must be one of {TASKS}, or None to go by the models' heads. "
            f"Received: task={task!r}. Leave it out for softmax, logits or sigmoids."
        )
    size, steps = _output_sizes(model)
    ending = last_activation(model)
    if task is None:
        task = _usual_task(model, size, ending)
    fits = {
        "multiclass": size > 1 and ending in ("softmax", "linear"),
        "binary": size == 1 and ending in ("sigmoid", "linear"),
        "multilabel": size > 1 and ending in ("sigmoid", "linear"),
        "regression": ending != "softmax",
    }
    if not fits[task]:
        units = f"{size} unit{'s' if size > 1 else ''}"
        raise ValueError(
            "The head of a model must fit its task: several units with softmax or "
            "logits for 'multiclass', one for 'binary', several sigmoids or logits for "
            f"'multilabel', no softmax for 'regression'. Received: {model.name!r}, "
            f"{units} that end in {ending}, task={task!r}. Change the last layer, to "
            "activation=None for logits, or the task."
        )
    from_logits = task != "regression" and ending == "linear"
    return Head(task, size, steps, from_logits)


def last_activation(model: keras.Model) -> str:
    """The activation that a model ends in, as far as it decides on the head.

    Follows the graph of a Functional or Sequential model to its last layer. Where that
    does not tell, or there is no graph, the model is run once on noise: outputs from 0
    to 1 that add up to 1 are of a softmax, others from 0 to 1 of sigmoids.

    Args:
        model: built `keras.Model`.

    Returns:
        `"softmax"`, `"sigmoid"` or `"linear"`; the name of another activation, such as
        `"relu"` or `"tanh"`, that leaves no way to say no: its numbers are no logits.
    """
    last = _last_operation(model)
    while isinstance(last, keras.layers.TimeDistributed):
        last = last.layer
    kind = type(last).__name__.lower()  # a layer, or an operation of keras.ops
    if kind in ("softmax", "sigmoid"):
        return kind
    activation = getattr(last, "activation", None)
    for name in ("softmax", "sigmoid"):
        if activation is getattr(keras.activations, name):
            return name
    # A layer that is nothing but an activation may pass on what is behind a softmax.
    passes_on = (
        isinstance(last, keras.layers.Activation)
        and activation is keras.activations.linear
    )
    if activation is None:
        activation = _ACTIVATIONS.get(kind)
    if activation is not None and not passes_on and _leaves_0_to_1(activation):
        can_say_no = _of_1000(activation)[0] < _LOW
        return "linear" if can_say_no else getattr(activation, "__name__", kind)
    return _activation_on_noise(model)


def gives_logits(model: keras.Model) -> bool:
    """Whether a classifier's output are logits rather than probabilities.

    Args:
        model: built `keras.Model`.

    Returns:
        bool.
    """
    return last_activation(model) == "linear"


def _leaves_0_to_1(activation):
    found = _of_1000(activation)
    return bool(np.any(found < 0) or np.any(found > 1))


def _of_1000(activation):
    """What an activation makes of −1000 and of 1000."""
    found = activation(keras.ops.array([[-1000.0, 1000.0]]))
    return keras.ops.convert_to_numpy(found)[0]


def _activation_on_noise(model):
    rows = _on_noise(model)
    adds_up = np.allclose(rows.sum(axis=-1), 1, atol=1e-2)
    if rows.shape[-1] > 1 and adds_up and np.all(rows >= 0):
        return "softmax"
    if np.all((rows > 0) & (rows < 1)):
        return "sigmoid"
    if np.all(rows >= 0) and np.any(rows == 0) and np.any(rows > 0):
        return "relu"
    # Louder, until what cannot leave −1 to 1 is at its ends.
    rows = _on_noise(model, 100.0) if np.all(np.abs(rows) <= 1) else rows
    is_between = np.all(np.abs(rows) <= 1) and np.any(np.abs(rows) > _END)
    return "tanh" if is_between else "linear"


def _on_noise(model, loudness=1.0):
    noise = np.random.default_rng(0)
    inputs = keras.tree.map_structure(
        lambda spec: (
            loudness
            * noise.normal(
                size=[_PROBED, *(64 if d is None else d for d in spec.shape[1:])]
            )
        ),
        input_spec(model),
    )
    with keras.StatelessScope():
        outputs = model(
            keras.tree.map_structure(keras.ops.convert_to_tensor, inputs),
            training=False,
        )
    return keras.ops.convert_to_numpy(keras.ops.cast(outputs, "float32"))


def _usual_task(model, size, ending):
    if size > 1:
        return "multilabel" if ending == "sigmoid" else "multiclass"
    if ending not in ("sigmoid", "softmax"):
        behind = "without an activation" if ending == "linear" else f"behind a {ending}"
        raise ValueError(
            f"It must be known what one unit {behind} predicts. "
            f"Received: {model.name!r}, which ends in one. {_SAY}"
        )
    return "binary"


def _output_sizes(model):
    """`(units, steps)` of a model's output."""
    output = model.compute_output_spec(input_spec(model))
    shape: Shape = getattr(output, "shape", ())
    if len(shape) not in (2, 3) or None in shape[1:]:
        raise ValueError(
            "A model must end in one output for each window, (batch, units), or for "
            "each of a known number of steps, (batch, steps, units). "
            f"Received: {output} of {model.name!r}. Pool over time and end in "
            "keras.layers.Dense(num_classes), or fix the length of its keras.Input. If "
            "it is a source that only encodes, pass source_output='features'."
        )
    return shape[-1], shape[1] if len(shape) == 3 else None


def _last_operation(model):
    """The layer or op that makes the output, or `None` for a subclassed model."""
    if isinstance(model, keras.Sequential):
        last = model.layers[-1]
    elif getattr(model, "outputs", None):
        last = model.outputs[0]._keras_history.operation
    else:
        return None
    return _last_operation(last) if isinstance(last, keras.Model) else last
