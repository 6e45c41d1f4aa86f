# %% [markdown]
# # To a device, and live
#
# What is left of a transfer is the target alone. `export_target` writes it as
# SavedModel, LiteRT, LiteRT in int8 and ONNX; each is loaded in a fresh process and
# compared with the model on windows of people held out, before it is called done.
# `StreamingClassifier` then takes samples as they come in.

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
# A `DCATModel` is exported as the plain target is: it is its target that goes.

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
# Beside the artefacts lies a model card, whose numbers come from these windows.

# %%
print((folder / "watch" / "model_card.md").read_text()[:1200], "…")

# %% [markdown]
# ## Live
# A recording of somebody the target never saw, in chunks of an eighth of a second.

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
# `replay` gives a recording at the speed of its time, and `LivePage` shows it in a
# browser: [to a device](../device.md).
