import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from tests.models import (
    CLASSES,
    beliefs,
    branch,
    pair_of_branches,
    snapshot,
    windows,
)

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def two_sources():
    return [branch(5, steps=12), branch(2, steps=7)], branch(3)


def batch_of(rng):
    (camera, imu), labels = windows(rng)
    microphone = rng.normal(size=(len(labels), 7, 2)).astype("float32")
    return camera, microphone, imu, labels


def values(model, x, labels):
    return model.evaluate(x, labels, verbose=0, return_dict=True)


def two_layers(features, steps):
    inputs = keras.Input((steps, features))
    x = keras_dcat.AttentionKV(6, name="early")(inputs)
    x = keras_dcat.AttentionKV(4, name="late")(x)
    x = layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(x))
    return keras.Model(inputs, x)


def test_two_sources_teach_with_the_mean_of_what_each_would_teach(rng):
    camera, microphone, imu, labels = batch_of(rng)
    sources, target = two_sources()
    both = keras_dcat.DCATModel(sources, target, **beliefs(gate="all"))
    each = [keras_dcat.DCATModel(own, target, **beliefs(gate="all")) for own in sources]
    got = values(both, {"source": (camera, microphone), "target": imu}, labels)
    ones = [
        values(model, (own, imu), labels)
        for model, own in zip(each, (camera, microphone), strict=True)
    ]
    for name in ("cross_attention_loss", "source_accuracy"):
        assert got[name] == pytest.approx(np.mean([one[name] for one in ones]))
    assert got["unmasked_share"] == 1.0


def test_the_same_source_twice_trains_as_once(rng):
    pair, labels = windows(rng)
    after = []
    for count in (1, 2):
        keras.utils.set_random_seed(0)
        source, target = pair_of_branches()
        model = keras_dcat.DCATModel(
            [source] * count, target, transfer_weight=1.0, gate="soft"
        )
        x = {"source": [pair[0]] * count, "target": pair[1]}
        model.fit(x, labels, epochs=2, shuffle=False, verbose=0)
        after.append(snapshot(target))
    for once, twice in zip(*after, strict=True):
        # Adam's steps are as long for a gradient that is all rounding.
        np.testing.assert_allclose(once, twice, atol=1e-4)


def test_a_source_may_be_missing_for_some_windows(rng):
    camera, microphone, imu, labels = batch_of(rng)
    sources, target = two_sources()
    both = keras_dcat.DCATModel(sources, target, **beliefs(gate="all"))
    first = keras_dcat.DCATModel(sources[0], target, **beliefs(gate="all"))
    only_first = np.tile(np.array([1.0, 0.0], "float32"), (len(labels), 1))
    x = {"source": [camera, microphone], "target": imu, "transfer_mask": only_first}
    got = values(both, x, labels)["cross_attention_loss"]
    wanted = values(first, (camera, imu), labels)["cross_attention_loss"]
    assert got == pytest.approx(wanted)


def test_several_sources_are_saved_and_loaded(rng, tmp_path):
    camera, microphone, imu, labels = batch_of(rng)
    model = keras_dcat.DCATModel(*two_sources(), combination="best")
    x = {"source": [camera, microphone], "target": imu}
    model.fit(x, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected = values(model, x, labels)
    assert values(loaded, x, labels) == pytest.approx(expected, rel=1e-5)


def test_a_missing_source_of_several_is_refused_before_training(rng):
    camera, _, imu, labels = batch_of(rng)
    model = keras_dcat.DCATModel(*two_sources())
    with pytest.raises(ValueError, match=r"input of the source must be.*Check the"):
        model.fit({"source": [camera], "target": imu}, labels)


def test_several_layers_are_compared_in_pairs_and_averaged(rng):
    pair, labels = windows(rng)
    source, target = two_layers(5, 12), two_layers(3, 20)
    losses = [
        values(
            keras_dcat.DCATModel(
                source,
                target,
                gate="all",
                loss=keras_dcat.MaskedCrossAttentionLoss(),
                source_attention=names,
                target_attention=names,
            ),
            pair,
            labels,
        )["cross_attention_loss"]
        for names in ("early", "late", ["early", "late"])
    ]
    assert losses[2] == pytest.approx(np.mean(losses[:2]))
    model = keras_dcat.DCATModel(
        source, target, source_attention=["early"], target_attention="early"
    )
    assert model._pair.sources[0].attentions[0].name == "early"


@pytest.mark.parametrize(
    ("names", "others"), [(["early", "late"], "late"), (["early"], None)]
)
def test_layers_that_make_no_pairs_are_refused(names, others):
    with pytest.raises(ValueError, match=r"AttentionKV|Name the layers"):
        keras_dcat.DCATModel(
            two_layers(5, 12),
            two_layers(3, 20),
            source_attention=names,
            target_attention=others,
        )


def test_no_source_is_refused():
    with pytest.raises(ValueError, match=r"an empty list\. Train the target"):
        keras_dcat.DCATModel([], branch(3))


def test_gradients_reach_no_source(rng):
    camera, microphone, imu, labels = batch_of(rng)
    sources, target = two_sources()
    before = [snapshot(source) for source in sources]
    model = keras_dcat.DCATModel(sources, target, transfer_weight=1.0, gate="all")
    model.fit({"source": [camera, microphone], "target": imu}, labels, verbose=0)
    for old, source in zip(before, sources, strict=True):
        for a, b in zip(old, snapshot(source), strict=True):
            np.testing.assert_array_equal(a, b)
    assert ops.shape(model.predict(imu, verbose=0)) == (len(labels), CLASSES)
