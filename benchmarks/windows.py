"""Do windows arrive faster than they are used, and what do they cost?"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from timing import cpu_ratio, seconds, time_ratio
from windows_files import from_files

import keras_dcat
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, pair_dataset

LENGTH, STRIDE, BATCH = 2.0, 0.5, 64


def recordings(count, minutes, rng):
    """Noise of the sizes of the issue: 9 channels at 100 Hz and 60 at 25 Hz."""
    fast, slow = round(minutes * 6000), round(minutes * 1500)
    return [
        Recording(
            {
                "imu": Stream(rng.normal(size=(fast, 9)).astype("float32"), 100.0),
                "skeleton": Stream(rng.normal(size=(slow, 60)).astype("float32"), 25.0),
            },
            label=number % 4,
            subject=number,
            session=str(number),
        )
        for number in range(count)
    ]


def exhaust(dataset):
    """One pass over a dataset; the number of its batches."""
    return sum(1 for _ in dataset)


def speed(rng, count):
    """Windows per second against Keras's utility; per CPU second against a copy."""
    index = index_windows(recordings(count, 10, rng), LENGTH, STRIDE)
    pairs = pair_dataset(index, "skeleton", "imu", BATCH, shuffle=True, seed=0)
    data = {name: np.concatenate(s.parts) for name, s in index.samples.items()}
    first_stream = data["imu"]
    peer = keras.utils.timeseries_dataset_from_array(
        first_stream,
        None,
        sequence_length=index.steps["imu"],
        sequence_stride=round(STRIDE * 100),
        batch_size=BATCH,
        shuffle=True,
        seed=0,
    )
    peer_windows = (len(first_stream) - index.steps["imu"]) // round(STRIDE * 100) + 1
    ratio = time_ratio(lambda: exhaust(peer), lambda: exhaust(pairs), pairs=7)

    blocks = [
        (data[name], np.empty((BATCH, *index.shape(name)), "float32"), steps)
        for name, steps in index.steps.items()
    ]
    order = rng.permutation(len(index))

    def copy():
        for at in range(0, len(order), BATCH):
            for name, (samples, batch, steps) in zip(index.steps, blocks, strict=True):
                starts = index.starts[name][order[at : at + BATCH]]
                for row, start in enumerate(starts):
                    batch[row] = samples[start : start + steps]

    return {
        "speedup_vs_keras_timeseries": ratio * len(index) / peer_windows,
        "fraction_of_memcpy": cpu_ratio(copy, lambda: exhaust(pairs), pairs=7),
    }


def branch(steps, channels):
    """A small convolution with attention."""
    inputs = keras.Input((steps, channels))
    x = layers.Conv1D(32, 5, strides=2, activation="relu")(inputs)
    x = layers.Conv1D(64, 5, strides=2, activation="relu")(x)
    x = layers.GlobalAveragePooling1D()(keras_dcat.AttentionKV(32)(x))
    return keras.Model(inputs, layers.Dense(4)(x))


def feeding(rng):
    """A training epoch from the pipeline over one from arrays in memory."""
    index = index_windows(recordings(4, 10, rng), LENGTH, STRIDE)
    model = keras_dcat.DCATModel(
        branch(*index.shape("skeleton")), branch(*index.shape("imu"))
    )
    arrays = index.gather("skeleton"), index.gather("imu")
    pairs = pair_dataset(index, "skeleton", "imu", BATCH, shuffle=True, seed=0)
    return time_ratio(
        lambda: model.fit(pairs, verbose=0),
        lambda: model.fit(arrays, index.labels, batch_size=BATCH, verbose=0),
        pairs=7,
    )


MEMORY = """
import resource
import sys
import numpy as np
from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, pair_dataset

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

import tensorflow as tf
exhausted = sum(1 for _ in tf.data.Dataset.range(10).prefetch(2))
before = peak()
values = np.load(sys.argv[1], mmap_mode="r")
rate = len(values) / 3600
streams = {"a": Stream(values, rate), "b": Stream(values[::2], rate / 2)}
index = index_windows([Recording(streams, 0, "A")], length=2.0, stride=2.0)
for _ in pair_dataset(index, "a", "b", 64, shuffle=True, seed=0):
    pass
print(peak() - before)
"""


def memory():
    """MB above the interpreter's own for a pass over 1 GB in memory maps."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "hour.npy"
        rows = 2**30 // (64 * 4)
        values = np.lib.format.open_memmap(path, "w+", "float32", (rows, 64))
        for at in range(0, rows, 2**18):
            values[at : at + 2**18] = at
        values.flush()
        del values
        finished = subprocess.run(
            [sys.executable, "-c", MEMORY, str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
    return float(finished.stdout.split()[-1])


def opening(rng):
    """Seconds to index 10,000 recordings of 20 s."""
    streams = {
        "imu": Stream(rng.normal(size=(2000, 9)).astype("float32"), 100.0),
        "skeleton": Stream(rng.normal(size=(500, 60)).astype("float32"), 25.0),
    }
    many = [Recording(streams, n % 4, n % 50, str(n)) for n in range(10_000)]
    return min(seconds(lambda: index_windows(many, LENGTH, STRIDE)) for _ in range(3))


def main():
    """Prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--recordings", type=int, default=40, help="10 minutes each")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    results = {
        **speed(rng, args.recordings),
        **from_files(rounds=3, seconds=10),
        "epoch_vs_in_memory": feeding(rng),
        "resident_mb_per_gb": memory(),
        "index_10k_recordings_s": opening(rng),
    }
    if args.json:
        print(json.dumps(results))
        return
    print("| figure | value |\n|---|---|")
    for name, value in results.items():
        print(f"| `{name}` | {value:.2f} |")


if __name__ == "__main__":
    main()
