"""Long works that are killed in the middle: each goes on from what its folder holds."""

import os
import pathlib
import resource
import signal
import sys

import keras
import numpy as np

import keras_dcat
from keras_dcat.export import export_target
from keras_dcat.recordings import Recording, Stream
from keras_dcat.transfer import ResumeTraining, out_of_fold_predictions
from keras_dcat.windows import index_windows, pair_dataset
from keras_dcat.windows.shards import read_shards, write_shards
from tests.models import CLASSES, branch, pair_of_branches, windows


def recordings():
    """Windows `(12, 5)` of a camera and `(20, 3)` of an IMU, of four people."""
    rng = np.random.default_rng(0)
    found = []
    for who in range(4):
        for label in range(CLASSES):
            streams = {
                name: Stream(rng.normal(size=(4 * n, size)).astype("float32"), float(n))
                for name, n, size in (("camera", 12, 5), ("imu", 20, 3))
            }
            found.append(Recording(streams, label, f"p{who}", f"{who}-{label}"))
    return index_windows(found, length=1.0, stride=1.0)


class PowerCut(keras.callbacks.Callback):
    """Kills the process after a given batch of a given epoch."""

    at = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder):
    """Epochs with dropout, in an order that is new in each."""
    keras.utils.set_random_seed(0)
    model = keras_dcat.DCATModel(*pair_of_branches(dropout=0.5))
    model.compile(jit_compile=False)
    data = pair_dataset(recordings(), "camera", "imu", 16, shuffle=True, seed=0)
    callbacks = [ResumeTraining(folder / "training.npz"), PowerCut()]
    history = model.fit(data, epochs=3, callbacks=callbacks, verbose=0).history
    return [*model.target.get_weights(), *history.values()]


def cache(folder):
    """A source runs over windows."""
    keras.utils.set_random_seed(0)
    model = keras_dcat.DCATModel(*pair_of_branches())
    (skeletons, _), _ = windows(np.random.default_rng(0), count=64)
    path = folder / "source.cache"
    known = model.cache_source(skeletons, path, batch_size=8, verbose=0)
    size = np.array([path.stat().st_size])
    return [*map(np.asarray, keras.tree.flatten(known)), size]


def shards(folder):
    """Windows are written as TFRecord files."""
    file = write_shards(recordings(), folder, 8, progress=False)
    batches = [x.numpy() for x, _ in read_shards(file, stream="imu")]
    files = [file, *sorted(folder.glob("*.tfrecord"))]
    written = [np.frombuffer(path.read_bytes(), "uint8") for path in files]
    return [np.concatenate(batches), *written]


def folds(folder):
    """Sources of folds predict whom they have not seen."""

    def trained(inputs, labels):
        head = [keras.layers.Flatten(), keras.layers.Dropout(0.5)]
        head.append(keras.layers.Dense(CLASSES, activation="softmax"))
        model = keras.Sequential([keras.Input(inputs.shape[1:]), *head])
        loss = keras.losses.SparseCategoricalCrossentropy()
        model.compile("adam", loss, run_eagerly=True)
        model.fit(inputs, labels, epochs=1, verbose=0)
        return model

    index = recordings()
    inputs, path = index.gather("imu"), folder / "folds.npz"
    options = {"folds": 2, "path": path, "verbose": 0}
    found = out_of_fold_predictions(
        trained, inputs, index.labels, index.subjects, **options
    )
    return [found]


def search(folder):
    """Trials of a search."""
    from keras_dcat import tuning
    from keras_dcat.cli.searching import WholeSearch

    index = recordings()

    def data(hp, model):
        return {"x": pair_dataset(index, "camera", "imu", 16, shuffle=True, seed=0)}

    source = branch(5, steps=12)
    keras.utils.set_random_seed(0)
    source.set_weights([keras.random.normal(w.shape) for w in source.weights])
    hypermodel = tuning.DCATHyperModel(
        source,
        lambda hp: branch(3, dropout=0.5),
        ["transfer_weight"],
        data=data,
        jit_compile=False,
    )
    tuner = WholeSearch(
        hypermodel,
        tuning.MACRO_F1,
        max_trials=2,
        seed=1,
        directory=folder,
        project_name="search",
    )
    held_out = index.gather("imu"), index.labels
    tuner.search(validation_data=held_out, epochs=1, verbose=0)
    trials = [tuner.oracle.trials[name] for name in sorted(tuner.oracle.trials)]
    return [
        np.array([(t.hyperparameters.get("transfer_weight"), t.score) for t in trials])
    ]


def export(folder):
    """A target for a device."""
    keras.utils.set_random_seed(0)
    held_out, names = recordings(), [f"class {n}" for n in range(CLASSES)]
    options = {"stride": 1.0, "formats": ["litert"], "verbose": 0}
    if not (folder / "device").exists():
        export_target(branch(3), folder / "device", held_out, "imu", names, **options)
    from keras_dcat.export import runner

    run, _, _owner = runner.load(folder / "device" / "target.tflite")
    return [run(held_out.gather("imu"))[0]]


def run(work, folder, result, before_operation=None, at_byte=None, after_batch=None):
    """Does a work, and keeps its result; unless it is killed.

    Args:
        work: one of the functions above.
        folder: path of what the work keeps.
        result: path of an `.npz` file for what it returns, and `operations`: how many
            times it has made, opened for writing, renamed or removed something there.
        before_operation: int. Before which of these it dies by SIGKILL.
        at_byte: int. At which byte of a file it dies, in the middle of a write.
        after_batch: `(epoch, batch)` of a training, after which it dies.
    """
    PowerCut.at = after_batch
    keras.Model._resolve_auto_jit_compile = lambda self: False  # as in the tests
    operations = 0

    def count(event, arguments):
        nonlocal operations
        if not _changes(event, arguments, str(folder)):
            return
        if operations == before_operation:
            os.kill(os.getpid(), signal.SIGKILL)
        operations += 1

    sys.addaudithook(count)
    if at_byte is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (at_byte, at_byte))
    found = work(pathlib.Path(folder))
    np.savez(result, *found, operations=operations)


def _changes(event, arguments, folder):
    if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"):
        return False
    path = arguments[0]
    if isinstance(path, int) or not os.fsdecode(path).startswith(folder):
        return False
    return event != "open" or bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
