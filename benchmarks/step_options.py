"""Do XLA, and several steps in one call, pay? On TensorFlow or JAX."""

import argparse
import json

import keras
import workload
from step_epochs import epoch, in_turns, median_ratio

import keras_dcat
from keras_dcat import windows

OPTIONS = {
    "tensorflow": {
        "plain": {"jit_compile": False},
        "xla": {"jit_compile": True},
        "eight_steps": {"jit_compile": False, "steps_per_execution": 8},
        "eight_steps_xla": {"jit_compile": True, "steps_per_execution": 8},
    },
    # JAX compiles whatever it runs.
    "jax": {"plain": {}, "eight_steps": {"steps_per_execution": 8}},
}


def training(index, known, source, options):
    """Two functions: of the seconds of a first epoch, and of a later one."""
    model = keras_dcat.DCATModel(source, workload.encoder(index, "imu"))
    model.compile("adam", **options)
    pairs = windows.pair_dataset(index, known, "imu", **workload.ORDER)
    return epoch(model, pairs, epochs=1), epoch(model, pairs)


def main():
    """Prints one JSON object; ratios are over `plain`, in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    index = workload.window_index(args.windows)
    source = workload.trained_source(index)
    model = keras_dcat.DCATModel(source, workload.encoder(index, "imu"))
    known = model.cache_source(index.gather("skeleton"), verbose=0)
    runs, first = {}, {}
    for name, options in OPTIONS[keras.backend.backend()].items():
        start, runs[name] = training(index, known, source, options)
        first[name] = start()
    found = in_turns(runs, args.rounds)
    later = {name: median_ratio(found, name, "plain") for name in runs}
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "first_epoch_vs_plain": {
                    n: s / first["plain"] for n, s in first.items()
                },
                "later_epoch_vs_plain": later,
                "seconds": {"first": first, "later": found},
            }
        )
    )


if __name__ == "__main__":
    main()
