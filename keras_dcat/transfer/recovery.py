"""A run that dies leaves the weights it had."""

import contextlib

import keras


@contextlib.contextmanager
def weights_kept(model):
    """Brings the weights back if training on JAX ends with an error.

    While it trains on JAX, Keras takes the values out of the variables and hands
    them from step to step. Whatever interrupts it, an error in the data or the
    user's Ctrl-C, would leave a model without weights.

    Args:
        model: a compiled `keras.Model`.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    before = [(v, v.value) for v in model.variables + model.optimizer.variables]
    try:
        yield
    except BaseException:
        if getattr(model, "_jax_state", None):
            model.jax_state_sync()  # after a step: the state that it left
        else:
            for variable, value in before:
                variable.assign(value)
        raise
