import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer.models.adapter import FeatureAdapter, ProjectionAdapter
from tests.models import branch, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def attention(**sizes):
    layer = keras_dcat.AttentionKV(**sizes)
    layer.build((None, 9, 5))
    return layer


def test_all_heads_are_mapped_to_the_sizes_of_the_source(rng):
    source = attention(key_dim=4, value_dim=3, num_heads=2)
    target = attention(key_dim=6, value_dim=5, num_heads=1)
    adapter = ProjectionAdapter(source, target)
    key, value = (rng.normal(size=(2, 9, 1, d)).astype("float32") for d in (6, 5))
    mask = np.ones((2, 9), bool)
    adapted_key, adapted_value, same = adapter((key, value, mask))
    np.testing.assert_array_equal(ops.convert_to_numpy(same), mask)
    assert tuple(adapted_value.shape) == (2, 9, 2, 3)
    kernel = ops.convert_to_numpy(adapter.key.kernel)
    expected = np.einsum("bthd,hdge->btge", key, kernel)
    np.testing.assert_allclose(ops.convert_to_numpy(adapted_key), expected, atol=1e-5)


def test_a_pair_of_different_sizes_trains_and_leaves_the_target_as_it_was_built(
    rng, tmp_path
):
    pair, labels = windows(rng)
    source, target = branch(5, steps=12, key_dim=8), branch(3, key_dim=4)
    parameters = target.count_params()
    model = keras_dcat.DCATModel(source, target, gate="all", adapt_sizes=True)
    before = [ops.convert_to_numpy(v) for v in model.trainable_variables]
    model.fit(pair, labels, epochs=2, verbose=0)
    after = [ops.convert_to_numpy(v) for v in model.trainable_variables]
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))
    # Two for features, and one each for keys and values.
    assert len(after) == len(target.trainable_variables) + 4
    assert model.target.count_params() == parameters
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    results = (m.evaluate(pair, labels, verbose=0) for m in (model, loaded))
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_features_are_mapped_to_as_many_as_the_source_has(rng):
    adapter = FeatureAdapter(source=7, target=5)
    features = rng.normal(size=(2, 5)).astype("float32")
    kernel, bias = adapter.get_weights()
    expected = features @ kernel + bias
    assert expected.shape == (2, 7)
    np.testing.assert_allclose(
        ops.convert_to_numpy(adapter(features)), expected, atol=1e-5
    )
