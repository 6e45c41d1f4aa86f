# %% [markdown]
# # Bring your own Keras model
#
# `DCATModel` takes any Keras model that ends in a `Dense` classifier or [another
# head](tasks.py). It needs an `AttentionKV` only for losses of `KᵀV`, such as the
# paper's. This guide shows a model written with it, one that gets it afterwards, and a
# pretrained image model. A source without a classifier has [its own
# guide](pretrained_teacher.py).

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
# ## A new model
# `AttentionKV` is a self-attention whose projections can be read from outside. The
# model keeps one output, and inference costs no more.

# %%
inputs = keras.Input((100, 6))
x = layers.Conv1D(32, 5, strides=2, activation="relu")(inputs)
x = layers.LayerNormalization()(AttentionKV(key_dim=16)(x))
wrist = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))

# %% [markdown]
# ## An existing model
# `attach_attention` adds attention and a classifier after the last layer with time
# steps. Layers and weights are shared: training the new model trains yours. Recurrent
# layers are [exported](../device.md), too.

# %%
inputs = keras.Input((100, 6))
x = layers.Conv1D(32, 5, strides=2, activation="relu")(inputs)
x = layers.Bidirectional(layers.GRU(16, return_sequences=True))(x)
recurrent = keras.Model(inputs, layers.GlobalMaxPooling1D()(x))
other_wrist = encoders.attach_attention(recurrent, num_classes=3, key_dim=16)
print(other_wrist.output_shape)

# %% [markdown]
# ## A pretrained image model, frame by frame
# It is built without weights, so that nothing is downloaded. With `weights="imagenet"`
# it is a good video source.

# %%
image = keras.applications.MobileNetV2(
    (64, 64, 3), include_top=False, weights=None, pooling="avg", alpha=0.35
)
camera = encoders.video_of_frames(image, steps=4, num_classes=3, key_dim=16)
print(f"{camera.count_params():,} weights, {camera.output_shape}")

# %% [markdown]
# ## All can be targets
# Features are compared through a linear map, so their sizes may differ. `KᵀV` needs
# equal key and value sizes, or `adapt_sizes=True`. Otherwise a recipe leaves the loss
# out, and the log says so.

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
# A loss that you name is never left out. If it does not fit, it is refused with the
# remedy:

# %%
small = encoders.attach_attention(recurrent, num_classes=3, key_dim=8)
try:
    DCATModel(camera, small, loss=MaskedCrossAttentionLoss())
except ValueError as error:
    print(error)
