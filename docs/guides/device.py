# %% [markdown]
# # Export and run a target
#
# The result of a transfer is the target. `export_target` writes it as SavedModel,
# LiteRT, LiteRT int8 and ONNX. Each is loaded in a new process and compared with the
# model on held-out windows. `StreamingClassifier` then classifies live samples.

# %%
import pathlib
import tempfile

import keras

from keras_dcat import datasets, encoders, windows
from keras_dcat.export import export_target
from keras_dcat.streaming import StreamingClassifier

folder = pathlib.Path(tempfile.mkdtemp())
recordings = datasets.load_watch()
index = windows.index_windows(recordings, length=4.0, stride=2.0)
train, test = windows.split_by_subject(index, [2, 5, 9])
keras.utils.set_random_seed(0)
target = encoders.imu(
    train.shape("accelerometer"),
    len(datasets.watch.CLASS_NAMES),
    "tiny",
    normalization=windows.normalization_layer(train, "accelerometer"),
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
target.compile(keras.optimizers.Adam(3e-3), loss)
order = {"shuffle": True, "seed": 0}
target.fit(
    windows.stream_dataset(train, "accelerometer", **order),
    epochs=25,
    shuffle=False,
    verbose=0,
)

# %% [markdown]
# A `DCATModel` can be passed instead; its target is exported.

# %%
done = export_target(
    target,
    folder / "watch",
    test,
    "accelerometer",
    datasets.watch.CLASS_NAMES,
    stride=2.0,
    calibration=train,
    about={"Data": "Seven exercises, ten people.", "Limits": "One watch, one side."},
)
print(done)

# %% [markdown]
# The model card has results of these windows.

# %%
print((folder / "watch" / "model_card.md").read_text()[:1200], "…")

# %% [markdown]
# ## Live
# A recording of an unseen person, in chunks of an eighth of a second.

# %%
person = next(r for r in recordings if r.subject == 2)
classifier = StreamingClassifier(folder / "watch" / "target.tflite", smoothing=0.5)
stream = person.streams["accelerometer"]
truth = datasets.watch.CLASS_NAMES[person.label]
said = []
for start in range(0, len(stream), 6):
    for decision in classifier.feed(stream.values[start : start + 6]):
        said.append(decision)
for decision in said[:5]:
    sure = decision.probabilities.max()
    print(f"{decision.time:5.1f} s  {decision.label:8} {sure:.0%}   (truth: {truth})")

# %% [markdown]
# `replay` plays a recording in real time, and `LivePage` shows it in a browser: see
# [live inference](../live.md).
