"""What does a step of D-CAT do beside that of the target alone, where models are small?

Kernels that it launches on a GPU, counted without one (see `step_kernels.py`), and CPU
time of a step, where all is overhead. Ratios over the target alone in Keras's `fit`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

CLASSES, BATCH, STEPS = 12, 64, 200
# Of `tiny`, whose step is the host's work; and of `small`, as in `step.py`.
SHAPES = {
    "tiny": {"imu": (16, 3), "skeleton": (8, 6)},
    "small": {"imu": (200, 9), "skeleton": (50, 60)},
}
BACKENDS = ("jax", "tensorflow")


def build(size, stream):
    """A model: one attention layer, or an encoder of the package."""
    import keras

    import keras_dcat
    from keras_dcat import encoders

    shape = SHAPES[size][stream]
    if size == "small":
        return encoders.imu(shape, CLASSES, key_dim=32, name=stream)
    inputs = keras.Input(shape)
    x = keras_dcat.AttentionKV(key_dim=8)(inputs)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x), name=stream)


def trainings(size, count, steps_per_call=1):
    """By name, a compiled model and what it is fitted on."""
    import keras
    import numpy as np

    import keras_dcat
    from keras_dcat.transfer import OnDevice

    rng = np.random.default_rng(0)
    labels = (np.arange(count) % CLASSES).astype("int32")
    pair = [
        rng.normal(size=(count, *SHAPES[size][stream])).astype("float32")
        for stream in ("skeleton", "imu")
    ]
    # On a CPU, Keras has TensorFlow compile nothing: neither may the other.
    options = {} if keras.backend.backend() == "jax" else {"jit_compile": False}
    alone = build(size, "imu")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    alone.compile("adam", loss=loss, metrics=["accuracy"], **options)
    source = build(size, "skeleton")
    found = {"alone": (alone, (pair[1], labels))}
    for name in ("cached", "live", "on device"):
        model = keras_dcat.DCATModel(source, build(size, "imu"))
        several = steps_per_call if name == "on device" else 1
        model.compile(steps_per_execution=several, **options)
        x = tuple(pair) if name == "live" else model.cache_source(pair, verbose=0)
        data = (OnDevice(x, labels),) if name == "on device" else (x, labels)
        found[name] = model, data
    return found


def kernels():
    """Kernels of a step, by size and kind of training."""
    import keras
    import step_kernels

    device, found = step_kernels.device(), {}
    for size in SHAPES:
        ways = trainings(size, BATCH)
        del ways["on device"]
        for name, (model, batch) in ways.items():
            batch = keras.tree.lists_to_tuples(batch)
            counted = step_kernels.kernels(model, batch, device)
            found[f"{size} {name}"] = {"all": counted.total(), **counted}
    return found


def host(rounds):
    """CPU milliseconds of a step in a long epoch, in turns; and of an epoch's start."""
    import keras

    ways = trainings("tiny", BATCH * STEPS, steps_per_call=10)
    if keras.backend.backend() == "tensorflow":
        del ways["on device"]  # each fit compiles its step anew
    found = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, (model, data) in ways.items():
            before = time.process_time()
            # All of it is shown that there is to show, and the bar is off.
            model.fit(*data, batch_size=BATCH, epochs=2, verbose=0)
            if number:  # not what compiles
                spent = time.process_time() - before
                found[name].append(1e3 * spent / (2 * STEPS))
    return {
        name: {
            "ms": statistics.median(own),
            "over_alone": statistics.median(
                a / b for a, b in zip(own, found["alone"], strict=True)
            ),
        }
        for name, own in found.items()
    }


def in_a_process(part, backend, rounds):
    """A part, measured in a process of its own; `None` where it cannot run."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if part == "kernels":
        environment["JAX_PLATFORMS"] = "cpu"
    command = [sys.executable, __file__, "--part", part, "--rounds", str(rounds)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:]
        print(f"{part} on {backend} left out: {''.join(reason)}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Prints the tables, or the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", choices=("kernels", "host"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(kernels() if args.part == "kernels" else host(args.rounds)))
        return
    launched = in_a_process("kernels", "jax", args.rounds)
    hosts = {each: in_a_process("host", each, args.rounds) for each in BACKENDS}
    figures = {}
    for size in SHAPES if launched else ():
        over = launched[f"{size} cached"]["all"] / launched[f"{size} alone"]["all"]
        figures[f"kernels_cached_vs_alone_{size}"] = over
    for backend, own in hosts.items():
        if own:
            over = own["cached"]["over_alone"]
            figures[f"host_cached_vs_alone_{backend}"] = over
    if hosts["jax"]:
        over = hosts["jax"]["on device"]["over_alone"]
        figures["device_cached_vs_keras_alone"] = over
    if args.json:
        print(json.dumps(figures))
        return
    for name, own in (launched or {}).items():
        print(f"kernels, {name}: {own}")
    for backend, own in hosts.items():
        for name, each in (own or {}).items():
            over = each["over_alone"]
            print(f"CPU of a step, {backend}, {name}: {each['ms']:.2f} ms, {over:.2f}")
    for name, value in figures.items():
        print(f"{name}: {value:.3g}")


if __name__ == "__main__":
    main()
