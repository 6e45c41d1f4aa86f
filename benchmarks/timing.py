"""How long two things take beside each other."""

import statistics
import time

import keras


class EpochTimes(keras.callbacks.Callback):
    """Seconds of every epoch; asking for its loss waits for the device."""

    def on_train_begin(self, logs=None):
        self.found = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        float(logs["loss"])
        self.found.append(time.perf_counter() - self.started)


def seconds(run):
    """Seconds that one call of `run` takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def time_ratio(candidate, baseline, pairs=7):
    """Median of the time of `candidate` over that of `baseline`, run in turns."""
    for run in (candidate, baseline):
        run()  # tracing and first reads are not what is measured
    return statistics.median(
        seconds(candidate) / seconds(baseline) for _ in range(pairs)
    )


def cpu_seconds(run):
    """CPU seconds of all threads that one call of `run` takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def cpu_ratio(candidate, baseline, pairs=7):
    """Median of the CPU time of `candidate` over that of `baseline`, run in turns."""
    for run in (candidate, baseline):
        run()  # tracing and first reads are not what is measured
    return statistics.median(
        cpu_seconds(candidate) / cpu_seconds(baseline) for _ in range(pairs)
    )
