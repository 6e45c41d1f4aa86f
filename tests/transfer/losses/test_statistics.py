import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.losses.cross_attention import MaskedCrossAttentionLoss
from keras_dcat.transfer.losses.info_nce import AttentionInfoNCE
from keras_dcat.transfer.losses.statistics import KeyValueStatistic, statistic_of


def projections(rng, time, heads=2, key_dim=6, value_dim=5):
    key = rng.normal(size=(4, time, heads, key_dim)).astype("float32")
    value = rng.normal(size=(4, time, heads, value_dim)).astype("float32")
    return key, value, rng.random((4, time)) < 0.7


def test_a_statistic_is_the_mean_over_real_steps(rng):
    key, value, mask = projections(rng, time=9)
    statistic = statistic_of(tuple(map(ops.convert_to_tensor, (key, value, mask))))
    kept = mask[1]
    expected = key[1, kept, 0].T @ value[1, kept, 0] / kept.sum()
    mean, length = map(ops.convert_to_numpy, statistic)
    np.testing.assert_allclose(mean[1, 0], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(length, mask.sum(axis=1))


@pytest.mark.parametrize("heads", [None, 2])
def test_without_a_mask_every_step_is_real(rng, heads):
    lead = (4, 9) if heads is None else (4, 9, heads)
    key, value = (rng.normal(size=(*lead, d)).astype("float32") for d in (6, 5))
    statistic = statistic_of((ops.convert_to_tensor(key), ops.convert_to_tensor(value)))
    mean, length = map(ops.convert_to_numpy, statistic)
    expected = (
        np.einsum(
            "bthk,bthv->bhkv", *(x.reshape(4, 9, -1, x.shape[-1]) for x in (key, value))
        )
        / 9
    )
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)
    assert length.tolist() == [9.0] * 4
    assert length.dtype == "float32"


def test_a_statistic_is_its_own_statistic():
    statistic = KeyValueStatistic(ops.ones((1, 1, 2, 2)), ops.ones((1,)))
    assert statistic_of(statistic) is statistic


@pytest.mark.each_value
@pytest.mark.parametrize(
    "loss",
    [
        *(MaskedCrossAttentionLoss(n) for n in ("none", "length", "source", "unit")),
        AttentionInfoNCE(),
    ],
    ids=lambda loss: getattr(loss, "normalization", "contrast"),
)
@pytest.mark.parametrize(
    ("times", "sizes"),
    [((9, 13), (6, 5)), ((2, 3), (6, 5)), ((2, 3), (32, 160))],
    ids=["long", "short", "short and large"],  # the last goes through token matrices
)
def test_losses_are_the_same_of_statistics_as_of_keys_and_values(
    rng, loss, times, sizes
):
    sides = [
        tuple(map(ops.convert_to_tensor, projections(rng, time, 2, *sizes)))
        for time in times
    ]
    weights = ops.array([1.0, 0.5, 0.0, 1.0])
    expected = float(loss(*sides, weights))
    source, target = map(statistic_of, sides)
    assert float(loss(source, sides[1], weights)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(sides[0], target, weights)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(source, target, weights)) == pytest.approx(expected, rel=1e-5)


def test_statistics_of_other_sizes_are_refused():
    statistic = KeyValueStatistic(ops.ones((4, 1, 6, 5)), ops.ones((4,)))
    key, value = ops.ones((4, 9, 6)), ops.ones((4, 9, 4))
    with pytest.raises(ValueError, match=r"share d_v .* = \(1, 5\) for the source"):
        MaskedCrossAttentionLoss()(statistic, (key, value))
