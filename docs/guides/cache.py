# %% [markdown]
# # Run the source once
#
# A frozen source gives the same output for a window in every epoch. `cache_source` runs
# it once and stores what the losses read, in memory or in a file. An epoch then costs
# about as much as one of the target alone. It saves most with a large pretrained
# network: [a guide](pretrained_teacher.py) has one.

# %%
import pathlib
import tempfile
import time

import keras
import numpy as np

from keras_dcat import DCATModel, datasets, encoders, windows

folder = pathlib.Path(tempfile.mkdtemp())
simulation = datasets.simulate(num_subjects=8, streams=("video", "imu"), seed=1)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
keras.utils.set_random_seed(0)
camera = encoders.video(
    index.shape("video"), 6, "tiny", normalization=keras.layers.Rescaling(1 / 255)
)
camera.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
camera.fit(windows.stream_dataset(index, "video", shuffle=True), epochs=10, verbose=0)


def new_model():
    """The camera teaches a new wrist."""
    keras.utils.set_random_seed(0)
    return DCATModel(camera, encoders.imu(index.shape("imu"), 6, "tiny"))


def epochs_of(model, pairs, epochs=4):
    """Seconds of each epoch but the first, which compiles, and the losses."""
    seconds, started = [], []
    timed = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: started.append(time.perf_counter()),
        on_epoch_end=lambda *_: seconds.append(time.perf_counter() - started[-1]),
    )
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(
        pairs, epochs=epochs, shuffle=False, callbacks=[timed], verbose=0
    )
    return np.median(seconds[1:]), history.history["loss"]


# %% [markdown]
# ## Live, and cached
# The cache has the same numbers, to 10⁻⁵; losses drift apart by rounding. The saving
# depends on the size of the source relative to the target.

# %%
order = {"shuffle": True, "seed": 0}
live = windows.pair_dataset(index, "video", "imu", **order)
live_seconds, live_loss = epochs_of(new_model(), live)
model = new_model()
known = model.cache_source(
    windows.stream_dataset(index, "video"), folder / "video.cache", verbose=0
)
cached = windows.pair_dataset(index, known, "imu", **order)
cached_seconds, cached_loss = epochs_of(model, cached)
print(
    f"an epoch takes {cached_seconds / live_seconds:.0%} of the time of a live source"
)
print(f"losses differ by {np.abs(np.subtract(live_loss, cached_loss)).max():.0e}")
size = (folder / "video.cache").stat().st_size
print(f"{len(index)} windows take {size / 1e3:.0f} kB")

# %% [markdown]
# ## Checks of the file
# With an existing file the source does not run. A cache of another source or other
# windows, or with a damaged byte, is refused with the reason.

# %%
data = bytearray((folder / "video.cache").read_bytes())
data[-100] ^= 1
(folder / "damaged.cache").write_bytes(data)
other = keras.models.clone_model(camera)
for name, source, path in (
    ("damaged", camera, "damaged.cache"),
    ("another source", other, "video.cache"),
):
    try:
        DCATModel(source, encoders.imu(index.shape("imu"), 6, "tiny")).cache_source(
            index.gather("video"), folder / path, verbose=0
        )
    except ValueError as error:
        print(f"{name}: {error}".replace(str(folder), "…"))

# %% [markdown]
# ## What else makes an epoch fast
# - `dtype="float16"` halves the cache.
# - Do not augment the source's windows; augment the target's after the cache.
# - `model.compile(…, jit_compile=False)` for trials of some hundred steps on a CPU,
#   where XLA compiles for longer than it saves.
# - Windows larger than memory: `windows.write_shards` and `windows.read_shards`.
# - [Benchmarks](../../benchmarks/README.md) of a step, and [scaling](../scaling.md) to
#   more data.
