"""How fast does D-CAT train on an accelerator, and where does the time go?

On JAX or torch, without TensorFlow: windows are noise, held in arrays.
"""

import argparse
import json
import os
import statistics

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import ops
from timing import EpochTimes, seconds

import keras_dcat
from keras_dcat import encoders
from keras_dcat.transfer import OnDevice

CLASSES, SHAPES = 27, {"skeleton": (50, 60), "imu": (200, 9)}
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


def device():
    """The name of the device that computes."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].device_kind
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def forward_flops(model, shape):
    """Floating-point operations of one window's forward pass, as the backend counts."""
    window = np.zeros((1, *shape), "float32")
    if keras.backend.backend() == "jax":
        import jax

        weights = [v.value for v in model.trainable_variables]
        state = [v.value for v in model.non_trainable_variables]
        compiled = jax.jit(model.stateless_call).lower(weights, state, window).compile()
        return compiled.cost_analysis()["flops"]
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(window)
    return counter.get_total_flops()


def matrix_flops_per_second(policy, size=8192, products=20):
    """What the device reaches in a product of large matrices of random numbers."""
    dtype = keras.dtype_policies.get(policy).compute_dtype
    left, right = (keras.random.normal((size, size), dtype=dtype) for _ in "12")

    def run(times):
        for _ in range(times):
            product = ops.matmul(left, right)
        ops.convert_to_numpy(product[0, 0])  # waits for all of them

    run(1)  # compiles it
    return products * 2 * size**3 / seconds(lambda: run(products))


def fitted(model, data, batch, rows, epochs):
    """Median seconds of an epoch of the first rows, without the first epoch."""
    times = EpochTimes()
    if isinstance(data, OnDevice):
        x, y = OnDevice(first(data.x, rows), data.y[:rows]), None
    else:
        x, y = first(data[0], rows), data[1][:rows]
    model.fit(x, y, batch, epochs + 1, verbose=0, callbacks=[times])
    return statistics.median(times.found[1:])


def first(arrays, rows):
    """The first rows of nested arrays."""
    return keras.tree.map_structure(lambda x: x[:rows], arrays)


def step_and_epoch(ways, batch, steps, epochs, rounds):
    """By name, the median seconds of a step, and of all else in an epoch, in turns."""
    found = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (model, data) in ways.items():
            once, twice = (
                fitted(model, data, batch, n * steps * batch, epochs) for n in (1, 2)
            )
            step = (twice - once) / steps
            found[way].append((step, once - steps * step))
    return {
        way: tuple(map(statistics.median, zip(*each, strict=True)))
        for way, each in found.items()
    }


def encoder(stream, size):
    """One branch of the transfer."""
    return encoders.imu(SHAPES[stream], CLASSES, size, key_dim=32, name=stream)


def trainings(windows, labels, size):
    """What is trained: by name, a model and its windows."""
    skeletons, imu = windows["skeleton"], windows["imu"]
    source, alone = encoder("skeleton", size), encoder("imu", size)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for model in (source, alone):
        model.compile("adam", loss=loss, metrics=["accuracy"])
    source.fit(skeletons, labels, 64, epochs=1, verbose=0)
    live, cached, placed = (
        keras_dcat.DCATModel(source, encoder("imu", size)) for _ in "123"
    )
    known = cached.cache_source((skeletons, imu), verbose=0)
    ways = {
        "unimodal": (alone, (imu, labels)),
        "live": (live, ((skeletons, imu), labels)),
        "cached": (cached, (known, labels)),
    }
    if keras.backend.backend() == "jax":
        placed.compile(steps_per_execution=10)
        ways["on device"] = placed, OnDevice(known, labels)
    return ways


def launched(ways, batch):
    """Kernels that a step of each way launches, as XLA has compiled it; or nothing."""
    if keras.backend.backend() != "jax":
        return {}
    import jax
    import step_kernels

    batches = {
        way: first(data, batch)
        for way, (_, data) in ways.items()
        if not isinstance(data, OnDevice)
    }
    return {
        way: step_kernels.kernels(ways[way][0], data, jax.devices()[0]).total()
        for way, data in batches.items()
    }


def measured(batches, policies, size, steps, epochs, rounds):
    """Yields one row for each precision, batch size and way to train."""
    rng = np.random.default_rng(0)
    some = np.arange(4096) % CLASSES
    noise = {
        name: (rng.normal(size=(CLASSES, 1, s[1])) + rng.normal(size=(CLASSES, *s)))[
            some
        ].astype("float32")
        for name, s in SHAPES.items()
    }
    for policy in policies:
        keras.config.set_dtype_policy(policy)
        most = matrix_flops_per_second(policy)
        for batch in batches:
            rows = np.arange(2 * steps * batch) % len(some)
            windows = {name: each[rows] for name, each in noise.items()}
            ways = trainings(windows, some[rows], size)
            flops = 3 * forward_flops(ways["unimodal"][0], SHAPES["imu"])  # backward
            counted = launched(ways, batch)
            medians = step_and_epoch(ways, batch, steps, epochs, rounds)
            for way, (step, rest) in medians.items():
                yield {
                    "policy": policy,
                    "batch": batch,
                    "way": way,
                    "windows_per_second": batch / step,
                    "step_ms": 1e3 * step,
                    "step_over_unimodal": step / medians["unimodal"][0],
                    "rest_of_epoch_ms": 1e3 * rest,
                    "kernels": counted.get(way, ""),
                    "share_of_matrix_product": flops * batch / step / most,
                }


def main():
    """Prints rows as they are measured: of a table, or JSON objects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 1024])
    parser.add_argument("--policies", nargs="+", default=POLICIES, choices=POLICIES)
    parser.add_argument("--size", default="small", choices=encoders.blocks.SIZES)
    parser.add_argument("--steps", type=int, default=100, help="of an epoch")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one object a line")
    args = vars(parser.parse_args())
    as_json = args.pop("json")
    described = {"device": device(), "backend": keras.backend.backend(), **args}
    print(json.dumps(described) if as_json else described, flush=True)
    for number, row in enumerate(measured(**args)):
        if as_json:
            print(json.dumps(row), flush=True)
            continue
        if not number:
            print("| " + " | ".join(row) + " |\n" + "|---" * len(row) + "|")
        values = (f"{v:.3g}" if isinstance(v, float) else v for v in row.values())
        print("| " + " | ".join(map(str, values)) + " |", flush=True)


if __name__ == "__main__":
    main()
