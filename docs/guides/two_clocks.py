# %% [markdown]
# # Two sensors, two CSV files, two clocks: how do I get to `model.fit`?
#
# Two devices recorded the same people, each into its own file and with its own clock.
# This guide makes such files from the data in `seglearn`: a whole IMU as the better
# device, and its accelerometer as a cheap watch. Time steps are uneven, some lines are
# repeated, and the watch paused for a second and is 0.7 s late.

# %%
import pathlib
import tempfile

import keras
import numpy as np
from keras import layers

from keras_dcat import AttentionKV, DCATModel, datasets, plots, recordings, windows

folder = pathlib.Path(tempfile.mkdtemp())
people = [r for r in datasets.load_watch() if r.subject <= 4]
rng = np.random.default_rng(0)
for number, person in enumerate(people):
    start = 1.6e12 + number * 90_000
    for device, name, late in (("imu", "imu", 0), ("watch", "accelerometer", 700)):
        values = person.streams[name].values
        times = np.sort(np.arange(len(values)) * 20 + rng.normal(0, 4, len(values)))
        rows = np.column_stack([start + late + times.round(), values])
        if device == "watch":
            rows = np.delete(rows, slice(400, 450), axis=0)
        rows = np.insert(rows, 100, rows[100], axis=0)
        np.savetxt(
            folder / f"{number:03d}_{device}.csv",
            rows,
            fmt=["%d", *["%.6f"] * values.shape[1]],
            delimiter=",",
            header=",".join(["ms", *"xyzuvw"[: values.shape[1]]]),
            comments="",
        )

# %% [markdown]
# ## From files to recordings
# Each file becomes a stream with its own timestamps, in seconds. These cannot be cut
# into windows yet, and the error says why.

# %%
sessions = [
    recordings.Recording(
        streams={
            device: recordings.read_csv(
                folder / f"{number:03d}_{device}.csv",
                columns=list(axes),
                time="ms",
                time_unit=0.001,
            )
            for device, axes in (("imu", "xyzuvw"), ("watch", "xyz"))
        },
        label=person.label,
        subject=person.subject,
        session=f"{number:03d}",
    )
    for number, person in enumerate(people)
]
rates = {"imu": 50.0, "watch": 50.0}
try:
    windows.index_windows(sessions, length=4.0, stride=2.0, rates=rates)
except ValueError as error:
    print(error)

# %% [markdown]
# `mend` brings the timestamps in order, and reports what it did.

# %%
mended = []
for session in sessions:
    streams = {n: recordings.mend(s) for n, s in session.streams.items()}
    mended.append(session.replaced(**{n: stream for n, (stream, _) in streams.items()}))
for name, (_, report) in streams.items():
    print(f"{name}: {report}")

# %% [markdown]
# ## One clock
# The files are in order, but nothing in them says that the watch is late: its windows
# would be paired with what happened 0.7 s before. Movement that both streams show
# reveals the offset. Half a minute of a repeated movement is too short, so the clips of
# each person are joined; the clock ran on between them.

# %%
as_they_came = []
for subject in sorted({session.subject for session in mended}):
    clips = [session for session in mended if session.subject == subject]
    as_they_came.append(recordings.join(clips, session=f"subject {subject}"))
estimates = recordings.estimate_offsets(as_they_came, "imu", "watch")
synchronized = []
for whole, found in zip(as_they_came, estimates, strict=True):
    print(f"{whole.session}: {found}")
    watch = found.corrected(whole.streams["watch"])
    synchronized.append(whole.replaced(watch=watch))

# %% [markdown]
# `found.corrected` changes nothing if the offset is less than twice its uncertainty, or
# if its confidence is below 0.95. The IMU also has turn rates, which peak at other
# moments of a movement than accelerations; this explains most of the remaining
# milliseconds.

# %% [markdown]
# Both devices have the same axis: compare it before and after.


# %%
def agreement(sessions):
    """Correlation of the first axis of both devices over all windows."""
    index = windows.index_windows(sessions, length=4.0, stride=2.0, rates=rates)
    pair = [index.gather(device)[..., 0].ravel() for device in ("imu", "watch")]
    return np.corrcoef(pair)[0, 1]


before, after = agreement(as_they_came), agreement(synchronized)
print(f"the two agree with a correlation of {before:.2f} before, {after:.2f} after")

# %% [markdown]
# ## From recordings to windows
# Both windows of a pair show the same moment at an even rate, and none crosses the
# pause. The report accounts for every possible window; the timeline shows why.

# %%
index = windows.index_windows(synchronized, length=4.0, stride=2.0, rates=rates)
print(index.report)
plots.plot_timeline(synchronized[0], index, path=folder / "timeline.png")

# %% [markdown]
# ## From windows to a trained model
# Subject 4 is held out, and the audit proves it. The normalization is a layer of each
# model, so that the exported target takes raw windows.

# %%
train, test = windows.split_by_subject(index, test_subjects=[4])
windows.audit(train, test)


def branch(device):
    """A small model of one device."""
    inputs = keras.Input(train.shape(device))
    x = windows.normalization_layer(train, device)(inputs)
    x = layers.Conv1D(32, 5, strides=2, activation="relu")(x)
    x = layers.LayerNormalization()(AttentionKV(key_dim=16)(x))
    return keras.Model(inputs, layers.Dense(7)(layers.GlobalAveragePooling1D()(x)))


keras.utils.set_random_seed(0)
source = branch("imu")
source.compile(
    keras.optimizers.Adam(3e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
options = {"batch_size": 32, "shuffle": True, "seed": 0}
source.fit(
    windows.stream_dataset(train, "imu", **options),
    epochs=10,
    shuffle=False,
    verbose=0,
)
model = DCATModel(source, branch("watch"))
ds = windows.pair_dataset(train, source="imu", target="watch", **options)
model.fit(ds, epochs=10, verbose=0)
scores = model.evaluate(test.gather("watch"), test.labels, verbose=0, return_dict=True)
print(f"the watch alone is right on {scores['accuracy']:.0%} of a stranger's windows")
