import threading

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat.transfer import FeatureInfoNCE
from keras_dcat.transfer.models.features import features_read, find_classifier
from tests.models import branch, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


class Subclassed(keras.Model):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.head = layers.Dense(4)

    def call(self, inputs, training=False):
        return self.head(self.inner(inputs, training=training))


def encoded(features, steps):
    """Everything before a classifier, as a model."""
    model = branch(features, steps)
    return keras.Model(model.inputs, model.layers[-2].output)


def nested(features, steps):
    inputs = keras.Input((steps, features))
    return keras.Model(inputs, layers.Dense(4)(encoded(features, steps)(inputs)))


def sequential(features, steps):
    inputs = keras.Input((steps, features))
    return keras.Sequential([inputs, encoded(features, steps), layers.Dense(4)])


def subclassed(features, steps):
    model = Subclassed(encoded(features, steps))
    model(np.zeros((1, steps, features), "float32"))
    return model


KINDS = [branch, nested, sequential, subclassed]


@pytest.mark.parametrize("build", KINDS)
def test_what_the_classifier_is_given_is_read_wherever_it_sits(rng, build):
    model = build(3, 20)
    inputs = rng.normal(size=(5, 20, 3)).astype("float32")
    classifier = find_classifier(model)
    with features_read(classifier) as read:
        prediction = ops.convert_to_numpy(model(inputs))
    kernel, bias = classifier.get_weights()
    assert len(read) == 1
    np.testing.assert_allclose(
        ops.convert_to_numpy(read[0]) @ kernel + bias, prediction, atol=1e-5
    )


def test_the_classifier_is_the_last_of_several_dense_layers():
    last = branch(3)
    model = keras.Sequential([keras.Input((20, 3)), layers.Dense(3), last])
    assert find_classifier(model) is last.layers[-1]


@pytest.mark.parametrize("build", KINDS)
def test_every_kind_of_model_trains_live_and_cached(rng, build):
    pair, labels = windows(rng)
    source, target = build(5, 12), build(3, 20)
    model = keras_dcat.DCATModel(source, target)
    known = model.cache_source(pair, verbose=0)
    live = model.evaluate(pair, labels, verbose=0, return_dict=True)
    cached = model.evaluate(known, labels, verbose=0, return_dict=True)
    assert cached == pytest.approx(live, rel=1e-4)
    before = [np.copy(w) for w in target.get_weights()]
    model.fit(known, labels, verbose=0)
    assert any(
        np.any(a != b) for a, b in zip(before, target.get_weights(), strict=True)
    )


def test_the_layer_is_afterwards_as_before(rng):
    model = branch(3)
    classifier = model.layers[-1]
    before = dict(vars(classifier))
    with pytest.raises(ZeroDivisionError), features_read(classifier):
        raise ZeroDivisionError
    assert vars(classifier) == before
    with features_read(None) as read:
        model(rng.normal(size=(2, 20, 3)))
    assert read == []


def test_readers_inside_each_other_both_read(rng):
    model, inputs = branch(3), rng.normal(size=(2, 20, 3)).astype("float32")
    with features_read(model.layers[-1]) as outer:
        with features_read(model.layers[-1]) as inner:
            model(inputs)
        model(inputs)
    assert (len(outer), len(inner)) == (2, 1)
    assert "call" not in vars(model.layers[-1])


def test_the_layer_goes_on_with_the_first_of_two(rng):
    model, inputs = branch(3), rng.normal(size=(2, 20, 3)).astype("float32")
    with features_read(model.layers[-1], lambda x: ((0 * x,), (x,))) as read:
        prediction = ops.convert_to_numpy(model(inputs))
    bias = model.layers[-1].get_weights()[1]
    np.testing.assert_allclose(prediction, np.tile(bias, (2, 1)), atol=1e-6)
    assert np.any(ops.convert_to_numpy(read[0]) != 0)


def test_threads_read_what_is_theirs(rng):
    model = branch(3)
    inputs = [np.full((1, 20, 3), n, "float32") for n in range(4)]
    expected = []
    for own in inputs:
        with features_read(model.layers[-1]) as read:
            model(own)
        expected.append(ops.convert_to_numpy(read[0]))
    found = {}

    def listen(number):
        for _ in range(20):
            with features_read(model.layers[-1]) as read:
                model(inputs[number])
            assert len(read) == 1
            found[number] = ops.convert_to_numpy(read[0])

    threads = [threading.Thread(target=listen, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, own in enumerate(expected):
        np.testing.assert_allclose(found[number], own, atol=1e-5)
    assert "call" not in vars(model.layers[-1])


def without_dense(features, steps):
    inputs = keras.Input((steps, features))
    x = keras_dcat.AttentionKV(4)(inputs)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


def dense_on_steps(features, steps):
    inputs = keras.Input((steps, features))
    x = layers.Dense(4)(keras_dcat.AttentionKV(4)(inputs))
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (without_dense, "without one.*End it in one"),
        (dense_on_steps, r"\(.*20, 4\)\] in a pass of.*name other losses"),
    ],
)
def test_a_model_without_features_is_refused_with_the_way_out(build, message):
    with pytest.raises(ValueError, match=message):
        keras_dcat.DCATModel(build(5, 12), build(3, 20)).fit(
            *windows(np.random.default_rng(0)), verbose=0
        )
    loss = keras_dcat.MaskedCrossAttentionLoss()
    keras_dcat.DCATModel(build(5, 12), build(3, 20), loss=loss)


def test_the_map_is_saved_and_is_no_part_of_the_target(rng, tmp_path):
    pair, labels = windows(rng)
    source, target = branch(5, 12), branch(3)
    model = keras_dcat.DCATModel(source, target, loss=[FeatureInfoNCE()])
    assert len(model.trainable_variables) == len(target.trainable_variables) + 2
    model.fit(pair, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    expected = model.evaluate(pair, labels, verbose=0, return_dict=True)
    found = again.evaluate(pair, labels, verbose=0, return_dict=True)
    assert found == pytest.approx(expected, rel=1e-5)
