"""How much faster do two processes train than one, each of them on one core?

With JAX, on one machine, over its loopback; a batch has as many windows either way.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys

EPOCHS = 4
ONE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}


def train(process, processes, coordinator, count):
    """Trains on one core of its own; the seconds of each epoch but the first."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[process % len(cores)]})
    import keras

    if processes > 1:
        keras.distribution.initialize(coordinator, processes, process)
    import workload
    from timing import EpochTimes

    import keras_dcat
    from keras_dcat import windows

    index = workload.window_index(count)
    known = keras_dcat.DCATModel(
        workload.encoder(index, "skeleton"), workload.encoder(index, "imu")
    ).cache_source(index.gather("skeleton"), verbose=0)
    if processes > 1:
        parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
        keras.distribution.set_distribution(parallel)
    model = keras_dcat.DCATModel(
        workload.encoder(index, "skeleton"), workload.encoder(index, "imu")
    )
    shard = {"shard": (process, processes)} if processes > 1 else {}
    pairs = windows.pair_dataset(index, known, "imu", **workload.ORDER, **shard)
    times = EpochTimes()
    model.fit(pairs, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[times])
    return times.found[1:]


def together(processes, count):
    """Median seconds of an epoch, of so many processes at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    line = [sys.executable, pathlib.Path(__file__), "--windows", str(count)]
    line += ["--processes", str(processes), "--coordinator", address, "--process"]
    running = [
        subprocess.Popen(
            [*line, str(n)],
            env={**os.environ, **ONE_THREAD},
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(processes)
    ]
    printed = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise RuntimeError("A process has failed; its words are above.")
    return statistics.median(json.loads(printed[0].splitlines()[-1]))


def main():
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--process", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--coordinator", help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "jax"
    if args.process is not None:
        found = train(args.process, args.processes, args.coordinator, args.windows)
        print(json.dumps(found))
        return
    found = [
        [together(number, args.windows) for number in (1, args.processes)]
        for _ in range(args.rounds)
    ]
    print(
        json.dumps(
            {
                "processes": args.processes,
                "two_process_speedup": statistics.median(a / b for a, b in found),
                "seconds": found,
            }
        )
    )


if __name__ == "__main__":
    main()
