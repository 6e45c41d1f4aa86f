# %% [markdown]
# # Use a pretrained video model as the source
#
# A pretrained network gives features of a picture, but no classes of yours. It can
# teach by InfoNCE, which needs no classifier. In this guide an image network of
# `keras.applications` teaches an IMU, frame by frame; few people have labels. **Its
# weights are random here**, so that nothing is downloaded: the guide shows the steps,
# not the value of a good teacher.

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
# The network runs on some frames of each clip, and their features are averaged. With
# `weights="imagenet"` it has seen a million photographs. It has its preprocessing
# inside and takes three colours; the simulated video is grey.

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
# With random weights, batch normalization must see pictures first, or features vanish.
# Leave this out with `weights="imagenet"`.

# %%
for layer in network.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = 0.0  # the statistics become those of the next batch
encoder(train.gather("video")[:200], training=True)

# %% [markdown]
# ## Teach by features
# `source_output="features"` declares a source without a classifier. The default recipe
# then leaves out pseudo-labels, gates and mask, which need its predictions, and the
# cross-attention loss, which needs an `AttentionKV`. The log says so. InfoNCE remains.


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
# ## Run it once
# The network is by far the most expensive part, and frozen: `cache_source` runs it once
# over every clip. With a path, later trainings use the file, too.

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
# A falling InfoNCE loss means that the IMU finds its moment among the clips of a batch.
# One seed of a random network on simulated people does not say whether classes profit.
#
# ## Add a classifier
# A classifier of its features trains in seconds, as the features are cached. The
# network is then a source like any other, with gates and pseudo-labels. `diagnose`
# judges it before a transfer: see [choose source and target](choosing.py).

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
