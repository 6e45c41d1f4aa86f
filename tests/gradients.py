"""Gradients on whatever backend runs, eagerly and compiled."""

import keras
import numpy as np


def modes():
    """The ways in which the running backend computes a function."""
    return {
        "tensorflow": ["eager", "graph", "xla"],
        "jax": ["eager", "xla"],
        "torch": ["eager"],
    }[keras.backend.backend()]


def value_and_gradients(function, arrays, mode="eager"):
    """`function` of the arrays, and its gradient for each, as NumPy."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        def run(*tensors):
            with tf.GradientTape() as tape:
                tape.watch(tensors)
                value = function(*tensors)
            return value, tape.gradient(value, tensors)

        if mode != "eager":
            run = tf.function(run, jit_compile=mode == "xla")
        value, gradients = run(*map(tf.constant, arrays))
    elif backend == "jax":
        import jax

        run = jax.value_and_grad(function, argnums=tuple(range(len(arrays))))
        run = jax.jit(run) if mode == "xla" else run
        value, gradients = run(*map(jax.numpy.asarray, arrays))
    else:
        import torch

        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        value = function(*tensors)
        value.backward()
        gradients = [torch.zeros_like(t) if t.grad is None else t.grad for t in tensors]
    as_numpy = keras.ops.convert_to_numpy
    return as_numpy(value), [np.asarray(as_numpy(g)) for g in gradients]


def finite_differences(function, array, step=1e-5):
    """Central differences of a float64 function of one array."""
    gradient = np.zeros_like(array, dtype="float64")
    for position in np.ndindex(*array.shape):
        moved = [array.astype("float64").copy() for _ in range(2)]
        moved[0][position] += step
        moved[1][position] -= step
        gradient[position] = (function(moved[0]) - function(moved[1])) / (2 * step)
    return gradient
