# %% [markdown]
# # Bring your own Keras model
#
# `DCATModel` takes any Keras model that ends in a `Dense` classifier, or in one of the
# [other heads](tasks.py). An `AttentionKV` it needs only if `KᵀV` is to be compared, as
# the paper does. This guide shows three ways to one: a model written with it, a model
# that gets it afterwards, and a pretrained image model, frame by frame. A source that
# has no classifier has [a guide of its own](pretrained_teacher.py).

# %%
import keras
import numpy as np
from keras import layers

from keras_dcat import AttentionKV, DCATModel, MaskedCrossAttentionLoss, encoders

rng = np.random.default_rng(0)
videos = rng.normal(size=(32, 4, 64, 64, 3)).astype("float32")
imu = rng.normal(size=(32, 100, 6)).astype("float32")
labels = rng.integers(0, 3, 32)

# %% [markdown]
# ## Written with it
# `AttentionKV` is self-attention like any other. What it projects can be read from
# outside, so that the model has one output, and the transfer costs it nothing at
# inference.

# %%
inputs = keras.Input((100, 6))
x = layers.Conv1D(32, 5, strides=2, activation="relu")(inputs)
x = layers.LayerNormalization()(AttentionKV(key_dim=16)(x))
wrist = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))

# %% [markdown]
# ## A model that you have
# `attach_attention` puts attention and a classifier behind the last layer that still
# has steps. Layers and weights are shared: training the new one trains yours.
# Recurrent layers as here are exported like any other: [From a trained target to a
# device](../device.md).

# %%
inputs = keras.Input((100, 6))
x = layers.Conv1D(32, 5, strides=2, activation="relu")(inputs)
x = layers.Bidirectional(layers.GRU(16, return_sequences=True))(x)
recurrent = keras.Model(inputs, layers.GlobalMaxPooling1D()(x))
other_wrist = encoders.attach_attention(recurrent, num_classes=3, key_dim=16)
print(other_wrist.output_shape)

# %% [markdown]
# ## A pretrained image model, frame by frame
# Here without its weights, so that nothing is downloaded; with `weights="imagenet"` it
# is a good video source of few lines.

# %%
image = keras.applications.MobileNetV2(
    (64, 64, 3), include_top=False, weights=None, pooling="avg", alpha=0.35
)
camera = encoders.video_of_frames(image, steps=4, num_classes=3, key_dim=16)
print(f"{camera.count_params():,} weights, {camera.output_shape}")

# %% [markdown]
# ## All of them transfer
# Features are compared through a linear map, so that their sizes may differ. To compare
# `KᵀV`, keys and values need the same size, or `adapt_sizes=True`. Where they have
# another, or a model has no `AttentionKV`, a recipe goes without that loss, and the log
# says so.

# %%
camera.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
camera.fit(videos, labels, verbose=0)
for target in (wrist, other_wrist):
    for recipe in ("extended", "paper"):
        model = DCATModel(camera, target, recipe)
        model.compile("adam")
        history = model.fit((videos, imu), labels, epochs=2, verbose=0).history
        print(sorted(name for name in history if name.endswith("_loss")))

# %% [markdown]
# A loss that is named is never left out. What does not fit is refused before training,
# with what to do:

# %%
small = encoders.attach_attention(recurrent, num_classes=3, key_dim=8)
try:
    DCATModel(camera, small, loss=MaskedCrossAttentionLoss())
except ValueError as error:
    print(error)
