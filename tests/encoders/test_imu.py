import numpy as np
import pytest
from keras import layers

from keras_dcat.encoders import StochasticDepth, imu
from tests.encoders import contract


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sensors": ((0, 1, 2), (3, 4, 5))},
        {"spectrum": True},
        {"sensors": ((0, 1, 2), (3,)), "spectrum": True, "padded": True},
        {"attention": "linear", "key_dim": 8, "dropout": 0.0, "depth_dropout": 0.2},
        {"normalization": layers.Normalization(mean=[1.0] * 6, variance=[4.0] * 6)},
    ],
    ids=str,
)
def test_it_is_an_ordinary_model_that_ends_in_attention(rng, options):
    contract.check(lambda: imu((60, 6), 5, "tiny", **options), rng)


@pytest.mark.traced
def test_it_learns_and_computes_in_mixed_precision(rng):
    contract.check_it_learns(imu((40, 6), 5, "tiny", depth_dropout=0.1), rng)
    contract.check_mixed_precision(lambda: imu((40, 6), 5, "tiny"), rng)


def test_its_table_says_what_it_costs():
    contract.check_costs(imu, lambda size: imu((100, 6), 27, size))


def test_padding_says_nothing(rng):
    normalization = {"normalization": layers.Normalization(mean=3.0, variance=4.0)}
    contract.check_padding(
        lambda steps, padded: imu(
            (steps, 6), 5, "tiny", padded=padded, dilations=(1, 4), **normalization
        ),
        rng,
    )


def test_the_last_stage_is_left_out_most():
    model = imu((40, 6), 5, "tiny", depth_dropout=0.3)
    rates = [each.rate for each in model.layers if isinstance(each, StochasticDepth)]
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "huge"}, r"size='huge'.*\('tiny', 'small', 'base'\)"),
        ({"sensors": ((0, 6),)}, r"\(\(0, 6\),\) for 6 channels.*from 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        imu((40, 6), 5, **options)
