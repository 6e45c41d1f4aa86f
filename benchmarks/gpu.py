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
from timing import EpochTimes

import keras_dcat
from keras_dcat import encoders

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


def epoch_seconds(model, x, labels, batch, epochs):
    """Median seconds of an epoch; the first is left out."""
    times = EpochTimes()
    model.fit(x, labels, batch, epochs + 1, verbose=0, callbacks=[times])
    return statistics.median(times.found[1:])


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
    live, cached = (keras_dcat.DCATModel(source, encoder("imu", size)) for _ in "12")
    known = cached.cache_source((skeletons, imu), verbose=0)
    return {
        "unimodal": (alone, imu),
        "live": (live, (skeletons, imu)),
        "cached": (cached, known),
    }


def measured(count, batches, policies, size, epochs):
    """One row for each way to train, precision and batch size."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % CLASSES
    windows = {
        name: (rng.normal(size=(CLASSES, 1, s[1])) + rng.normal(size=(CLASSES, *s)))[
            labels
        ].astype("float32")
        for name, s in SHAPES.items()
    }
    rows = []
    for policy in policies:
        keras.config.set_dtype_policy(policy)
        for way, (model, x) in trainings(windows, labels, size).items():
            target = getattr(model, "target", model)
            flops = 3 * forward_flops(target, SHAPES["imu"])  # and backward
            steps = []
            for batch in batches:
                seconds = epoch_seconds(model, x, labels, batch, epochs)
                steps.append(seconds / -(-count // batch))
                rows.append(
                    {
                        "way": way,
                        "policy": policy,
                        "batch": batch,
                        "windows_per_second": count / seconds,
                        "target_flops_per_second": flops * count / seconds,
                    }
                )
            # seconds a step = fixed + batch · each
            each, fixed = np.polyfit(batches, steps, 1) if len(batches) > 1 else (0, 0)
            for row, step in zip(rows[-len(batches) :], steps, strict=True):
                row["share_of_fixed_costs"] = max(fixed, 0) / step
    return rows


def main():
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=16384)
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256, 1024])
    parser.add_argument("--policies", nargs="+", default=POLICIES, choices=POLICIES)
    parser.add_argument("--size", default="base", choices=encoders.blocks.SIZES)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--peak", type=float, help="of the device, in TFLOP/s")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = measured(args.windows, args.batches, args.policies, args.size, args.epochs)
    if args.peak:
        for row in rows:
            row["share_of_peak"] = row["target_flops_per_second"] / args.peak / 1e12
    if args.json:
        print(json.dumps({"device": device(), "rows": rows}))
        return
    print(f"{device()}, {keras.backend.backend()}, {args.size}\n")
    print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
    for row in rows:
        values = (f"{v:.3g}" if isinstance(v, float) else v for v in row.values())
        print("| " + " | ".join(map(str, values)) + " |")


if __name__ == "__main__":
    main()
