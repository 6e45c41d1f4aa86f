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
import time

import keras
import numpy as np
from keras import layers

from keras_dcat import DCATModel, datasets, encoders, windows
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
# Some frames of each clip, the network on each of them, and the mean over time. With
# `weights="imagenet"` it is a network that has seen a million photographs; it asks for
# three colours, and its preprocessing is within. Features of such a network have
# means and scales of their own, which a `Normalization` takes away.

# %%
SIZE, FRAMES = 32, 4
keras.utils.set_random_seed(0)
network = keras.applications.MobileNetV3Small(
    (SIZE, SIZE, 3), include_top=False, weights=None, pooling="avg"
)
clips = keras.Input(train.shape("video"))
every = train.shape("video")[0] // FRAMES
frames = clips[:, every // 2 :: every][:, :FRAMES]
frames = layers.TimeDistributed(layers.Resizing(SIZE, SIZE))(frames)
frames = layers.Concatenate()([frames] * 3)
features = layers.GlobalAveragePooling1D()(layers.TimeDistributed(network)(frames))
encoder = keras.Model(clips, features, name="pretrained")
seen = encoder.predict(train.gather("video"), verbose=0)
scale = layers.Normalization(mean=seen.mean(0), variance=seen.var(0))
encoder = keras.Model(clips, scale(features), name="pretrained")
print(f"{encoder.count_params():,} weights, {encoder.output_shape}")
