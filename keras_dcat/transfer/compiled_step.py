"""The training step that JAX compiles for `fit`: what goes in, and what comes out.

Keras hands a compiled step every variable of the model and takes back every number that
is shown. Two of these are left out here: the variables of frozen sources, which a step
reads at most and never changes, and the single numbers, which come as one array.
"""

import itertools
from typing import Any

import keras
import numpy as np


class ShownNumber:
    """One of the numbers that a step shows, read only where somebody looks at it.

    Args:
        numbers: float array `(count,)` on the device.
        at: int.
    """

    __slots__ = ("_at", "_numbers")

    def __init__(self, numbers, at):
        self._numbers = numbers
        self._at = at

    def __float__(self):
        return float(np.asarray(self._numbers)[self._at])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(float(self), dtype)

    def __repr__(self):
        return repr(float(self))


class CompiledStep:
    """Steps of training, compiled when they are first taken.

    Args:
        model: compiled `DCATModel`. Its `steps_per_execution` steps are one call.

    Attributes:
        windows: nested arrays on the device, of which a batch gives the rows; or
            `None`, where a batch comes with its windows.
        compiled: the function that JAX compiles for a step, of what `arguments` gives.

    Call args:
        state: what Keras hands to a `train_step`, lists of arrays.
        iterator: iterator of batches.

    Returns:
        `(logs, state)`, what the last step shows, and the state in its form of before.
    """

    def __init__(self, model):
        import jax

        self.model = model
        self.windows: Any = None
        sources = {id(v) for source in model.sources for v in source.variables}
        variables = list(map(id, model.non_trainable_variables))
        self._frozen = [at for at, v in enumerate(variables) if v in sources]
        self._own = [at for at, v in enumerate(variables) if v not in sources]
        self.compiled = jax.jit(self._step, donate_argnums=0)
        self._compiled_steps = jax.jit(self._steps, donate_argnums=0)

    def arguments(self, state, batch):
        """The arguments of the compiled function.

        Args:
            state: as above.
            batch: nested arrays.

        Returns:
            `(state, of_sources, windows, batch)`: what the step changes, and what it
            only reads. Of what it does not read, as of sources whose outputs are
            cached, JAX hands nothing on.
        """
        own, frozen = self._parted(state)
        return own, frozen, self.windows, batch

    def __call__(self, state, iterator):
        batches = [next(iterator)]
        batches += itertools.islice(iterator, self.model.steps_per_execution - 1)
        own, frozen = self._parted(state)
        if len(batches) > 1 and _are_alike(batches):
            joined = keras.tree.map_structure(lambda *x: np.stack(x), *batches)
            logs, own = self._compiled_steps(own, frozen, self.windows, joined)
        else:  # the last ones of an epoch
            for batch in batches:
                logs, own = self.compiled(own, frozen, self.windows, batch)
        return _shown(logs), self._whole(own, frozen)

    def _step(self, state, of_sources, windows, batch):
        if windows is not None:
            batch = gathered(windows, batch)
        logs, state = self.model.train_step(self._whole(state, of_sources), batch)
        return _packed(logs), self._parted(state)[0]

    def _steps(self, state, of_sources, windows, batches):
        import jax

        def step(state, batch):
            logs, state = self._step(state, of_sources, windows, batch)
            return state, logs

        state, logs = jax.lax.scan(step, state, batches)
        return jax.tree.map(lambda each: each[-1], logs), state

    def _parted(self, state):
        trainable, others, *rest = state
        own, frozen = ([others[at] for at in p] for p in (self._own, self._frozen))
        return (trainable, own, *rest), frozen

    def _whole(self, state, of_sources):
        trainable, own, *rest = state
        parts = zip((*self._own, *self._frozen), (*own, *of_sources), strict=True)
        others = dict(parts)
        return trainable, [others[at] for at in range(len(others))], *rest


def gathered(windows, batch):
    """The batch of windows whose rows another batch gives.

    Args:
        windows: nested arrays, `(inputs, labels)` or with weights.
        batch: tuple of an int array `(batch,)`.

    Returns:
        the same nested arrays, of these rows.
    """
    rows, *_ = keras.tree.flatten(batch)
    return keras.tree.map_structure(lambda x: keras.ops.take(x, rows, axis=0), windows)


def _are_alike(batches):
    """Whether batches have the same shapes."""
    shapes = [[np.shape(x) for x in keras.tree.flatten(batch)] for batch in batches]
    return all(each == shapes[0] for each in shapes)


def _packed(logs):
    """`(names, numbers, others)`: the single floats of logs are one array."""
    numbers = {name: value for name, value in sorted(logs.items()) if _is_one(value)}
    others = {name: value for name, value in logs.items() if name not in numbers}
    vector = keras.ops.stack(list(numbers.values())) if numbers else ()
    # JAX gives back the names of a dict as what they are.
    return dict.fromkeys(numbers), vector, others


def _is_one(value):
    """Whether a value is a single number of float32, and not a dict of some."""
    if not keras.ops.is_tensor(value):
        return False
    return (
        value.shape == () and keras.backend.standardize_dtype(value.dtype) == "float32"
    )


def _shown(packed):
    names, numbers, others = packed
    shown = {name: ShownNumber(numbers, at) for at, name in enumerate(sorted(names))}
    return {**shown, **others}
