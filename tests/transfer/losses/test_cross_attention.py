import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from tests import gradients, references

TOKENS_ARE_CHEAPER = "keras_dcat.transfer.losses.alignment.tokens_are_cheaper"
NORMALIZATIONS = ["none", "length", "source", "unit"]


def random_projections(rng, steps, batch=3, heads=None, key_dim=4, value_dim=3):
    lead = (batch, steps) if heads is None else (batch, steps, heads)
    return tuple(
        rng.normal(size=(*lead, size)).astype("float32")
        for size in (key_dim, value_dim)
    )


def with_heads(projections):
    return tuple(x if x.ndim == 4 else x[:, :, None] for x in projections)


def per_window(normalization, source, target):
    loss = keras_dcat.MaskedCrossAttentionLoss(normalization, reduction=None)
    return ops.convert_to_numpy(loss(source, target))


@pytest.mark.parametrize("steps", [(1, 1), (50, 20), (20, 50)])
def test_loss_is_the_frobenius_distance_between_key_value_products(rng, steps):
    source, target = (random_projections(rng, steps=count) for count in steps)
    loss = keras_dcat.MaskedCrossAttentionLoss(normalization="none")(source, target)

    products = [np.einsum("btk,btv->bkv", *pair) for pair in (source, target)]
    expected = np.linalg.norm(products[1] - products[0], axis=(1, 2)).mean()
    np.testing.assert_allclose(ops.convert_to_numpy(loss), expected, rtol=1e-5)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("heads", [None, 1, 3])
@pytest.mark.parametrize("steps", [(2, 3), (50, 20)], ids=["tokens", "products"])
def test_every_normalization_matches_numpy(
    rng, monkeypatch, normalization, heads, steps
):
    monkeypatch.setattr(TOKENS_ARE_CHEAPER, lambda *_: steps == (2, 3))
    source, target = (
        random_projections(rng, count, heads=heads, key_dim=16, value_dim=12)
        for count in steps
    )
    expected = references.loss(with_heads(source), with_heads(target), normalization)
    np.testing.assert_allclose(
        per_window(normalization, source, target), expected, rtol=2e-5
    )


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_masked_steps_do_not_count(rng, normalization):
    source, target = (random_projections(rng, count, heads=2) for count in (12, 9))
    masks = (
        np.arange(12) < np.array([[12], [5], [1]]),
        np.arange(9) < np.array([[2], [9], [7]]),
    )
    expected = references.loss(source, target, normalization, masks)
    actual = per_window(normalization, (*source, masks[0]), (*target, masks[1]))
    np.testing.assert_allclose(actual, expected, rtol=2e-5)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_target_that_is_all_padding_is_as_far_away_as_one_of_zeros(
    rng, normalization
):
    source, target = (random_projections(rng, count, heads=2) for count in (12, 9))
    kept = np.repeat([[True], [False], [True]], 9, axis=1)
    zeros = tuple(x * kept[:, :, None, None] for x in target)
    loss = keras_dcat.MaskedCrossAttentionLoss(normalization, reduction=None)
    _, found = gradients.value_and_gradients(
        lambda key, value: ops.sum(loss(source, (key, value, kept))), target
    )
    np.testing.assert_allclose(
        per_window(normalization, source, (*target, kept)),
        per_window(normalization, source, zeros),
        rtol=1e-5,
    )
    for gradient in found:
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(gradient[1], np.zeros_like(gradient[1]))


@pytest.mark.each_value
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("mode", gradients.modes())
@pytest.mark.parametrize("steps", [(2, 3), (20, 12)], ids=["tokens", "products"])
def test_gradient_matches_finite_differences_in_float64(
    rng, monkeypatch, normalization, mode, steps
):
    monkeypatch.setattr(TOKENS_ARE_CHEAPER, lambda *_: steps == (2, 3))
    source, target = (
        random_projections(rng, count, batch=2, key_dim=14, value_dim=12)
        for count in steps
    )
    loss = keras_dcat.MaskedCrossAttentionLoss(normalization)

    def tensor_loss(key, value):
        return loss(tuple(map(ops.convert_to_tensor, source)), (key, value))

    value, (key_gradient, value_gradient) = gradients.value_and_gradients(
        tensor_loss, target, mode
    )

    def numpy_loss(key, value):
        return references.loss(
            with_heads(source), with_heads((key, value)), normalization
        ).mean()

    np.testing.assert_allclose(value, numpy_loss(*target), rtol=2e-5)
    for position, actual in enumerate([key_gradient, value_gradient]):
        expected = gradients.finite_differences(
            lambda x, at=position: numpy_loss(
                *(x if i == at else target[i] for i in range(2))
            ),
            target[position],
        )
        np.testing.assert_allclose(
            actual, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max()
        )


def test_the_order_of_steps_does_not_matter(rng):
    source, target = (random_projections(rng, count) for count in (12, 9))
    order = rng.permutation(9)
    shuffled = tuple(x[:, order] for x in target)
    np.testing.assert_allclose(
        per_window("none", source, target),
        per_window("none", source, shuffled),
        rtol=1e-5,
    )
    assert not np.allclose(
        per_window("none", source, target),
        per_window("none", source, (target[0], shuffled[1])),
    )


@pytest.mark.parametrize("normalization", ["length", "source", "unit"])
def test_a_window_twice_as_long_costs_the_same(rng, normalization):
    source, target = (random_projections(rng, count) for count in (12, 9))
    longer = tuple(np.repeat(x, 2, axis=1) for x in target)
    np.testing.assert_allclose(
        per_window(normalization, source, target),
        per_window(normalization, source, longer),
        rtol=1e-5,
    )


@pytest.mark.parametrize(("normalization", "scale"), [("source", 1e-3), ("unit", 10)])
def test_scaling_both_sides_costs_the_same(rng, normalization, scale):
    source, target = (random_projections(rng, count) for count in (12, 9))
    scaled = [(scale * key, value) for key, value in (source, target)]
    np.testing.assert_allclose(
        per_window(normalization, source, target),
        per_window(normalization, *scaled),
        rtol=1e-5,
    )


def test_paper_formula_grows_with_length_and_size_as_the_page_says(rng):
    source, target = (
        random_projections(rng, 50, batch=200, key_dim=64, value_dim=64)
        for _ in range(2)
    )
    # √(2T)·d for unit-variance projections
    assert per_window("none", source, target).mean() == pytest.approx(640, rel=0.01)


@pytest.mark.each_value
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("mode", gradients.modes())
@pytest.mark.parametrize(
    "case", ["identical", "zero target", "both zero", "masked out"]
)
def test_degenerate_batches_give_finite_gradients(rng, normalization, mode, case):
    source = random_projections(rng, 12)
    target = tuple(x.copy() for x in source)
    weight = np.ones(3, "float32")
    if case == "zero target":
        target = tuple(np.zeros_like(x) for x in target)
    elif case == "both zero":
        source = target = tuple(np.zeros_like(x) for x in target)
    elif case == "masked out":
        target, weight = random_projections(rng, 9), np.zeros(3, "float32")
    for reduction in ("sum_over_batch_size", "mean_with_sample_weight"):
        loss = keras_dcat.MaskedCrossAttentionLoss(normalization, reduction)
        value, key_and_value_gradients = gradients.value_and_gradients(
            lambda key, value, loss=loss: loss(
                tuple(map(ops.convert_to_tensor, source)),
                (key, value),
                ops.convert_to_tensor(weight),
            ),
            target,
            mode,
        )
        if case != "zero target":
            assert value == 0.0
        assert np.isfinite(value)
        for gradient in key_and_value_gradients:
            assert np.isfinite(gradient).all()
            if case in ("identical", "masked out"):
                np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


def test_reductions_average_over_the_batch_or_over_the_unmasked(rng):
    source, target = (random_projections(rng, count) for count in (12, 9))
    windows = per_window("none", source, target)
    weight = np.array([1.0, 0.0, 1.0], "float32")
    for reduction, expected in [
        ("sum_over_batch_size", (windows[0] + windows[2]) / 3),
        ("mean_with_sample_weight", (windows[0] + windows[2]) / 2),
        ("sum", windows[0] + windows[2]),
    ]:
        loss = keras_dcat.MaskedCrossAttentionLoss("none", reduction)
        value = loss(source, target, sample_weight=weight)
        np.testing.assert_allclose(ops.convert_to_numpy(value), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_projections_are_compared_in_float32(rng, dtype):
    source, target = (
        tuple(
            ops.cast(x, dtype)
            for x in random_projections(rng, 50, key_dim=64, value_dim=64)
        )
        for _ in range(2)
    )
    value = keras_dcat.MaskedCrossAttentionLoss("none")(source, target)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    as_float = [
        with_heads(tuple(ops.convert_to_numpy(ops.cast(x, "float32")) for x in side))
        for side in (source, target)
    ]
    expected = references.loss(*as_float, "none").mean()
    assert expected > 256  # its square overflows float16
    np.testing.assert_allclose(float(value), expected, rtol=1e-4)


@pytest.mark.tensorflow
def test_float64_is_to_be_had_by_asking(rng):
    source, target = (random_projections(rng, count) for count in (12, 9))
    loss = keras_dcat.MaskedCrossAttentionLoss("none", dtype="float64")
    value = float(loss(source, target))
    expected = references.loss(with_heads(source), with_heads(target), "none").mean()
    assert value == pytest.approx(expected, rel=1e-12)


def test_the_loss_survives_its_config():
    loss = keras_dcat.MaskedCrossAttentionLoss(
        "unit", "mean_with_sample_weight", name="mine"
    )
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(loss)
    )
    assert type(restored) is keras_dcat.MaskedCrossAttentionLoss
    assert restored.get_config() == loss.get_config()
    assert restored.normalization == "unit"


def test_an_unknown_normalization_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"normalization='l2'.*'none' for the paper"):
        keras_dcat.MaskedCrossAttentionLoss("l2")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ({"key_dim": 4}, {"key_dim": 5}, r"share d_k.*\(1, 4\).*\(1, 5\).*same sizes"),
        ({"value_dim": 3}, {"value_dim": 2}, r"share d_v.*\(1, 3\).*\(1, 2\)"),
        ({"heads": 2}, {"heads": 3}, r"number of heads.*\(2, 4\).*\(3, 4\)"),
    ],
)
def test_sides_of_different_sizes_are_refused(rng, source, target, message):
    sides = (random_projections(rng, 6, **options) for options in (source, target))
    with pytest.raises(ValueError, match=message):
        keras_dcat.MaskedCrossAttentionLoss()(*sides)


def test_sides_that_are_no_projections_are_refused(rng):
    key, value = random_projections(rng, 6)
    loss = keras_dcat.MaskedCrossAttentionLoss()
    with pytest.raises(ValueError, match=r"target must be.*ndarray.*AttentionKV"):
        loss((key, value), key)
    with pytest.raises(ValueError, match=r"source.*tuple of length 1"):
        loss((key,), (key, value))
    with pytest.raises(
        ValueError, match=r"\(3, 6, 4\) and \(3, 5, 3\).*same `Attention"
    ):
        loss((key, value[:, :5]), (key, value))
    with pytest.raises(ValueError, match=r"source must.*\(3, 4\) and \(3, 4\)"):
        loss((key[:, 0], key[:, 0]), (key, value))
    with pytest.raises(ValueError, match=r"target.*\(3, 6, 1, 4\) and \(3, 6, 3\)"):
        loss((key, value), (key[:, :, None], value))


def test_lists_are_projections_too(rng):
    source, target = (random_projections(rng, count) for count in (12, 9))
    np.testing.assert_array_equal(
        per_window("source", list(source), list(target)),
        per_window("source", source, target),
    )


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 4), (2, 5, 1)])
def test_a_mask_that_is_not_of_each_step_is_refused(shape):
    side = np.ones((2, 5, 3)), np.ones((2, 5, 3))
    loss = keras_dcat.MaskedCrossAttentionLoss()
    with pytest.raises(ValueError, match=r"mask of the target.*\(2, 5, 3\).*each step"):
        loss(side, (*side, np.ones(shape) > 0))
    loss(side, (*side, np.ones((2, 5)) > 0))
