import keras
import numpy as np
import pytest
from keras import layers

from keras_dcat import AttentionKV
from keras_dcat.attention import find_attention
from keras_dcat.transfer import start_from_source
from tests.models import CLASSES, branch, snapshot


def parts(model):
    return {
        "query": find_attention(model).query.get_weights(),
        "key": find_attention(model).key.get_weights(),
        "classifier": model.layers[-1].get_weights(),
    }


def equal(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def test_query_and_classifier_are_the_sources_and_the_rest_is_the_targets():
    source, target = branch(5, steps=12), branch(3)
    before = snapshot(source), parts(target)["key"]
    assert start_from_source(source, target) == ["query", "classifier"]
    for name in ("query", "classifier"):
        assert equal(parts(source)[name], parts(target)[name])
    assert equal(snapshot(source), before[0])
    assert equal(parts(target)["key"], before[1])


def test_what_has_other_shapes_stays_as_it_is():
    source, target = branch(5, steps=12, key_dim=6), branch(3, key_dim=4, value_dim=6)
    before = parts(target)["query"]
    assert start_from_source(source, target) == ["classifier"]
    assert equal(parts(target)["query"], before)
    assert equal(parts(target)["classifier"], parts(source)["classifier"])


def with_head(features):
    """A head of two layers alike, in a model of its own, and a softmax behind."""
    units = [layers.Dense(CLASSES, activation="relu"), layers.Dense(CLASSES)]
    head = keras.Sequential(units, name="head")
    inputs = keras.Input((20, features))
    x = AttentionKV(key_dim=4, value_dim=CLASSES)(layers.Dense(8)(inputs))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Softmax()(head(x)))


def test_of_a_nested_head_the_classifier_is_copied_and_not_what_is_before():
    source, target = with_head(5), with_head(3)
    hidden, classifier = target.get_layer("head").layers
    before = hidden.get_weights()
    assert start_from_source(source, target) == ["query", "classifier"]
    assert equal(hidden.get_weights(), before)
    expected = source.get_layer("head").layers[-1].get_weights()
    assert equal(classifier.get_weights(), expected)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")
def test_only_what_is_quantized_alike_is_copied():
    source, target = branch(5, steps=12), branch(3)
    source.quantize("int8")
    before = snapshot(target)
    assert start_from_source(source, target) == []
    assert equal(snapshot(target), before)
    target.quantize("int8")
    assert start_from_source(source, target) == ["query", "classifier"]
    assert equal(parts(target)["classifier"], parts(source)["classifier"])
