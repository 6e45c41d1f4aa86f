"""How much memory does a training take at its most? One way of training a process."""

import argparse
import resource
import sys

import workload

import keras_dcat
from keras_dcat import windows

WAYS = ("alone", "cached", "live")


def main():
    """Prints MiB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("--windows", type=int, default=2048)
    parser.add_argument("--cache", help="file of the source's statistics")
    args = parser.parse_args()
    index = workload.window_index(args.windows)
    if args.way == "alone":
        model = workload.compiled(workload.encoder(index, "imu"))
        dataset = windows.stream_dataset(index, "imu", **workload.ORDER)
    else:
        source = workload.encoder(index, "skeleton")
        model = keras_dcat.DCATModel(source, workload.encoder(index, "imu"))
        read = "skeleton"
        if args.way == "cached":
            sensed = windows.stream_dataset(index, "skeleton")
            read = model.cache_source(sensed, args.cache, verbose=0)
        dataset = windows.pair_dataset(index, read, "imu", **workload.ORDER)
    model.fit(dataset, epochs=2, shuffle=False, verbose=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (2**20 if sys.platform == "darwin" else 2**10))


if __name__ == "__main__":
    main()
