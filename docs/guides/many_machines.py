# %% [markdown]
# # Train on several devices or machines
#
# A transfer can run with a strategy on TensorFlow, or with `keras.distribution` on JAX.
# This guide runs what one machine can: two virtual devices with `MirroredStrategy`, and
# the shares of two processes. `examples/distributed.py` has the rest.

# %%
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_dcat import DCATModel, datasets, encoders, windows
from keras_dcat.transfer import ResumeTraining

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
folder = pathlib.Path(tempfile.mkdtemp())
simulation = datasets.simulate(num_subjects=6, streams=("skeleton", "imu"), seed=1)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
order = {"batch_size": 32, "shuffle": True, "seed": 0}


def encoder(stream):
    """A new model of a stream."""
    keras.utils.set_random_seed(0)
    build = {"skeleton": encoders.skeleton, "imu": encoders.imu}[stream]
    return build(index.shape(stream), 6, "tiny")


# %% [markdown]
# ## Several devices of one machine
# Build and compile models in the scope of the strategy. A batch is divided among the
# devices; InfoNCE compares the windows of each share.

# %%
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    source = encoder("skeleton")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    source.compile(keras.optimizers.Adam(3e-3), loss)
    source.fit(windows.stream_dataset(index, "skeleton", **order), epochs=5, verbose=0)
    model = DCATModel(source, encoder("imu"))
    model.compile(keras.optimizers.Adam(1e-3))
pairs = windows.pair_dataset(index, "skeleton", "imu", **order)
history = model.fit(pairs, epochs=2, verbose=0).history
print({name: np.round(values, 2).tolist() for name, values in history.items()})

# %% [markdown]
# ## Several processes
# Each process makes the same batches and reads its share. Together the shares are the
# batch of one process.

# %%
whole = next(iter(windows.pair_dataset(index, "skeleton", "imu", **order)))
shares = [
    next(iter(windows.pair_dataset(index, "skeleton", "imu", shard=(p, 2), **order)))
    for p in range(2)
]
together = np.concatenate([share[0]["target"] for share in shares])
whole = whole[0]["target"]
print(whole.shape, [tuple(share[0]["target"].shape) for share in shares])
print("the same windows:", np.array_equal(np.sort(whole, 0), np.sort(together, 0)))

# %% [markdown]
# On JAX each process then calls `keras.distribution.initialize` and sets
# `keras.distribution.DataParallel`. On two machines, or twice on this one:
#
# ```bash
# python examples/distributed.py --processes 2 --process 0 --coordinator 10.0.0.1:9000
# python examples/distributed.py --processes 2 --process 1 --coordinator 10.0.0.1:9000
# ```
#
# ## Continue a killed run
# `ResumeTraining` stores the state of training after each epoch: weights, optimizer, λ,
# random seeds, data order and history. A killed training that is started again ends
# with the same result. Caches on disk, comparisons and searches also continue. Several
# machines share one file an epoch.

# %%
resume = [ResumeTraining(folder / "training.npz")]
for epochs in (2, 4):  # the second call is the one after the kill
    model = DCATModel(source, encoder("imu"))
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(pairs, epochs=epochs, callbacks=resume, verbose=0).history
    print(f"{epochs} epochs:", np.round(history["loss"], 2).tolist())

# %% [markdown]
# Next: [from ten hours to a million](../scaling.md).
