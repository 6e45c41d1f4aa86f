"""A run that dies leaves the weights it had."""

import contextlib

import keras


@contextlib.contextmanager
def weights_kept(model):
    """Brings the weights back if a loop of Keras dies on JAX.

    While it runs on JAX, Keras takes the values out of the variables and hands
    them from step to step. When something interrupts it, an error in the data or the
    user's Ctrl-C, training puts them back, but only once a step is done; scoring and
    predicting never do. That would leave a model without weights.

    Args:
        model: a compiled `keras.Model`; its optimizer is built, if it is to train.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    before = [(v, v.value) for v in model.variables + model.optimizer.variables]
    try:
        yield
    except BaseException:
        model.jax_state_sync()
        model._jax_state = None  # or a later error would bring it back
        for variable, value in before:
            if variable._value is None:
                variable.assign(value)
        raise
