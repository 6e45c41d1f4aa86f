"""How does the time of a D-CAT step grow with what it is made of?"""

import argparse
import json
import statistics

import keras
import numpy as np
import workload
from step_epochs import epoch, in_turns

import keras_dcat
from keras_dcat import windows

BASE = {"steps": 200, "key_dim": 32, "batch": 64, "count": 1024}
AXES = {
    "steps": (50, 100, 200, 400),
    "key_dim": (16, 32, 64, 128),
    "batch": (16, 32, 64, 128),
    "count": (512, 1024, 2048, 4096),
}
LABELS = {
    "steps": "steps of a window",
    "key_dim": "size of keys and values",
    "batch": "windows in a batch",
    "count": "windows",
}


def training(steps, key_dim, batch, count):
    """Number of windows, and a function: trains with a stored source, seconds."""
    shapes = workload.SHAPES | {"imu": (steps, workload.SHAPES["imu"][1])}
    index = workload.window_index(count, shapes)
    source = workload.trained_source(index, "skeleton", key_dim)
    target = workload.encoder(index, "imu", key_dim)
    model = keras_dcat.DCATModel(source, target)
    sensed = windows.stream_dataset(index, "skeleton")
    known = model.cache_source(sensed, verbose=0)
    order = workload.ORDER | {"batch_size": batch}
    return len(index), epoch(model, windows.pair_dataset(index, known, "imu", **order))


def grown(axis, rounds):
    """Seconds of a step, or of an epoch of so many windows, and their exponent."""
    runs, per_epoch = {}, {}
    for size in AXES[axis]:
        options = BASE | {axis: size}
        count, runs[size] = training(**options)
        per_epoch[size] = 1 if axis == "count" else -(-count // options["batch"])
    found = in_turns(runs, rounds)
    seconds = {
        size: statistics.median(r[size] for r in found) / per_epoch[size]
        for size in runs
    }
    exponent = np.polyfit(np.log(list(seconds)), np.log(list(seconds.values())), 1)[0]
    return {"seconds": seconds, "exponent": float(exponent)}


def plot(path, growth):
    """One panel for each axis, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, len(growth), figsize=(12, 3), layout="constrained")
    for panel, (axis, found) in zip(panels, growth.items(), strict=True):
        sizes, seconds = list(found["seconds"]), list(found["seconds"].values())
        panel.loglog(sizes, seconds, "o-")
        panel.set_xticks(sizes, map(str, sizes), minor=False)
        ends = min(seconds), max(seconds)
        panel.set_yticks(ends, [f"{each:.2g}" for each in ends])
        panel.minorticks_off()
        panel.set_xlabel(LABELS[axis])
        panel.set_ylabel("s an epoch" if axis == "count" else "s a step")
        panel.set_title(f"exponent {found['exponent']:.2f}")
    figure.savefig(path, dpi=120)


def main():
    """Prints one JSON object, and draws it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plot", help="file of a picture")
    args = parser.parse_args()
    growth = {axis: grown(axis, args.rounds) for axis in AXES}
    if args.plot:
        plot(args.plot, growth)
    print(json.dumps({"backend": keras.backend.backend(), "growth": growth}))


if __name__ == "__main__":
    main()
