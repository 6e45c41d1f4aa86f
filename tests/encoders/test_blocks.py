import re

import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.encoders import (
    MeanMaxPooling,
    StochasticDepth,
    audio,
    imu,
    skeleton,
    video,
)


def test_a_branch_is_left_out_at_the_rate_and_the_mean_stays():
    layer = StochasticDepth(0.25, seed=0)
    kept = ops.convert_to_numpy(layer(ops.ones((8000, 3, 2)), training=True))
    np.testing.assert_allclose(np.unique(kept), [0.0, 4 / 3], rtol=1e-6)
    np.testing.assert_array_equal(kept, kept[:, :1, :1] * np.ones((3, 2)))
    assert (kept[:, 0, 0] == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert kept.mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_outside_of_training_or_at_rate_0_all_is_kept(rate, training):
    kept = StochasticDepth(rate)(ops.ones((50, 3)), training=training)
    np.testing.assert_array_equal(ops.convert_to_numpy(kept), 1.0)


def test_a_rate_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"rate=1\.0.*Try 0\.1"):
        StochasticDepth(1.0)


@pytest.mark.parametrize("layer", [StochasticDepth(0.3, seed=4), MeanMaxPooling()])
def test_layers_come_back_from_their_configuration(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_only_real_steps_are_pooled(rng):
    steps = rng.normal(size=(3, 7, 2)).astype("float32")
    mask = np.array([[True] * 7, [True] * 4 + [False] * 3, [False] * 7])
    pooled = ops.convert_to_numpy(MeanMaxPooling()(steps, mask=ops.array(mask)))
    for row, window, is_real in zip(pooled, steps, mask, strict=True):
        real = window[is_real] if is_real.any() else np.zeros((1, 2))
        expected = np.concatenate([real.mean(axis=0), real.max(axis=0)])
        np.testing.assert_allclose(row, expected, rtol=1e-5)
    plain = ops.convert_to_numpy(MeanMaxPooling()(steps))
    np.testing.assert_allclose(plain[0], pooled[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("build", "shape", "axes"),
    [
        (imu, (8, 100, 6), "(steps, channels)"),
        (skeleton, (60,), "(steps, 3 · joints)"),
        (video, (16, 48, 48), "(steps, height, width, channels)"),
        (audio, (4000,), "(samples, 1)"),
    ],
)
def test_a_window_of_another_rank_is_refused_with_its_axes(build, shape, axes):
    options = {"sampling_rate": 8000} if build is audio else {}
    expected = f"{re.escape(axes)} of a window.*shape={re.escape(str(shape))}.*Leave"
    with pytest.raises(ValueError, match=expected):
        build(shape, 5, **options)
