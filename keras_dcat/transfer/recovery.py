"""A run that dies leaves the weights it had."""

import contextlib

import keras


@contextlib.contextmanager
def weights_kept(model):
    """Brings the weights back if training on JAX dies in its first step.

    While it trains on JAX, Keras takes the values out of the variables and hands
    them from step to step. It puts them back when something interrupts it, an
    error in the data or the user's Ctrl-C, but only once a step is done: before
    that, it would leave a model without weights.

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
        for variable, value in before:
            if variable._value is None:
                variable.assign(value)
        raise
