import re

import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.encoders import (
    LevelAndSpread,
    MeanMaxPooling,
    StochasticDepth,
    audio,
    imu,
    skeleton,
    video,
)
from keras_dcat.encoders.blocks import batch_normalization


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


@pytest.mark.parametrize(
    "layer", [StochasticDepth(0.3, seed=4), MeanMaxPooling(), LevelAndSpread(0.01)]
)
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


@pytest.mark.parametrize("offset", [0.0, 50.0])
def test_level_and_spread_are_those_of_the_real_steps(rng, offset):
    steps = (offset + rng.normal(size=(5, 12, 3))).astype("float32")
    mask = np.arange(12) < np.array([12, 9, 4, 1, 0])[:, None]
    layer = LevelAndSpread(1e-3)
    found = ops.convert_to_numpy(layer(steps, mask=ops.array(mask)))
    for row, own, real in zip(found, steps, mask, strict=True):
        own = own[real].astype("float64") if real.any() else np.zeros((1, 3))
        expected = [own.mean(axis=0), 0.5 * np.log(own.var(axis=0) + 1e-6)]
        np.testing.assert_allclose(row, np.concatenate(expected), atol=2e-3)
    whole = ops.convert_to_numpy(layer(steps))
    np.testing.assert_allclose(whole[0], found[0], rtol=1e-6)


def test_spread_tells_a_rest_from_a_deeper_one():
    rest = 1e-2 * np.sin(np.arange(50, dtype="float32"))[None, :, None]
    spreads = [
        float(ops.convert_to_numpy(LevelAndSpread()(scale * rest))[0, 1])
        for scale in (1.0, 0.1)
    ]
    assert spreads[0] - spreads[1] > 1.5


def test_statistics_of_batches_follow_within_a_short_training():
    """Of inputs whose variance is far from the 1 that statistics start from."""
    layer = batch_normalization()
    quiet = 1e-2 * np.random.default_rng(0).normal(size=(32, 8)).astype("float32")
    for _ in range(150):
        layer(quiet, training=True)
    found = ops.convert_to_numpy(layer.moving_variance)
    np.testing.assert_allclose(found, quiet.var(axis=0), rtol=0.02)
