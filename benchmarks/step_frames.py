"""What does it save to convolve frames as one batch of images, not by `Conv3D`?"""

import argparse
import json

import keras
import numpy as np
from keras import layers
from timing import time_ratio

from keras_dcat.encoders.video import frame_by_frame

WINDOWS, STEPS, SIDE = 32, 16, 24
FILTERS = 16, 32, 64


def by_frames(x, count):
    """As `encoders.video` does it: the frames of all windows are one batch."""
    return frame_by_frame(layers.Conv2D(count, 3, strides=2, padding="same"), x)


def by_conv3d(x, count):
    """The same in one layer."""
    return layers.Conv3D(count, (1, 3, 3), strides=(1, 2, 2), padding="same")(x)


def step(convolve, jit_compile):
    """A step of training three stages of convolutions, as something to call."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((STEPS, SIDE, SIDE, 2))
    for count in FILTERS:
        x = layers.ReLU()(convolve(x, count))
    model = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, jit_compile=jit_compile)
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(WINDOWS, *inputs.shape[1:])).astype("float32")
    labels = np.arange(WINDOWS) % 10
    return lambda: model.train_on_batch(windows, labels)


def main():
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--xla", action="store_true", help="TensorFlow with XLA")
    args = parser.parse_args()
    compiles = True if args.xla else "auto"
    ratio = time_ratio(
        *(step(each, compiles) for each in (by_conv3d, by_frames)), args.rounds
    )
    backend = keras.backend.backend()
    print(json.dumps({"backend": backend, "xla": compiles, "conv3d_vs_frames": ratio}))


if __name__ == "__main__":
    main()
