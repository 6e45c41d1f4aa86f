"""D-CAT on several machines, each of which reads its share of the windows.

On this machine, as two processes that meet on the loopback:

    KERAS_BACKEND=jax python examples/distributed.py --processes 2

On several, this line on each, with its own number:

    KERAS_BACKEND=jax python examples/distributed.py --processes 2 --process 0 \
        --coordinator 10.0.0.1:12345

All need the same files and a folder that they share. A training that was interrupted
goes on behind its last whole epoch, with any number of processes.
"""

import argparse
import os
import pathlib
import socket
import subprocess
import sys

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("--processes", type=int, default=1)
parser.add_argument("--process", type=int, help="number of this one; all if not given")
parser.add_argument("--coordinator", help="host:port of process 0")
parser.add_argument("--batch-size", type=int, default=64, help="of all together")
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--learning-rate", type=float, default=3e-3)
parser.add_argument("--output", default="outputs/distributed")
args = parser.parse_args()

if args.process is None and args.processes > 1:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    line = [sys.executable, *sys.argv, "--coordinator", address, "--process"]
    running = [subprocess.Popen([*line, str(n)]) for n in range(args.processes)]
    codes = [process.wait() for process in running]
    sys.exit(any(codes))

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras  # noqa: E402
from keras import layers  # noqa: E402

from keras_dcat import AttentionKV, DCATModel, datasets, windows  # noqa: E402
from keras_dcat.metrics import macro_f1  # noqa: E402

process, processes = args.process or 0, args.processes
keras.utils.set_random_seed(0)
if processes > 1:  # before anything computes
    keras.distribution.initialize(args.coordinator, processes, process)
    from jax.experimental import multihost_utils

train, test = windows.split_by_subject(
    windows.index_windows(datasets.load_watch(), length=4.0, stride=2.0), (2, 5, 9)
)


def build(stream):
    """As in the quickstart, without batch statistics."""
    inputs = keras.Input(train.shape(stream))
    x = windows.normalization_layer(train, stream)(inputs)
    for filters in (32, 64):
        x = layers.Conv1D(filters, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.LayerNormalization()(AttentionKV(key_dim=32, attention="linear")(x))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(len(datasets.watch.CLASS_NAMES))(x))


def trained_source(path):
    """The watch's whole IMU; the first process trains it, the others wait for it."""
    if process == 0 and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        source = build("imu")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        source.compile(keras.optimizers.Adam(3e-3), loss)
        batches = windows.stream_dataset(train, "imu", shuffle=True, seed=0)
        source.fit(batches, epochs=10, shuffle=False, verbose=0)
        source.save(path.with_suffix(".part.keras"))
        path.with_suffix(".part.keras").replace(path)
    if processes > 1:
        multihost_utils.sync_global_devices("source")
    return keras.models.load_model(path)


class SharedBackup(keras.callbacks.Callback):
    """A file an epoch, from which all processes go on; one that is there is whole."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def restore(self, model):
        """Loads the last epoch; the number of those that are done."""
        done = sorted(self.folder.glob("epoch-*"))
        if not done:
            return 0
        model.optimizer.build(model.trainable_variables)  # so that it is loaded, too
        model.load_weights(done[-1])
        return int(done[-1].name.split("-")[1].split(".")[0])

    def on_epoch_end(self, epoch, logs=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"of-{process}.weights.h5"
        self.model.save_weights(part)  # which takes all processes; one file is kept
        if process == 0:
            part.replace(self.folder / f"epoch-{epoch + 1:03d}.weights.h5")
        else:
            part.unlink()


output = pathlib.Path(args.output)
source = trained_source(output / "source.keras")
# The first process runs the source over the windows; the others read what it wrote.
known = DCATModel(source, build("accelerometer")).cache_source(
    train.gather("imu"), output / "source.cache", verbose=0
)

if processes > 1:  # what is made from here on is the same everywhere
    parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)
keras.utils.set_random_seed(0)
source = keras.models.load_model(output / "source.keras")
model = DCATModel(source, build("accelerometer"))
model.compile(keras.optimizers.Adam(args.learning_rate))
pairs = windows.pair_dataset(
    train,
    known,
    "accelerometer",
    args.batch_size,
    shuffle=True,
    seed=0,
    shard=(process, processes),
)
backup = SharedBackup(output / "backup")
done = backup.restore(model)
for _ in range(done):
    iter(pairs)  # the orders of the epochs that are done
callbacks = [backup]
if process == 0:
    callbacks.append(keras.callbacks.CSVLogger(output / "history.csv", append=True))
model.fit(
    pairs,
    initial_epoch=done,
    epochs=args.epochs,
    callbacks=callbacks,
    verbose=2 if process == 0 else 0,
)

weights = model.target.get_weights()
keras.distribution.set_distribution(None)
target = build("accelerometer")
target.set_weights(weights)
if process == 0:
    scores = target.predict(test.gather("accelerometer"), verbose=0)
    f1 = macro_f1(test.labels, scores, len(datasets.watch.CLASS_NAMES))
    target.save(output / "target.keras")
    print(f"{output / 'target.keras'}: macro F1 {f1:.3f} on unseen subjects")
