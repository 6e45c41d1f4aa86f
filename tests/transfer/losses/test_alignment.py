import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_dcat.transfer.losses import alignment, statistics
from tests import gradients, references


def projections(rng, steps, heads=2, key_dim=9, value_dim=7):
    return tuple(
        rng.normal(size=(3, steps, heads, size)).astype("float32")
        for size in (key_dim, value_dim)
    )


def test_key_value_product_is_summed_over_time_per_head(rng):
    key, value = projections(rng, steps=5)
    product = ops.convert_to_numpy(statistics.key_value_product(key, value))
    expected = references.key_value_product(key[1, :, 0], value[1, :, 0])
    np.testing.assert_allclose(product[1, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("normalization", alignment.NORMALIZATIONS)
@pytest.mark.parametrize("through_tokens", [True, False])
def test_tokens_and_products_give_the_same_distance(
    rng, monkeypatch, normalization, through_tokens
):
    source, target = projections(rng, steps=3), projections(rng, steps=5)
    monkeypatch.setattr(alignment, "tokens_are_cheaper", lambda *_: through_tokens)
    distance = alignment.alignment_distance(
        tuple(map(ops.convert_to_tensor, source)),
        tuple(map(ops.convert_to_tensor, target)),
        lengths=(3, 5),
        normalization=normalization,
    )
    assert tuple(distance.shape) == (3, 2)
    expected = references.loss(source, target, normalization)
    np.testing.assert_allclose(
        ops.convert_to_numpy(distance).mean(axis=1), expected, rtol=1e-5
    )


def to_11_bits(values):
    """As a GPU's TF32 rounds what it multiplies: float32 without its last 13 bits."""
    bits = values.view("uint32")
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & 0xFFFFE000).view("float32")


@pytest.mark.parametrize("through_tokens", [True, False])
def test_a_small_distance_bears_the_rounding_of_a_gpu(rng, monkeypatch, through_tokens):
    monkeypatch.setattr(alignment, "tokens_are_cheaper", lambda *_: through_tokens)
    key, value = source = projections(rng, steps=8, key_dim=128, value_dim=128)
    noise = rng.normal(size=key.shape).astype("float32")
    for share, most in [(0.01, 0.004), (0.1, 0.0004)]:
        target = key + share * noise, value
        expected = references.loss(source, target, "source")
        rounded = (
            tuple(ops.convert_to_tensor(to_11_bits(x)) for x in side)
            for side in (source, target)
        )
        distance = alignment.alignment_distance(*rounded, (8, 8), "source")
        found = ops.convert_to_numpy(distance).mean(axis=1)
        np.testing.assert_allclose(expected, share, rtol=0.1)
        np.testing.assert_allclose(found, expected, rtol=most)


@pytest.mark.parametrize("through_tokens", [True, False])
def test_relative_to_its_norm_nothing_is_far_from_a_source_of_zeros(
    rng, monkeypatch, through_tokens
):
    monkeypatch.setattr(alignment, "tokens_are_cheaper", lambda *_: through_tokens)
    target = tuple(map(ops.convert_to_tensor, projections(rng, steps=5)))
    zeros = tuple(map(ops.zeros_like, target))
    distance = alignment.alignment_distance(zeros, target, (5, 5), "source")
    np.testing.assert_array_equal(ops.convert_to_numpy(distance), np.zeros((3, 2)))


def test_token_matrices_are_used_for_large_products_if_they_take_less_to_multiply():
    for times, key_dim, value_dim in itertools.product(
        [(1, 1), (4, 30), (30, 30), (200, 50)], (4, 64), (8, 64)
    ):
        is_large = key_dim * value_dim >= 64 * 64
        shapes = [(8, time, 1, key_dim) for time in times]
        through_products = sum(times) * key_dim * value_dim
        pairs = [times[0] * times[0], times[1] * times[1], times[0] * times[1]]
        through_tokens = sum(pairs) * (key_dim + value_dim)
        assert alignment.tokens_are_cheaper(*shapes, value_dim) == (
            is_large and through_tokens < through_products
        )


def test_products_are_used_where_the_number_of_steps_is_unknown():
    known, unknown = (None, 1, 1, 64), (None, None, 1, 64)
    assert alignment.tokens_are_cheaper(known, known, 64)
    for shapes in ((known, unknown), (unknown, known), (unknown, unknown)):
        assert not alignment.tokens_are_cheaper(*shapes, 64)


@pytest.mark.parametrize("mode", gradients.modes())
def test_the_square_root_has_a_gradient_of_zero_at_zero(mode):
    value, (gradient,) = gradients.value_and_gradients(
        lambda x: ops.sum(alignment.safe_sqrt(x)),
        [np.array([0.0, 4.0], "float32")],
        mode,
    )
    assert value == 2.0
    np.testing.assert_allclose(gradient, [0.0, 0.25])


@pytest.mark.each_value
@pytest.mark.parametrize("mode", gradients.modes())
@pytest.mark.parametrize("normalization", alignment.NORMALIZATIONS)
@pytest.mark.parametrize("steps", [12, 40], ids=["tokens", "products"])
def test_equal_sides_are_at_distance_zero_with_no_gradient(
    rng, monkeypatch, mode, normalization, steps
):
    monkeypatch.setattr(alignment, "tokens_are_cheaper", lambda *_: steps == 12)
    key, value = (30 * x for x in projections(rng, steps, key_dim=16, value_dim=16))
    order = rng.permutation(steps)[::-1].copy()  # the same sum, rounded otherwise

    def distance(target_key, target_value):
        source = ops.convert_to_tensor(key), ops.convert_to_tensor(value)
        return ops.sum(
            alignment.alignment_distance(
                source, (target_key, target_value), (steps, steps), normalization
            )
        )

    loss, key_and_value_gradients = gradients.value_and_gradients(
        distance, [key[:, order], value[:, order]], mode
    )
    assert loss == 0.0
    for gradient in key_and_value_gradients:
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


@pytest.mark.parametrize(
    ("through_tokens", "size"),
    [(False, 1e-4), (True, 1e-2)],
    ids=["products", "tokens"],
)
def test_a_small_difference_is_not_lost_to_rounding(
    rng, monkeypatch, through_tokens, size
):
    monkeypatch.setattr(alignment, "tokens_are_cheaper", lambda *_: through_tokens)
    key, value = projections(rng, steps=40)
    moved = key + size * rng.normal(size=key.shape).astype("float32")
    tensors = [ops.convert_to_tensor(x) for x in (key, value, moved)]
    distance = alignment.alignment_distance(
        tuple(tensors[:2]), (tensors[2], tensors[1]), (40, 40), "none"
    )
    expected = references.loss((key, value), (moved, value), "none")
    np.testing.assert_allclose(
        ops.convert_to_numpy(distance).mean(axis=1), expected, rtol=1e-2
    )
    assert keras.backend.standardize_dtype(distance.dtype) == "float32"


@pytest.mark.parametrize("through_tokens", [True, False])
@pytest.mark.parametrize("scale", [1e-15, 1e-9, 1e9, 1e14])
@pytest.mark.parametrize("normalization", alignment.NORMALIZATIONS)
def test_a_distance_is_right_at_every_scale_that_float32_holds(
    rng, monkeypatch, normalization, scale, through_tokens
):
    monkeypatch.setattr(alignment, "tokens_are_cheaper", lambda *_: through_tokens)
    sides = [projections(rng, steps=steps) for steps in (3, 5)]
    sides = [[np.float32(scale) * x for x in side] for side in sides]
    as_tensors = [tuple(map(ops.convert_to_tensor, side)) for side in sides]
    found = alignment.alignment_distance(*as_tensors, (3, 5), normalization)
    in_float64 = ([x.astype("float64") for x in side] for side in sides)
    expected = references.loss(*in_float64, normalization)
    np.testing.assert_allclose(
        ops.convert_to_numpy(found).mean(axis=1), expected, rtol=1e-5
    )


@pytest.mark.parametrize("through_tokens", [True, False])
def test_sides_of_the_most_different_scales_are_compared(
    rng, monkeypatch, through_tokens
):
    monkeypatch.setattr(alignment, "tokens_are_cheaper", lambda *_: through_tokens)
    source, target = (
        tuple(map(ops.convert_to_tensor, projections(rng, steps=3))) for _ in range(2)
    )
    distances = {
        (name, at): ops.convert_to_numpy(
            alignment.alignment_distance(*sides, (3, 3), name)
        )
        for name in ("unit", "source", "none")
        for at, sides in enumerate(
            [
                (source, target),
                ((source[0] * 1e30, source[1]), target),
                (source, (target[0] * 1e30, target[1])),
            ]
        )
    }
    for at in (1, 2):
        expected = distances["unit", 0]
        np.testing.assert_allclose(distances["unit", at], expected, rtol=1e-5)
    np.testing.assert_allclose(distances["source", 1], 1, rtol=1e-5)
    # One side is nothing beside the other: what is left is the norm of that.
    products = [statistics.key_value_product(*side) for side in (source, target)]
    norms = [
        np.linalg.norm(ops.convert_to_numpy(x).astype("float64"), axis=(-2, -1)) * 1e30
        for x in products
    ]
    np.testing.assert_allclose(distances["source", 2], norms[1] / norms[0] * 1e30, 1e-5)
    for at in (1, 2):
        np.testing.assert_allclose(distances["none", at], norms[at - 1], rtol=1e-5)


def test_what_float32_does_not_hold_is_not_a_number_rather_than_no_distance():
    product = ops.array([[[[float("inf")]]]])
    for name in ("none", "source", "unit"):
        found = alignment.alignment_distance(product, product, (1, 1), name)
        assert np.isnan(ops.convert_to_numpy(found)).all()
