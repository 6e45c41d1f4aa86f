"""A run that dies leaves the weights it had, and one that shares them waits."""

import contextlib
import threading
import weakref

import keras

_locks: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
_making = threading.Lock()


@contextlib.contextmanager
def weights_kept(model):
    """Brings the weights back if a loop of Keras dies on JAX, which no other shares.

    While it runs on JAX, Keras takes the values out of the variables and hands
    them from step to step. When something interrupts it, an error in the data or the
    user's Ctrl-C, training puts them back, but only once a step is done; scoring and
    predicting never do. That would leave a model without weights. So would a loop in
    another thread with the same source: they run one after the other.

    Args:
        model: a compiled `DCATModel`; its optimizer is built, if it is to train.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    with contextlib.ExitStack() as stack:
        for lock in _locks_of([*model.sources, model.target]):
            stack.enter_context(lock)
        stack.enter_context(_weights_kept(model))
        yield


def _locks_of(models):
    """The lock of each model, in an order that is the same for all threads."""
    with _making:
        found = {id(m): _locks.setdefault(m, threading.RLock()) for m in models}
    return [found[key] for key in sorted(found)]


@contextlib.contextmanager
def _weights_kept(model):
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
