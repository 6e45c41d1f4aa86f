import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.encoders.fixed_kernels import (
    FixedConvolution,
    RunningNormalization,
    ShareAbove,
    fitting_dilations,
)


@pytest.mark.parametrize("dilation", [1, 4])
def test_a_fixed_kernel_is_three_twos_among_minus_ones(rng, dilation):
    windows = rng.normal(size=(2, 50, 3)).astype("float32")
    layer = FixedConvolution(dilation=dilation, seed=2)
    found = ops.convert_to_numpy(layer(windows))
    kernels = ops.convert_to_numpy(layer.kernel)
    assert not layer.trainable_variables
    assert (
        len({tuple(kernel.max(axis=1)) for kernel in kernels.transpose(2, 0, 1)}) == 84
    )
    for number in range(0, 84, 7):
        read = kernels[:, :, number].any(axis=0)
        pattern = kernels[:, read, number]
        assert (np.sort(pattern, axis=0).T == [-1] * 6 + [2] * 3).all()
        padded = np.pad(windows[..., read].sum(-1), ((0, 0), (4 * dilation,) * 2))
        step = 20  # counted in the padded window from the first tap
        taps = padded[:, step : step + 9 * dilation : dilation]
        np.testing.assert_allclose(
            found[:, step, number], taps @ pattern[:, 0], rtol=1e-4, atol=1e-4
        )


def test_fixed_kernels_stay_when_all_else_is_trained(rng):
    windows = rng.normal(size=(8, 30, 2)).astype("float32")
    layer = FixedConvolution()
    model = keras.Sequential([layer, ShareAbove(), keras.layers.Dense(2)])
    model.compile("adamw", "mse")
    model.trainable = False
    model.trainable = True
    model.build(windows.shape)
    before = ops.convert_to_numpy(layer.kernel)
    model.fit(windows, np.ones((8, 2)), verbose=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.kernel), before)


def test_the_seed_says_which_channels_are_read():
    first, again, other = (FixedConvolution(seed=seed) for seed in (1, 1, 2))
    kernels = []
    for layer in (first, again, other):
        layer.build((None, 30, 6))
        kernels.append(ops.convert_to_numpy(layer.kernel))
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert (kernels[0] != kernels[2]).any()
    counts = kernels[0].any(axis=0).sum(axis=0)
    assert {1, 2} <= set(counts.tolist()) <= {1, 2, 3, 4, 5, 6}


def test_fewer_kernels_are_spread_among_all():
    kernels = []
    for filters in (84, 28):
        layer = FixedConvolution(filters)
        layer.build((None, 30, 1))
        kernels.append(ops.convert_to_numpy(layer.kernel)[:, 0])
    np.testing.assert_array_equal(kernels[0][:, ::3], kernels[1])


@pytest.mark.parametrize("filters", [0, 85])
def test_other_numbers_of_kernels_are_refused(filters):
    with pytest.raises(ValueError, match=rf"filters={filters}\. Leave it out"):
        FixedConvolution(filters)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(5, (1,)), (9, (1,)), (16, (1,)), (17, (1, 2)), (100, (1, 2, 4, 8))],
)
def test_kernels_are_as_long_as_a_window_at_most(steps, expected):
    assert fitting_dilations(steps) == expected


def test_shares_are_of_the_steps_that_are_no_padding(rng):
    steps = rng.normal(size=(3, 7, 2)).astype("float32")
    mask = np.array([[True] * 7, [True] * 4 + [False] * 3, [False] * 7])
    layer = ShareAbove((-0.5, 0.3))
    found = ops.convert_to_numpy(layer(steps, mask=ops.array(mask)))
    for row, window, is_real in zip(found, steps, mask, strict=True):
        real = window[is_real] if is_real.any() else np.full((1, 2), -9.0)
        expected = np.concatenate([(real > -0.5).mean(0), (real > 0.3).mean(0)])
        np.testing.assert_allclose(row, expected, rtol=1e-6)
    whole = ops.convert_to_numpy(layer(steps))
    np.testing.assert_allclose(whole[0], found[0], rtol=1e-6)


@pytest.mark.parametrize("masked", [False, True])
def test_statistics_are_those_of_all_that_was_trained(rng, masked):
    batches = [rng.normal(k, 2, (4, 6, 3)).astype("float32") for k in range(5)]
    mask = np.arange(6) < (4 if masked else 6)
    layer = RunningNormalization(epsilon=1e-9)
    for batch in batches:
        kwargs = {"mask": ops.array(np.tile(mask, (4, 1)))} if masked else {}
        layer(batch, training=True, **kwargs)
    seen = np.concatenate(batches)[:, mask].astype("float64").reshape(-1, 3)
    found = ops.convert_to_numpy(layer(batches[0]))
    expected = (batches[0] - seen.mean(axis=0)) / seen.std(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_nothing_is_counted_by_use_or_when_frozen(rng):
    batch = rng.normal(3, 2, (8, 3)).astype("float32")
    layer = RunningNormalization()
    untouched = ops.convert_to_numpy(layer(batch))
    np.testing.assert_allclose(untouched, batch, rtol=1e-3)
    layer.trainable = False
    layer(batch, training=True)
    assert float(layer.count) == 0


def test_a_feature_that_was_never_seen_to_move_is_limited():
    layer = RunningNormalization(limit=5.0)
    layer(np.zeros((4, 1), "float32"), training=True)
    found = ops.convert_to_numpy(layer(np.array([[-9.0], [9.0]], "float32")))
    assert found.tolist() == [[-5.0], [5.0]]


@pytest.mark.parametrize(
    "layer",
    [
        FixedConvolution(20, dilation=4, seed=3),
        ShareAbove((0.5, 1.0)),
        RunningNormalization(5.0, 0.01),
    ],
)
def test_layers_come_back_from_their_configuration(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
