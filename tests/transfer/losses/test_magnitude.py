import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.losses.magnitude import factor_for, of_norm_1, size_of
from tests.gradients import value_and_gradients

SIZES = [1e-36, 1e-30, 1e-12, 1.0, 1e12, 1e30, 1e37]


@pytest.mark.parametrize("step", [80, 40])
def test_a_number_times_its_factor_has_a_square_that_float32_holds(step):
    sizes = np.array([*SIZES, 1e-20, 1e20], "float32")
    factors = ops.convert_to_numpy(factor_for(ops.convert_to_tensor(sizes), step))
    assert (np.log2(factors) % step == 0).all()
    least = np.finfo("float32").tiny
    powers = (sizes.astype("float64") * factors) ** (160 / step)
    assert ((powers >= least) & (powers <= 2.0**96)).all()


def test_an_ordinary_number_keeps_every_bit(rng):
    sizes = np.array([0.0, 2.0**-39, 1.0, 2.0**40], "float32")
    factors = ops.convert_to_numpy(factor_for(ops.convert_to_tensor(sizes)))
    assert factors.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("size", SIZES)
def test_a_vector_of_every_size_has_norm_1(rng, size):
    vectors = rng.normal(size=(4, 5))
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = of_norm_1(ops.convert_to_tensor((size * vectors).astype("float32")))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


def test_what_is_below_the_least_is_zero_and_has_no_gradient():
    vectors = np.array([[3.0, 4.0], [3e-9, 4e-9], [0.0, 0.0]], "float32")
    _, (slopes,) = value_and_gradients(
        lambda x: ops.sum(of_norm_1(x, least=1e-8)), [vectors]
    )
    assert (slopes[1:] == 0).all()
    assert np.isfinite(slopes).all()
    assert slopes[0].any()


def test_the_size_is_that_of_the_largest_number_of_either_sign():
    sizes = size_of(ops.array([[[1.0, -7.0]], [[2.0, 3.0]]]), (1, 2))
    assert ops.convert_to_numpy(sizes).tolist() == [[[7.0]], [[3.0]]]
