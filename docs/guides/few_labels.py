# %% [markdown]
# # From logger files to a target: only some people have labels
#
# Two devices recorded ten people, and only two of the training people have labels. This
# is the usual case, and the one in which a transfer pays. The guide makes such files
# from the data in `seglearn`: an IMU whose logger writes German numbers and dates, and
# a watch with a gyroscope that writes UTC.

# %%
import datetime
import pathlib
import subprocess
import sys
import tempfile
import zoneinfo

import keras
from keras import layers

from keras_dcat import AttentionKV, DCATModel, datasets, recordings, windows
from keras_dcat.metrics import macro_f1

folder = pathlib.Path(tempfile.mkdtemp())
names = dict(enumerate("anna ben cleo dana emil fay gus hans ida jo".split(), 1))
have_labels = ("anna", "cleo", "hans", "ida", "jo")  # the last three are the test
berlin = zoneinfo.ZoneInfo("Europe/Berlin")


def write_files(person, clips):
    """Two loggers' files of one person, and what somebody noted, if somebody did."""
    imu = ["Zeit;ax;ay;az;gx;gy;gz", "lokal;g;g;g;rad/s;rad/s;rad/s"]
    watch, notes = ["time,x,y,z"], ["begin,end,activity"]
    begin = 1.7e9
    for clip in clips:
        values = clip.streams["imu"].values
        moments = [
            datetime.datetime.fromtimestamp(begin + n / 50, datetime.UTC)
            for n in range(len(values))
        ]
        for moment, row in zip(moments, values, strict=True):
            local = moment.astimezone(berlin).strftime("%d.%m.%Y %H:%M:%S,%f")
            cells = [f"{value:.5f}".replace(".", ",") for value in row]
            imu.append(";".join([local, *cells]))
            cells = [f"{value:.5f}" for value in row[3:]]
            watch.append(",".join([moment.isoformat(), *cells]))
        end = begin + len(values) / 50
        activity = datasets.watch.CLASS_NAMES[clip.label]
        notes.append(f"{begin:.2f},{end:.2f},{activity}")
        begin = end + 5.0
    (folder / f"{person}_imu.csv").write_text("\n".join(imu))
    (folder / f"{person}_watch.csv").write_text("\n".join(watch))
    if person in have_labels:
        (folder / f"{person}_labels.csv").write_text("\n".join(notes))


clips = datasets.load_watch()
for number, person in names.items():
    write_files(person, [clip for clip in clips if clip.subject == number])
for name in ("anna_imu.csv", "anna_watch.csv", "anna_labels.csv"):
    print(name, *(folder / name).read_text().splitlines()[:3], sep="\n  ")
print(len(list(folder.glob("*_labels.csv"))), "of", len(names), "people have labels")

# %% [markdown]
# ## From files to recordings
# Decimal commas and the row of units are detected. The order of day and month and the
# time zone are not in the file: `time_format` and `timezone` say them. `mend` orders
# samples, and reports. People without a file of labels have `label=None`. For labels
# that count from 0, as in Audacity and ELAN, `start=` gives the time of 0.


# %%
def read_person(person):
    """One session: both sensors, and labels where there are some."""
    imu = recordings.read_csv(
        folder / f"{person}_imu.csv",
        ["ax", "ay", "az", "gx", "gy", "gz"],
        time="Zeit",
        time_format="%d.%m.%Y %H:%M:%S,%f",
        timezone="Europe/Berlin",
    )
    watch = recordings.read_csv(
        folder / f"{person}_watch.csv", ["x", "y", "z"], time="time"
    )
    labels = None
    if (folder / f"{person}_labels.csv").exists():
        labels = recordings.read_label_table(
            folder / f"{person}_labels.csv", "activity", begin="begin", end="end"
        )
    streams = {"imu": recordings.mend(imu)[0], "watch": recordings.mend(watch)[0]}
    return recordings.Recording(streams, labels, person, session=person)


sessions = [read_person(person) for person in names.values()]
print(sessions[0])
print(sessions[1])

# %% [markdown]
# ## From recordings to windows
# Windows of people without labels are kept, and the report counts them. Pauses between
# the labels of other people are dropped: they are often another activity.

# %%
index = windows.index_windows(
    sessions, length=4.0, stride=2.0, rates={"imu": 50.0, "watch": 50.0}
)
print(index.report)
train, test = windows.split_by_subject(index, test_subjects=["hans", "ida", "jo"])
labelled = train.subset(train.is_labelled)
print(f"{len(train)} pairs to train with, {len(labelled)} of them have a label")

# %% [markdown]
# ## Baseline and target
# The source (IMU) and the baseline (watch) are trained on the labels. Then the target
# (watch) is trained on the same labels and on all pairs.


# %%
def branch(device):
    """A small model of one device; it starts the same every time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(train.shape(device))
    x = windows.normalization_layer(train, device)(inputs)
    for filters in (32, 64):
        x = layers.Conv1D(filters, 5, strides=2, padding="same")(x)
        x = layers.Dropout(0.2)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.LayerNormalization()(AttentionKV(key_dim=32, attention="linear")(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(len(index.class_names), "softmax")(x))


def fit(model, dataset):
    """The same budget for all."""
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 40 * len(dataset))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(dataset, epochs=40, shuffle=False, verbose=0)


def score(model):
    """Macro F1 of the watch, of people never seen."""
    scores = model.predict(test.gather("watch"), verbose=0)
    return macro_f1(test.labels, scores, len(index.class_names))


order = {"shuffle": True, "seed": 0}
source, alone = branch("imu"), branch("watch")
fit(source, windows.stream_dataset(labelled, "imu", **order))
fit(alone, windows.stream_dataset(labelled, "watch", **order))
model = DCATModel(source, branch("watch"))
known = model.cache_source(train.gather("imu"), verbose=0)
size = 64 * len(train) // len(labelled)  # so that every batch has 64 labels
fit(model, windows.pair_dataset(train, known, "watch", size, **order))
print(f"the watch alone {score(alone):.2f}, taught {score(model):.2f}")

# %% [markdown]
# This is one seed and three test people: [`compare`](../comparisons.md) gives an
# interval. `windows.index_windows(…, unlabelled="drop")` leaves unlabelled people out.
#
# ## The same without Python
# A table names the files of each session; a cell is empty where there are no labels.
# The [experiment file](../command_line.md) takes the same options.

# %%
rows = ["session,subject,labels,imu,watch"]
for person in names.values():
    labels = f"{person}_labels.csv" if person in have_labels else ""
    rows.append(f"{person},{person},{labels},{person}_imu.csv,{person}_watch.csv")
(folder / "sessions.csv").write_text("\n".join(rows))
(folder / "experiment.yaml").write_text(f"""\
data:
  recordings: {folder}/sessions.csv
  labels: {{format: table, label: activity, begin: begin, end: end}}
  streams:
    imu:
      columns: [ax, ay, az, gx, gy, gz]
      time: Zeit
      time_format: "%d.%m.%Y %H:%M:%S,%f"
      timezone: Europe/Berlin
      rate: 50
    watch: {{columns: [x, y, z], time: time, rate: 50}}
source: imu
target: watch
windows: {{length: 4.0, stride: 2.0}}
split: {{test: [hans, ida, jo]}}
output: {folder}/output
""")
command = [sys.executable, "-m", "keras_dcat", "inspect", folder / "experiment.yaml"]
print(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

# %% [markdown]
# Next: `keras-dcat train`, `compare` and `export`, as on the page of the [command
# line](../command_line.md).
