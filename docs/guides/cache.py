# %% [markdown]
# # The source runs once
#
# A frozen source says the same of a window in every epoch. `cache_source` runs it once
# and keeps what the losses read of it, in memory or in a file; `fit` takes that in the
# place of the source's windows. A training then costs what the target alone costs,
# whatever the source is. It pays most where the source is a large pretrained network:
# [a guide](pretrained_teacher.py) has one.

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
# The cache holds the same numbers, to 10⁻⁵; losses drift apart by rounding. How much it
# saves depends on how much larger the source is than the target; a video is where it
# pays.

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
# ## A file that can be trusted
# Opened again, the source does not run. A cache of another source, of other windows or
# with a damaged byte is refused, and says why.

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
# - The source's windows must not vary at random: vary the target's, behind the cache.
# - `model.compile(…, jit_compile=False)` for trials of some hundred steps on a CPU: XLA
#   compiles for longer than it saves there.
# - Windows larger than memory: `windows.write_shards` and `windows.read_shards`.
# - What a step costs, against the target alone and against others, is in the
#   [benchmarks](../../benchmarks/README.md); what more data cost, in
#   [scaling](../scaling.md).
