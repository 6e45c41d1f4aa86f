"""A step of gradient descent on a loss, as each backend of Keras takes one.

Keras's trainers have these steps, too. They stand here so that what a step of
`DCATModel` does, and costs, is decided in this package.
"""

import contextlib
import contextvars
from collections.abc import Callable

import keras

# A step needs memory, too.
_SHARE_OF_MEMORY = 0.8
_TOO_LARGE = "its memory does not suffice"

_state_is_carried = contextvars.ContextVar("state_is_carried", default=False)


@contextlib.contextmanager
def carried_state():
    """Marks a call in which variables that are assigned go to whoever passed them."""
    token = _state_is_carried.set(True)
    try:
        yield
    finally:
        _state_is_carried.reset(token)


def may_change_state() -> bool:
    """Whether variables may be assigned here.

    On JAX only where Keras carries the state: elsewhere, in a function that is being
    traced, they would be left with tracers.

    Returns:
        bool.
    """
    return keras.backend.backend() != "jax" or _state_is_carried.get()


def is_compiled_by_jax(model) -> bool:
    """Whether JAX compiles the steps of a model, for one device.

    Args:
        model: compiled `keras.Model`.

    Returns:
        bool. False where a distribution of Keras says what lies where.
    """
    if keras.backend.backend() != "jax" or model.run_eagerly or not model.jit_compile:
        return False
    return keras.distribution.distribution() is None


def placed(model, arrays):
    """Nested arrays on the device that a model computes on.

    Args:
        model: compiled `keras.Model`.
        arrays: nested NumPy arrays.

    Returns:
        the same on the device; or, as a str, why they are not there.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        if not is_compiled_by_jax(model):
            return "steps are run eagerly, or on several devices"
        return _placed_by_jax(arrays)
    if backend == "tensorflow":
        import tensorflow as tf

        if model.distribute_strategy.num_replicas_in_sync > 1:
            return "a strategy runs steps on several devices"
        try:
            return keras.tree.map_structure(tf.convert_to_tensor, arrays)
        except tf.errors.ResourceExhaustedError:
            return _TOO_LARGE
    return "that is for JAX and TensorFlow"


def _placed_by_jax(arrays):
    import jax

    size = sum(x.nbytes for x in keras.tree.flatten(arrays))
    told = jax.local_devices()[0].memory_stats() or {}  # nothing of a CPU
    free = told.get("bytes_limit", float("inf")) - told.get("bytes_in_use", 0)
    if size > _SHARE_OF_MEMORY * free:
        return _TOO_LARGE
    try:
        return jax.device_put(arrays)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return _TOO_LARGE


def train(model, *state_and_batch):
    """Passes a batch through a model, and moves its trainable variables.

    Args:
        model: `keras.Model` with an optimizer.
        *state_and_batch: what Keras calls `train_step` with: a batch; on JAX the state
            before it.

    Returns:
        what Keras wants back: a dict of numbers; on JAX `(numbers, state)`.
    """
    return _TRAIN[keras.backend.backend()](model, *state_and_batch)


def test(model, *state_and_batch):
    """Passes a batch through a model, and moves nothing but its metrics.

    Args:
        model: `keras.Model`.
        *state_and_batch: as in `train`.

    Returns:
        as `train`.
    """
    if keras.backend.backend() == "jax":
        return _test_on_jax(model, *state_and_batch)
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(*state_and_batch)
    outputs, loss = _forward(model, x, y, sample_weight, training=False)
    _track(model, x, loss)
    return model.compute_metrics(x, y, outputs, sample_weight)


def _forward(model, x, y, sample_weight, training):
    outputs = model(x, training=training)
    # For overrides of `compute_loss` that know no `training`.
    loss = model._compute_loss(x, y, outputs, sample_weight, training=training)
    return outputs, loss


def _track(model, x, loss):
    """Adds a batch to the mean of the loss that Keras shows."""
    rows = keras.ops.shape(keras.tree.flatten(x)[0])[0]
    tracker = next(metric for metric in model.metrics if metric.name == "loss")
    tracker.update_state(over_replicas(loss), sample_weight=rows)


def over_replicas(loss):
    """A loss as one device would have it.

    Keras divides losses by the number of replicas of a `tf.distribute` strategy, whose
    gradients are added up.

    Args:
        loss: float scalar.

    Returns:
        float scalar.
    """
    if keras.backend.backend() != "tensorflow":
        return loss
    import tensorflow as tf

    return loss * float(tf.distribute.get_strategy().num_replicas_in_sync)


def _train_on_tensorflow(model, batch):
    import tensorflow as tf

    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    with tf.GradientTape() as tape:
        outputs, loss = _forward(model, x, y, sample_weight, training=True)
        scaled = model.optimizer.scale_loss(loss)
    _track(model, x, loss)
    variables = model.trainable_variables
    gradients = tape.gradient(scaled, variables)
    model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return model.compute_metrics(x, y, outputs, sample_weight)


def _train_on_torch(model, batch):
    import torch

    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    model.zero_grad()
    outputs, loss = _forward(model, x, y, sample_weight, training=True)
    _track(model, x, loss)
    model.optimizer.scale_loss(loss).backward()
    variables = model.trainable_variables
    gradients = [variable.value.grad for variable in variables]
    with torch.no_grad():
        model.optimizer.apply(gradients, variables)
    return model.compute_metrics(x, y, outputs, sample_weight)


def _train_on_jax(model, state, batch):
    import jax

    trainable, others, optimizer, metrics = state
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    step = jax.value_and_grad(model.compute_loss_and_updates, has_aux=True)
    (_, (loss, outputs, others, metrics)), gradients = step(
        trainable,
        others,
        metrics,
        x,
        y,
        sample_weight,
        training=True,
        optimizer_variables=optimizer,
    )
    trainable, optimizer = model.optimizer.stateless_apply(
        optimizer, gradients, trainable
    )
    logs, metrics = _shown_on_jax(model, metrics, loss, x, y, outputs, sample_weight)
    return logs, (trainable, others, optimizer, metrics)


def _test_on_jax(model, state, batch):
    trainable, others, metrics = state
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    _, (loss, outputs, others, metrics) = model.compute_loss_and_updates(
        trainable, others, metrics, x, y, sample_weight, training=False
    )
    logs, metrics = _shown_on_jax(model, metrics, loss, x, y, outputs, sample_weight)
    return logs, (trainable, others, metrics)


def _shown_on_jax(model, metrics, loss, x, y, outputs, sample_weight):
    variables = model.metrics_variables
    state = list(zip(variables, metrics, strict=True))
    with keras.StatelessScope(state_mapping=state) as scope:
        _track(model, x, loss)
        logs = model.compute_metrics(x, y, outputs, sample_weight)
    return logs, [scope.get_current_value(v) for v in variables]


_TRAIN: dict[str, Callable] = {
    "tensorflow": _train_on_tensorflow,
    "torch": _train_on_torch,
    "jax": _train_on_jax,
}
