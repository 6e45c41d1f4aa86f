"""What every encoder keeps to, and what it costs."""

import re

import keras
import numpy as np
from keras import layers

from keras_dcat import AttentionKV
from keras_dcat.encoders.fixed_kernels import FixedConvolution

WITH_KERNEL = (layers.Conv1D, layers.Conv2D, layers.Dense, FixedConvolution)


def check(build, rng, classes=5):
    """An ordinary Keras model that ends in attention that can be read."""
    keras.utils.set_random_seed(0)
    model = build()
    windows = rng.normal(size=(6, *model.input_shape[1:])).astype("float32")
    logits = model.predict(windows, verbose=0)
    assert logits.shape == (6, classes)
    assert logits.dtype == "float32"
    assert np.isfinite(logits).all()
    assert len({row.tobytes() for row in logits}) == 6
    alone = keras.ops.convert_to_numpy(model(windows[:1]))
    np.testing.assert_allclose(alone, logits[:1], atol=1e-5)

    (attention,) = (each for each in model.layers if isinstance(each, AttentionKV))
    with attention.capture() as captured:
        model(windows)
    assert captured[0].key.shape[-1] == attention.key_dim

    again = keras.Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(windows, verbose=0), logits, atol=1e-5)


def check_it_learns(model, rng, classes=5):
    """Loss falls to a quarter on windows whose class is their level."""
    labels = np.repeat(np.arange(classes), 4)
    levels = labels.reshape(-1, *[1] * (len(model.input_shape) - 1))
    noise = rng.normal(size=(len(labels), *model.input_shape[1:]))
    windows = (0.3 * noise + levels).astype("float32")
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    losses = model.fit(windows, labels, epochs=25, batch_size=20, verbose=0)
    losses = losses.history["loss"]
    assert losses[-1] < losses[0] / 4


def check_mixed_precision(build, rng):
    """Computes in 16 bits, with weights and logits in 32."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy("float32")
    windows = rng.normal(size=(2, *model.input_shape[1:])).astype("float32")
    logits = model.predict(windows, verbose=0)
    assert logits.dtype == "float32"
    assert np.isfinite(logits).all()
    (attention,) = (each for each in model.layers if isinstance(each, AttentionKV))
    assert attention.compute_dtype == "bfloat16"


def check_padding(build, rng, steps=64):
    """Half a window of zeros changes nothing, unless they are taken for values."""
    windows = None
    for knows in (True, False):
        long, short = (build(count * steps, knows) for count in (2, 1))
        weights = [rng.normal(0.1, 0.3, w.shape) ** 2 for w in long.get_weights()]
        for model in (long, short):
            model.set_weights(weights)
        if windows is None:
            windows = rng.normal(size=(4, *short.input_shape[1:])).astype("float32")
        padding = [(0, 0), (0, steps), *[(0, 0)] * (windows.ndim - 2)]
        found = long.predict(np.pad(windows, padding), verbose=0)
        expected = short.predict(windows, verbose=0)
        if knows:
            np.testing.assert_allclose(found, expected, rtol=1e-4)
        else:
            assert not np.allclose(found, expected, rtol=1e-4)


def flops(model):
    """Multiplications and additions of the matrix products, for one window."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, WITH_KERNEL):
            places = np.prod(layer.output.shape[1:-1], dtype="int64")
            if isinstance(layer, layers.Conv2D) and len(model.input_shape) == 5:
                places *= model.input_shape[1]  # frames are a batch of images
            total += int(places) * int(np.prod(layer.kernel.shape))
        elif isinstance(layer, AttentionKV):
            steps, features = layer.input.shape[1:]
            kernels = features * 3 * layer.key_dim * layer.num_heads
            total += steps * kernels + 2 * steps * steps * layer.key_dim
    return 2 * total


def check_costs(function, build):
    """The docstring's table says what each size really costs."""
    rows = re.findall(
        r"\| (\w+) \| ([\d.]+) k \| ([\d.]+) million \|", function.__doc__
    )
    assert [size for size, *_ in rows] == ["tiny", "small", "base"]
    for size, thousands, millions in rows:
        model = build(size)
        np.testing.assert_allclose(float(thousands), model.count_params() / 1e3, 0.02)
        np.testing.assert_allclose(float(millions), flops(model) / 1e6, 0.02)
