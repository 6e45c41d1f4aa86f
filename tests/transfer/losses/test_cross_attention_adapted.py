"""A loss that knows its training set: `MaskedCrossAttentionLoss.adapt`."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer import KeyValueStatistic, MaskedCrossAttentionLoss
from tests import gradients
from tests.models import pair_of_branches, windows


def statistics(rng, count=5, heads=2):
    mean = 2.0 + rng.normal(size=(count, heads, 4, 3)).astype("float32")
    return KeyValueStatistic(ops.convert_to_tensor(mean), ops.ones((count,)))


def adapted(rng, normalization):
    training = statistics(rng, count=50)
    loss = MaskedCrossAttentionLoss(normalization, reduction=None).adapt(training)
    return loss, ops.convert_to_numpy(training.mean)


def test_an_adapted_loss_is_scaled_by_the_training_set(rng):
    loss, training = adapted(rng, "source")
    from_center = (training - training.mean(axis=0)).reshape(50, 2, -1)
    norms = np.linalg.norm(from_center, axis=-1)
    source, target = statistics(rng), statistics(rng)
    gap = ops.convert_to_numpy(target.mean - source.mean).reshape(5, 2, -1)
    expected = (np.linalg.norm(gap, axis=-1) / norms.mean(axis=0)).mean(axis=-1)
    found = ops.convert_to_numpy(loss(source, target))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_adapted_unit_loss_compares_directions_from_the_center(rng):
    loss, training = adapted(rng, "unit")
    source, target = statistics(rng), statistics(rng)
    a, b = (
        (ops.convert_to_numpy(x.mean) - training.mean(axis=0)).reshape(5, 2, -1)
        for x in (source, target)
    )
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    found = ops.convert_to_numpy(loss(source, target))
    np.testing.assert_allclose(found, np.sqrt(2 - 2 * cosine).mean(-1), rtol=1e-4)


def test_an_adapted_length_loss_is_the_same_as_before(rng):
    loss, _ = adapted(rng, "length")
    plain = MaskedCrossAttentionLoss("length", reduction=None)
    source, target = statistics(rng), statistics(rng)
    np.testing.assert_allclose(
        ops.convert_to_numpy(loss(source, target)),
        ops.convert_to_numpy(plain(source, target)),
        rtol=1e-5,
    )


@pytest.mark.parametrize("normalization", ["source", "unit", "length"])
def test_an_adapted_loss_has_no_gradient_where_both_sides_are_equal(rng, normalization):
    loss, _ = adapted(rng, normalization)
    same = statistics(rng)
    value, (gradient,) = gradients.value_and_gradients(
        lambda mean: ops.sum(loss(same, same._replace(mean=mean))),
        [ops.convert_to_numpy(same.mean)],
    )
    np.testing.assert_array_equal(value, 0.0)
    np.testing.assert_array_equal(gradient, 0.0)


def test_an_adapted_loss_takes_keys_and_values_as_well(rng):
    loss, _ = adapted(rng, "source")
    mask = np.arange(7) < np.array([7, 3, 5])[:, None]
    key, value = (
        rng.normal(size=(3, 7, 2, size)).astype("float32") * mask[:, :, None, None]
        for size in (4, 3)
    )
    mean = np.einsum("bthk,bthv->bhkv", key, value) / mask.sum(1).reshape(3, 1, 1, 1)
    known = KeyValueStatistic(ops.convert_to_tensor(mean), ops.array(mask.sum(1)))
    live = tuple(map(ops.convert_to_tensor, (key, value, mask)))
    source = statistics(rng, count=3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(loss(source, live)),
        ops.convert_to_numpy(loss(source, known)),
        rtol=1e-5,
    )


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_a_target_is_trained_by_an_adapted_loss(rng):
    pair, labels = windows(rng)
    loss = MaskedCrossAttentionLoss()
    model = keras_dcat.DCATModel(*pair_of_branches(), gate="all", loss=loss)
    plain = model.evaluate(pair, labels, verbose=0, return_dict=True)
    loss.adapt(model.cache_source(pair[0], verbose=0).layers[0])
    model.compile()
    told = model.evaluate(pair, labels, verbose=0, return_dict=True)
    assert told["cross_attention_loss"] != pytest.approx(
        plain["cross_attention_loss"], rel=1e-3
    )
    history = model.fit(pair, labels, epochs=2, verbose=0).history
    assert np.isfinite(history["cross_attention_loss"]).all()


def test_an_adapted_loss_comes_back_from_its_configuration(rng):
    loss, _ = adapted(rng, "source")
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert keras.saving.serialize_keras_object(again) == config
    source, target = statistics(rng), statistics(rng)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loss(source, target)),
        ops.convert_to_numpy(again(source, target)),
    )


@pytest.mark.parametrize("normalization", ["source", "unit"])
def test_a_training_set_whose_windows_are_all_alike_leaves_the_loss_finite(
    rng, normalization
):
    one = statistics(rng, count=1)
    alike = KeyValueStatistic(ops.repeat(one.mean, 4, axis=0), ops.ones((4,)))
    loss = MaskedCrossAttentionLoss(normalization).adapt(alike)
    value, (gradient,) = gradients.value_and_gradients(
        lambda mean: loss(alike, alike._replace(mean=mean)),
        [ops.convert_to_numpy(alike.mean) + 1],
    )
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_the_formula_of_the_paper_is_not_adapted(rng):
    with pytest.raises(ValueError, match="never with normalization='none'"):
        MaskedCrossAttentionLoss("none").adapt(statistics(rng))
    with pytest.raises(ValueError, match="0 windows"):
        MaskedCrossAttentionLoss().adapt(statistics(rng, count=0))
    with pytest.raises(ValueError, match="must come together.*center alone"):
        MaskedCrossAttentionLoss(center=np.zeros((1, 2, 2)))
