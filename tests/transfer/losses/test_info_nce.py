import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer import AttentionInfoNCE, FeatureInfoNCE, NegativeTransferGuard
from tests.models import pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def projections(rng, steps, heads=1, batch=6):
    shapes = [(batch, steps, heads, size) for size in (5, 3)]
    return tuple(rng.normal(size=shape).astype("float32") for shape in shapes)


def info_nce(source, target, temperature):
    """Per window, in NumPy float64, head by head."""
    losses = []
    for head in range(source[0].shape[2]):
        sides = []
        for key, value in (source, target):
            product = np.einsum(
                "btk,btv->bkv", key[:, :, head], value[:, :, head], dtype="float64"
            )
            product = (product / key.shape[1]).reshape(len(key), -1)
            product -= product.mean(axis=0)
            sides.append(product / np.linalg.norm(product, axis=1, keepdims=True))
        odds = np.exp(sides[1] @ sides[0].T / temperature)
        own = np.diag(odds)
        losses.append(-np.log(own / odds.sum(1)) / 2 - np.log(own / odds.sum(0)) / 2)
    return np.mean(losses, axis=0)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("steps", [(7, 7), (12, 5)])
def test_it_is_info_nce_of_centred_products_in_both_directions(rng, heads, steps):
    source, target = (projections(rng, count, heads) for count in steps)
    loss = AttentionInfoNCE(temperature=0.5, reduction=None)(source, target)
    expected = info_nce(source, target, 0.5)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), expected, rtol=1e-4)


def test_windows_are_told_apart_whatever_the_scale_and_the_offset_of_a_side(rng):
    source = projections(rng, 7)
    loss = AttentionInfoNCE(temperature=0.01)
    louder = (10 * source[0], source[1])
    assert float(loss(source, louder)) == pytest.approx(0, abs=1e-3)
    mixed = tuple(np.roll(x, 1, axis=0) for x in source)
    assert float(loss(source, mixed)) > 10


def test_what_may_not_teach_adds_nothing_and_is_still_told_apart_from(rng):
    source, target = projections(rng, 7), projections(rng, 9)
    weight = np.array([1, 0, 0.5, 0, 0, 0], "float32")
    loss = AttentionInfoNCE()(source, target, weight)
    expected = (info_nce(source, target, 0.1) * weight).mean()
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_padding_does_not_count(rng):
    source, target = projections(rng, 7), projections(rng, 9)
    padded = [np.pad(x, ((0, 0), (0, 4), (0, 0), (0, 0)), "edge") for x in source]
    mask = np.arange(11) < np.full((6, 1), 7)
    losses = (AttentionInfoNCE()(s, target) for s in (source, (*padded, mask)))
    assert float(next(losses)) == pytest.approx(float(next(losses)), rel=1e-5)


def test_windows_that_are_all_alike_give_finite_gradients(rng):
    pair, labels = windows(rng)
    pair = tuple(np.ones_like(x) for x in pair)
    model = keras_dcat.DCATModel(
        *pair_of_branches(), gate="all", loss=AttentionInfoNCE()
    )
    history = model.fit(pair, labels % 1, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    weights = model.target.get_weights()
    assert all(np.isfinite(w).all() for w in weights)


def test_it_is_saved_with_the_model_and_refuses_what_makes_no_sense():
    loss = AttentionInfoNCE(temperature=0.3, name="apart")
    config = keras.saving.serialize_keras_object(loss)
    loaded = keras.saving.deserialize_keras_object(config)
    assert loaded.get_config() == loss.get_config()
    with pytest.raises(ValueError, match=r"temperature=0\. Start with 0\.1"):
        AttentionInfoNCE(temperature=0)
    with pytest.raises(
        ValueError, match=r"share d_k.*4\) for the source.*the same size"
    ):
        loss((np.ones((2, 3, 4)),) * 2, (np.ones((2, 3, 5)), np.ones((2, 3, 4))))


def features(rng, size, batch=6):
    return rng.normal(size=(batch, size)).astype("float32")


def told_apart(source, target, temperature):
    """Per window, in NumPy float64."""
    sides = [
        x.astype("float64") / np.linalg.norm(x, axis=1, keepdims=True)
        for x in (source, target)
    ]
    odds = np.exp(sides[1] @ sides[0].T / temperature)
    own = np.diag(odds)
    return -np.log(own / odds.sum(1)) / 2 - np.log(own / odds.sum(0)) / 2


class TestFeatures:
    def test_it_is_info_nce_of_directions_in_both_directions(self, rng):
        source, target = features(rng, 5), features(rng, 5)
        loss = FeatureInfoNCE(temperature=0.5, reduction=None)(source, target)
        expected = told_apart(source, target, 0.5)
        np.testing.assert_allclose(ops.convert_to_numpy(loss), expected, rtol=1e-4)

    def test_what_may_not_teach_adds_nothing_and_is_still_told_apart_from(self, rng):
        source, target = features(rng, 5), features(rng, 5)
        weight = np.array([1, 0, 0.5, 0, 0, 0], "float32")
        loss = FeatureInfoNCE()(source, target, weight)
        expected = (told_apart(source, target, 0.1) * weight).mean()
        assert float(loss) == pytest.approx(expected, rel=1e-4)

    def test_features_of_zero_are_like_all_others_and_leave_weights_finite(self, rng):
        pair, labels = windows(rng)
        source, target = pair_of_branches()
        target.layers[-2].rate = 0.0
        for model in (source, target):  # nothing reaches the classifier
            attention = keras_dcat.attention.find_attention(model)
            attention.value.set_weights([0 * w for w in attention.value.get_weights()])
        model = keras_dcat.DCATModel(source, target)
        shown = model.fit(pair, labels, epochs=2, verbose=0).history
        assert shown["info_nce_loss"][0] == pytest.approx(np.log(32), rel=1e-3)
        assert all(np.isfinite(w).all() for w in model.get_weights())

    @pytest.mark.traced
    def test_a_target_learns_to_tell_the_moments_of_its_source(self, rng):
        """Both see the same hidden moment, each through a map of its own."""
        hidden = rng.normal(size=(64, 1, 2)).astype("float32")
        pair = tuple(
            np.repeat(hidden @ rng.normal(size=(2, size)), steps, axis=1)
            for steps, size in ((12, 5), (20, 3))
        )
        labels = (hidden[:, 0, 0] > 0).astype(int)
        model = keras_dcat.DCATModel(*pair_of_branches(), transfer_weight=1.0)
        model.compile(keras.optimizers.Adam(0.01))
        guard = NegativeTransferGuard(only_warn=True)
        shown = model.fit(pair, labels, epochs=30, callbacks=[guard], verbose=0).history
        loss = shown["info_nce_loss"]
        assert loss[-1] < 0.7 * loss[0]

    @pytest.mark.parametrize("temperature", [0.0, -1.0, float("inf"), float("nan")])
    def test_a_temperature_that_makes_no_sense_is_refused(self, temperature):
        with pytest.raises(ValueError, match="temperature"):
            FeatureInfoNCE(temperature)

    def test_it_comes_back_from_its_config(self, rng):
        source, target = features(rng, 5), features(rng, 5)
        loss = FeatureInfoNCE(0.3)
        again = FeatureInfoNCE.from_config(loss.get_config())
        assert float(again(source, target)) == float(loss(source, target))


@pytest.mark.parametrize("scale", [1e-20, 1e-9, 0.01, 1e9, 1e20])
def test_the_scale_of_a_side_does_not_matter_whatever_it_is(rng, scale):
    source, target = projections(rng, 7), projections(rng, 9)
    expected = info_nce(source, target, 0.1).mean()
    louder = (np.float32(scale) * source[0], source[1])
    for sides in (
        (louder, target),
        (source, (np.float32(scale) * target[0], target[1])),
    ):
        own = expected if sides[0] is louder else info_nce(*sides, 0.1).mean()
        assert float(AttentionInfoNCE()(*sides)) == pytest.approx(own, rel=1e-4)
    sides = features(rng, 5), features(rng, 5)
    expected = told_apart(*sides, 0.1).mean()
    loss = FeatureInfoNCE()(np.float32(scale**1.5) * sides[0], sides[1])
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_what_differs_by_rounding_alone_is_not_told_apart(rng):
    key, value = (np.repeat(x[:1], 6, axis=0) for x in projections(rng, 7))
    noise = 1 + 6e-8 * rng.choice([-1, 1], size=key.shape).astype("float32")
    loss = AttentionInfoNCE()((key * noise, value), projections(rng, 9))
    assert float(loss) == pytest.approx(np.log(6), abs=1e-6)
