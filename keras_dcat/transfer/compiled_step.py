"""The training step that JAX compiles for `fit`: what goes in, and what comes out.

Keras hands a compiled step every variable of the model and takes back every number that
is shown. Two of these are left out here: the variables of frozen sources, which a step
reads at most and never changes, and the single numbers, which come as one array.
"""

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
    """One step of training, compiled when it is first taken.

    Args:
        model: `DCATModel`.

    Attributes:
        compiled: the function that JAX compiles, of what `arguments` gives.

    Call args:
        state: what Keras hands to a `train_step`, lists of arrays.
        batch: nested arrays.

    Returns:
        `(logs, state)`, the numbers that are shown and the state of before in its form.
    """

    def __init__(self, model):
        import jax

        self.model = model
        sources = {id(v) for source in model.sources for v in source.variables}
        variables = list(map(id, model.non_trainable_variables))
        self._frozen = [at for at, v in enumerate(variables) if v in sources]
        self._own = [at for at, v in enumerate(variables) if v not in sources]
        self.compiled = jax.jit(self._step, donate_argnums=0)

    def arguments(self, state, batch):
        """The arguments of the compiled function.

        Args:
            state: as above.
            batch: nested arrays.

        Returns:
            `(state, of_sources, batch)`: what the step changes, and what it only reads.
            Of what it does not read, as of sources whose outputs are cached, JAX hands
            nothing on.
        """
        trainable, others, *rest = state
        own, frozen = ([others[at] for at in part] for part in (self._own, self._frozen))
        return (trainable, own, *rest), frozen, batch

    def __call__(self, state, batch):
        arguments = self.arguments(state, batch)
        logs, state = self.compiled(*arguments)
        return _shown(logs), self._whole(state, arguments[1])

    def _step(self, state, of_sources, batch):
        logs, state = self.model.train_step(self._whole(state, of_sources), batch)
        return _packed(logs), self.arguments(state, batch)[0]

    def _whole(self, state, of_sources):
        trainable, own, *rest = state
        parts = zip((*self._own, *self._frozen), (*own, *of_sources), strict=True)
        others = dict(parts)
        return trainable, [others[at] for at in range(len(others))], *rest


def _packed(logs):
    """`(names, numbers, others)`: the single floats of logs are one array."""
    numbers = {n: keras.ops.convert_to_tensor(v) for n, v in sorted(logs.items())}
    numbers = {n: v for n, v in numbers.items() if v.shape == () and _is_float32(v)}
    others = {name: value for name, value in logs.items() if name not in numbers}
    vector = keras.ops.stack(list(numbers.values())) if numbers else ()
    # JAX gives back the names of a dict as what they are.
    return dict.fromkeys(numbers), vector, others


def _is_float32(value):
    return keras.backend.standardize_dtype(value.dtype) == "float32"


def _shown(packed):
    names, numbers, others = packed
    shown = {name: ShownNumber(numbers, at) for at, name in enumerate(sorted(names))}
    return {**shown, **others}
