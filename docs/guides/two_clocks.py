# %% [markdown]
# # Two sensors, two CSV files, two clocks: how do I get to `model.fit`?
#
# A phone and a watch recorded the same people, each into a file of its own, each by
# its own clock. This guide makes such files from the recordings that `seglearn` ships:
# milliseconds, uneven steps, lines written twice, and a watch that paused for a second.

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
    for device, name in (("phone", "accelerometer"), ("watch", "gyroscope")):
        values = person.streams[name].values
        times = np.sort(np.arange(len(values)) * 20 + rng.normal(0, 4, len(values)))
        rows = np.column_stack([1.6e12 + times.round(), values])
        if device == "watch":
            rows = np.delete(rows, slice(400, 450), axis=0)
        rows = np.insert(rows, 100, rows[100], axis=0)
        np.savetxt(
            folder / f"{number:03d}_{device}.csv",
            rows,
            fmt=["%d", "%.6f", "%.6f", "%.6f"],
            delimiter=",",
            header="ms,x,y,z",
            comments="",
        )

# %% [markdown]
# ## From files to recordings
# Each file becomes a stream with its own timestamps, in seconds. As they come they
# cannot be cut into windows, and the package says why.

# %%
sessions = [
    recordings.Recording(
        streams={
            device: recordings.read_csv(
                folder / f"{number:03d}_{device}.csv",
                columns=["x", "y", "z"],
                time="ms",
                time_unit=0.001,
            )
            for device in ("phone", "watch")
        },
        label=person.label,
        subject=person.subject,
        session=f"{number:03d}",
    )
    for number, person in enumerate(people)
]
rates = {"phone": 50.0, "watch": 50.0}
try:
    windows.index_windows(sessions, length=4.0, stride=2.0, rates=rates)
except ValueError as error:
    print(error)

# %% [markdown]
# `mend` brings the timestamps in order, and says what it did.

# %%
mended = []
for session in sessions:
    streams = {n: recordings.mend(s) for n, s in session.streams.items()}
    mended.append(session.replaced(**{n: stream for n, (stream, _) in streams.items()}))
for name, (_, report) in streams.items():
    print(f"{name}: {report}")

# %% [markdown]
# ## From recordings to windows
# Windows show the same moment of both devices, at an even rate, and none bridges the
# pause. The report accounts for every window that was possible; the timeline shows why.

# %%
index = windows.index_windows(mended, length=4.0, stride=2.0, rates=rates)
print(index.report)
plots.plot_timeline(folder / "timeline.png", mended[0], index)

# %% [markdown]
# ## From windows to a trained model
# Subject 4 is held out. The statistics of the training windows are a layer of each
# model, so that the exported target takes raw windows.

# %%
train, test = windows.split_by_subject(index, test_subjects=[4])


def branch(device):
    """A small model of one device."""
    inputs = keras.Input(train.shape(device))
    x = windows.normalization_layer(train, device)(inputs)
    x = layers.Conv1D(32, 5, strides=2, activation="relu")(x)
    x = layers.LayerNormalization()(AttentionKV(key_dim=16)(x))
    return keras.Model(inputs, layers.Dense(7)(layers.GlobalAveragePooling1D()(x)))


keras.utils.set_random_seed(0)
source = branch("phone")
source.compile(
    keras.optimizers.Adam(3e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
options = {"batch_size": 32, "shuffle": True, "seed": 0}
source.fit(
    windows.stream_dataset(train, "phone", **options),
    epochs=10,
    shuffle=False,
    verbose=0,
)
model = DCATModel(source, branch("watch"))
ds = windows.pair_dataset(train, source="phone", target="watch", **options)
model.fit(ds, epochs=10, verbose=0)
scores = model.evaluate(test.gather("watch"), test.labels, verbose=0, return_dict=True)
print(f"the watch alone is right on {scores['accuracy']:.0%} of a stranger's windows")
