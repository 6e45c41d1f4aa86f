# %% [markdown]
# # My video model is a pretrained network
#
# A network that others have pretrained gives features of a picture, and no classes of
# yours. It may teach as it is: InfoNCE asks of the target's features that they tell
# which moment of the video they belong to, and needs no classifier for that. This guide
# lets an image network of `keras.applications`, frame by frame, teach an IMU of which
# few people have labels. **Its weights are random here**, so that nothing is
# downloaded: what is shown is how it is done, not what a good teacher is worth.

# %%
import keras
from keras import layers

from keras_dcat import AttentionKV, DCATModel, datasets, windows
from keras_dcat.metrics import macro_f1

simulation = datasets.simulate(
    num_subjects=12, streams=("video", "imu"), informativeness={"imu": 0.6}, seed=1
)
index = windows.index_windows(simulation.recordings, length=2.0, stride=1.0)
people = sorted(set(index.subjects.tolist()))
train, test = windows.split_by_subject(index, people[8:])
train = train.keep_labels_of(people[:3])
labelled = train.subset(train.is_labelled)
print(f"{len(train)} pairs, {len(labelled)} with a label; video {train.shape('video')}")

# %% [markdown]
# ## From an image network to an encoder of clips
# Some frames of each clip, the network on each of them, and their mean. With
# `weights="imagenet"` the network has seen a million photographs. Its preprocessing is
# within, and it wants three colours; the simulated video is grey.

# %%
SIZE, FRAMES = 32, 4
keras.utils.set_random_seed(0)
network = keras.applications.MobileNetV3Small(
    (SIZE, SIZE, 3), include_top=False, weights=None, pooling="avg"
)
inputs = keras.Input(train.shape("video"))
step = train.shape("video")[0] // FRAMES
frames = inputs[:, step // 2 :: step][:, :FRAMES]
frames = layers.TimeDistributed(layers.Resizing(SIZE, SIZE))(frames)
frames = layers.Concatenate()([frames, frames, frames])
features = layers.GlobalAveragePooling1D()(layers.TimeDistributed(network)(frames))
encoder = keras.Model(inputs, features, name="pretrained")
print(f"{encoder.count_params():,} weights, features {encoder.output_shape}")

# %% [markdown]
# Random weights need one thing that pretrained ones bring along: batch normalization
# must have seen pictures, or features vanish in the depth of the network. Leave this
# out with `weights="imagenet"`.

# %%
for layer in network.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = 0.0  # the statistics become those of the next batch
encoder(train.gather("video")[:200], training=True)

# %% [markdown]
# ## It teaches by features
# `source_output="features"` says that there is no classifier. The default recipe then
# goes without what needs one, and the log says so: no pseudo-labels, as they are
# classes that the source predicts; no gate or mask, as those judge what it predicts.
# `KᵀV` is not compared either, as the network has no `AttentionKV`. InfoNCE is left.


# %%
def watch():
    """A new model of the IMU; it starts the same every time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(train.shape("imu"))
    x = windows.normalization_layer(train, "imu")(inputs)
    for filters in (32, 64):
        x = layers.Conv1D(filters, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.LayerNormalization()(AttentionKV(key_dim=32)(x))
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, layers.Dense(6, "softmax")(x))


def fit(model, inputs, labels, batch_size=32):
    """The same budget for all."""
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(3e-3), loss, jit_compile=False)
    return model.fit(inputs, labels, batch_size, epochs=30, verbose=0).history


def score(model, stream="imu"):
    """Macro F1 on people never seen."""
    scores = model.predict(test.gather(stream), verbose=0)
    return macro_f1(test.labels, scores, 6)


model = DCATModel(encoder, watch(), source_output="features")
print(list(model.terms))

# %% [markdown]
# ## It runs once
# The network is the most expensive part by far, and frozen: `cache_source` asks it once
# about every clip. With a path, the file serves all later trainings, too.

# %%
videos, imus = train.gather("video"), train.gather("imu")
known = model.cache_source(videos, verbose=0)
print(f"in the place of {videos.shape}: features {known.features.shape}")
alone = watch()
fit(alone, labelled.gather("imu"), labelled.labels)
size = round(32 * len(train) / len(labelled))  # so that a batch has as many labels
history = fit(model, (known, imus), train.labels, size)
print(f"InfoNCE {history['info_nce_loss'][0]:.2f}, {history['info_nce_loss'][-1]:.2f}")
print(f"IMU alone {score(alone):.2f}, taught by features {score(model):.2f}")

# %% [markdown]
# That InfoNCE falls says that the IMU has learned to find its moment among the clips of
# a batch. Whether classes profit is another question, and one seed of a random network
# on simulated people is no answer.
#
# ## With a classifier, it teaches by classes, too
# A classifier of its features, trained on the labels that there are, is a matter of
# seconds, as the features are known. With it the network is a source like any other:
# gates judge it, and it gives pseudo-labels. How good it is can be asked before, as of
# any source: see [which sensor should teach](choosing.py).

# %%
classifier = layers.Dense(6, "softmax", kernel_regularizer="l2")
points = keras.Input(encoder.output_shape[1:])
there = train.is_labelled
fit(keras.Model(points, classifier(points)), known.features[there], train.labels[there])
video = keras.Model(encoder.input, classifier(encoder.output))
model = DCATModel(video, watch())
print(list(model.terms))
known = model.cache_source(videos, verbose=0)
history = fit(model, (known, imus), train.labels, size)
print(f"video {score(video, 'video'):.2f}, taught by it {score(model):.2f}")
