import numpy as np

from keras_dcat.attention import find_attention
from keras_dcat.transfer import start_from_source
from tests.models import branch, snapshot


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
