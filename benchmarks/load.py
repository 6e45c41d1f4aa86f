"""Does memory stay flat under load: a million windows, 24 live streams, 1,000 fits?

`windows`: shuffled pairs of 9 channels at 100 Hz and 60 at 25 Hz through the pipeline,
a source over all of them into a cache on disk, and the pairs again with that cache.
`streams`: exported targets that run live beside each other, a thread each, in chunks of
a tenth of a second, then an hour of each as fast as they can; a latency is that from
when the last sample of a window is due to when its label is there. `fits`: of one
`DCATModel`, or with `--new` of a new one each time; with `--plain` of a `keras.Model`
without any of ours, and what grows there is Keras's. Memory is what no file stands
behind, and grows from where it is after a tenth. One load a process. Linux.
"""

import argparse
import gc
import json
import os
import pathlib
import tempfile
import threading
import time
import warnings
import weakref

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import keras_dcat
from keras_dcat import encoders, export
from keras_dcat import windows as win
from keras_dcat.recordings import Recording, Stream

LENGTH, BATCH = 2.0, 256
FINE = 0.04  # s from window to window: they share samples, and a million fit
CHUNK, RATE = 0.1, 50.0  # s, Hz
STREAMS = "skeleton", "imu"


class Memory:
    """Memory that is this process's own, not pages of files; from its first tenth on.

    Args:
        total: int. Of how many `seen` are told.
    """

    def __init__(self, total):
        self.total = total
        self.sizes = []

    def seen(self, count):
        """Notes how much there is when so many have passed."""
        self.sizes.append((count, own_mb()))

    def growth(self):
        """MB that the most, and the last, are above the size after a tenth."""
        behind = [mb for count, mb in self.sizes if count >= self.total / 10]
        return {
            "peak_growth_mb": max(behind) - behind[0],
            "final_growth_mb": behind[-1] - behind[0],
        }

    def kb_each(self):
        """KB that each adds: the slope of a line through all behind the first tenth."""
        behind = [pair for pair in self.sizes if pair[0] >= self.total / 10]
        return 1000 * float(np.polyfit(*zip(*behind, strict=True), 1)[0])


def own_mb():
    """MB in memory that no file stands behind."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1000


def branch(steps, channels, classes=4):
    """A small convolution with attention."""
    inputs = keras.Input((steps, channels))
    x = layers.Conv1D(16, 5, strides=2, activation="relu")(inputs)
    x = layers.GlobalAveragePooling1D()(keras_dcat.AttentionKV(16)(x))
    return keras.Model(inputs, layers.Dense(classes)(x))


def fine_windows(count):
    """About `count` windows of recordings of ten minutes each."""
    rng = np.random.default_rng(0)
    each = round((600 - LENGTH) / FINE)
    recordings = []
    for number in range(-(-count // each)):
        streams = {
            "imu": Stream(rng.standard_normal((60_000, 9), "float32"), 100.0),
            "skeleton": Stream(rng.standard_normal((15_000, 60), "float32"), 25.0),
        }
        recordings.append(Recording(streams, number % 4, number, str(number)))
    return win.index_windows(recordings, LENGTH, FINE)


def passed(dataset, count):
    """Windows per second of a pass, and how memory grows in it."""
    memory, seen, began = Memory(count), 0, time.perf_counter()
    for number, (_, labels) in enumerate(dataset):
        seen += len(labels)
        if number % 50 == 0:
            memory.seen(seen)
    memory.seen(seen)
    speed = seen / (time.perf_counter() - began)
    return {"windows": seen, "windows_per_s": speed, **memory.growth()}


def cached(model, dataset, count, path):
    """The same of a source that runs over windows, and what it gave."""
    memory, seen = Memory(count), [0]

    def counted(windows):
        seen[0] += len(windows)
        memory.seen(seen[0])
        return windows

    def watched(windows, labels):
        passed_on = tf.numpy_function(counted, [windows], windows.dtype)
        return tf.ensure_shape(passed_on, windows.shape), labels

    began = time.perf_counter()
    known = model.cache_source(dataset.map(watched), path, verbose=0)
    taken = time.perf_counter() - began
    memory.seen(count)
    return known, {
        "windows": count,
        "windows_per_s": count / taken,
        **memory.growth(),
    }


def load_of_windows(args):
    """A million windows through the pipeline and the cache."""
    index = fine_windows(args.windows)
    count = len(index)
    pairs = win.pair_dataset(index, *STREAMS, BATCH, shuffle=True, seed=0)
    found = {"pipeline": passed(pairs, count)}
    model = keras_dcat.DCATModel(*(branch(*index.shape(name)) for name in STREAMS))
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        path = pathlib.Path(folder) / "source.cache"
        in_order = win.stream_dataset(index, "skeleton", BATCH)
        known, found["source into cache"] = cached(model, in_order, count, path)
        pairs = win.pair_dataset(index, known, "imu", BATCH, shuffle=True, seed=0)
        found["pipeline with cache"] = passed(pairs, count)
    return found


def exported(folder):
    """A target as LiteRT; windows of 2 s every half second."""
    rng = np.random.default_rng(0)
    streams = {"imu": Stream(rng.standard_normal((2000, 6), "float32"), RATE)}
    index = win.index_windows(
        [Recording(streams, n, n, str(n)) for n in range(4)], LENGTH, 0.5
    )
    target = encoders.imu(index.shape("imu"), 4)
    done = export.export_target(
        target,
        folder / "target",
        index,
        "imu",
        "abcd",
        stride=0.5,
        formats=["litert"],
        verbose=0,
    )
    return done.file("litert")


def live(classifier, seconds, chunk, began, late):
    """Feeds a stream as it would come in; how late every label is, in seconds."""
    for number in range(1, round(seconds / CHUNK) + 1):
        due = began + number * CHUNK
        time.sleep(max(0.0, due - time.perf_counter()))
        if classifier.feed(chunk):
            late.append(time.perf_counter() - due)


def load_of_streams(args):
    """24 streams live at once, then as fast as they can for an hour of each."""
    from keras_dcat.streaming import StreamingClassifier

    rng = np.random.default_rng(0)
    chunk = rng.standard_normal((round(CHUNK * RATE), 6), "float32")
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        artefact = exported(pathlib.Path(folder))
        classifiers = [StreamingClassifier(artefact) for _ in range(args.streams)]
    for each in classifiers:
        each.feed(np.repeat(chunk, 40, axis=0))  # 4 s, so that all is warm
    late, threads = [[] for _ in classifiers], []
    began = time.perf_counter() + 0.5
    for number, (each, own) in enumerate(zip(classifiers, late, strict=True)):
        # Their windows are not complete all at the same time.
        shifted = began + CHUNK * number / args.streams
        given = (each, args.seconds, chunk, shifted, own)
        threads.append(threading.Thread(target=live, args=given))
    used = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = time.process_time() - used
    milliseconds = 1000 * np.concatenate(late)
    shares = dict(zip(("p50", "p95", "p99", "max"), (50, 95, 99, 100), strict=True))
    found = {
        "labels": len(milliseconds),
        "cores": used / args.seconds,
        **{
            f"latency_ms_{name}": float(np.percentile(milliseconds, share))
            for name, share in shares.items()
        },
    }
    chunks = round(args.hours * 3600 / CHUNK)
    memory, began = Memory(chunks), time.perf_counter()
    for number in range(chunks):
        for classifier in classifiers:
            classifier.feed(chunk)
        if number % 100 == 0:
            memory.seen(number)
    taken = time.perf_counter() - began
    found["streams_x_realtime"] = args.streams * args.hours * 3600 / taken
    return {**found, **memory.growth()}


def fits(count, build, data, new):
    """KB that memory grows by with every fit, and how many models outlive it."""
    memory, models, began = Memory(count), weakref.WeakSet(), time.perf_counter()
    model = None
    for number in range(count):
        if new or model is None:
            model = build()
            models.add(model)
        model.fit(*data, batch_size=16, epochs=1, verbose=0)
        if new:
            del model
            keras.utils.clear_session()  # as every search should between its trials
            gc.collect()
        memory.seen(number + 1)
    return {
        "fits": count,
        "seconds_each": (time.perf_counter() - began) / count,
        "kb_each": memory.kb_each(),
        **memory.growth(),
        "models_alive": len(models),
    }


def compiled(model):
    """Without XLA, which compiles for longer than so short a training takes."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=False)
    return model


def load_of_fits(args):
    """Many trainings, one after the other: D-CAT, or the target alone."""
    rng = np.random.default_rng(0)
    pair = tuple(rng.standard_normal((32, *s), "float32") for s in ((12, 5), (20, 3)))
    labels = np.arange(32) % 4

    def transfer():
        return compiled(keras_dcat.DCATModel(branch(12, 5), branch(20, 3)))

    def alone():
        return compiled(branch(20, 3))

    build, inputs = (alone, pair[1]) if args.plain else (transfer, pair)
    # No source is trained here, and D-CAT says so at every fit.
    warnings.filterwarnings("ignore", "The source should be trained")
    return fits(args.fits, build, (inputs, labels), args.new)


LOADS = {
    "windows": load_of_windows,
    "streams": load_of_streams,
    "fits": load_of_fits,
}


def main():
    """Prints one load's figures, a line for each of its parts, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", choices=LOADS)
    parser.add_argument("--windows", type=int, default=1_000_000)
    parser.add_argument("--scratch", help="folder of the cache, where there is room")
    parser.add_argument("--streams", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=60.0, help="live")
    parser.add_argument("--hours", type=float, default=1.0, help="of every stream")
    parser.add_argument("--fits", type=int, default=1000)
    parser.add_argument("--new", action="store_true", help="a new model for every fit")
    parser.add_argument("--plain", action="store_true", help="the target alone")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found = LOADS[args.load](args)
    if args.json:
        print(json.dumps(found))
        return
    parts = found if args.load == "windows" else {args.load: found}
    for name, figures in parts.items():
        shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        print(f"{name}: {shown}")


if __name__ == "__main__":
    main()
