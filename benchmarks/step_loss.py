"""Is the alignment loss cheaper than its formula written down, for any shape?"""

import argparse
import json

import keras
import numpy as np
from keras import ops
from timing import seconds, time_ratio

from keras_dcat.transfer.losses.alignment import alignment_distance, safe_sqrt

BATCH = 64
RUN_SECONDS = 0.15
STEPS, SIZES = (8, 16, 32, 64, 128, 256, 512), (16, 32, 64, 128)


def best(source, target):
    """The package's own, which chooses between products and token Gram matrices."""
    steps = source[0].shape[1], target[0].shape[1]
    return ops.mean(alignment_distance(source, target, steps, "none"))


def naive(source, target):
    """`‖K_BᵀV_B − K_AᵀV_A‖_F` as it is written."""
    products = [
        ops.einsum("bthk,bthv->bhkv", key, value) for key, value in (source, target)
    ]
    return ops.mean(safe_sqrt(ops.sum((products[1] - products[0]) ** 2, axis=(-2, -1))))


def gradient(loss, source, target):
    """A compiled call of a loss and its gradient by the target's keys and values."""
    if keras.backend.backend() == "jax":
        import jax

        both = jax.jit(jax.value_and_grad(loss, argnums=1))
        return lambda: jax.block_until_ready(both(source, target))
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def both():
        with tf.GradientTape() as tape:
            tape.watch(target)
            value = loss(source, target)
        return value, tape.gradient(value, target)

    return lambda: [x.numpy() for x in tf.nest.flatten(both())]


def repeated(call, times):
    """A run of many calls, long beside what else the machine does."""

    def run():
        for _ in range(times):
            call()

    return run


def ratio(steps, size, rounds):
    """Seconds of the best form over those of the naive one."""
    rng = np.random.default_rng(0)
    source, target = (
        tuple(
            ops.convert_to_tensor(
                rng.normal(size=(BATCH, steps, 1, size)).astype("float32")
            )
            for _ in "kv"
        )
        for _ in range(2)
    )
    calls = [gradient(loss, source, target) for loss in (best, naive)]
    for call in calls:
        call()  # which compiles it
    times = max(1, round(RUN_SECONDS / min(seconds(calls[1]) for _ in range(5))))
    return time_ratio(*(repeated(call, times) for call in calls), pairs=rounds)


def main():
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    grid = {
        f"T={steps}, d={size}": ratio(steps, size, args.rounds)
        for steps in STEPS
        for size in SIZES
    }
    few = [
        grid[f"T={steps}, d={size}"]
        for steps in STEPS
        for size in SIZES
        if 4 * steps <= size
    ]
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "loss_vs_naive_worst": max(grid.values()),
                "loss_vs_naive_best": max(few),
                "grid": grid,
            }
        )
    )


if __name__ == "__main__":
    main()
