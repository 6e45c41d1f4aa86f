import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_dcat
from keras_dcat.diagnosis.observations import ObservedPair, time_averages
from tests.models import CLASSES, branch, pair_of_branches, windows


@pytest.mark.parametrize("softmax", [True, False], ids=["probabilities", "logits"])
def test_predictions_are_read_as_log_probabilities(rng, softmax):
    pair, labels = windows(rng)
    models = branch(5, steps=12, softmax=softmax), branch(3, softmax=not softmax)
    seen = ObservedPair(*models).observe((pair, labels), "training", batch_size=10)
    np.testing.assert_array_equal(seen.labels, labels)
    for told, model, x, p in zip(
        (seen.source, seen.target), models, pair, (softmax, not softmax), strict=True
    ):
        expected = ops.convert_to_numpy(model(x, training=False))
        if not p:
            expected = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(np.exp(told), expected, rtol=1e-3, atol=1e-6)


def test_statistics_are_averages_over_time_of_what_the_attention_projects(rng):
    pair, labels = windows(rng)
    models = branch(5, steps=12, num_heads=2), branch(3, value_dim=4)
    seen = ObservedPair(*models).observe(
        (pair, labels), "held_out", batch_size=10, with_features=True
    )
    found = []
    for model, x in zip(models, pair, strict=True):
        with keras_dcat.attention.find_attention(model).capture() as captured:
            model(x, training=False)
        key, value = (ops.convert_to_numpy(captured[0][i]) for i in (1, 2))
        product = np.einsum("bthk,bthv->bhkv", key, value) / x.shape[1]
        found.append([y.reshape(32, -1) for y in (product, key.mean(1), value.mean(1))])
    np.testing.assert_allclose(seen.statistics, found[0][0], rtol=1e-3, atol=1e-5)
    expected = np.concatenate(found[1], axis=1)
    np.testing.assert_allclose(seen.features, expected, rtol=1e-3, atol=1e-5)


def test_padding_does_not_count_in_averages(rng):
    key, value = rng.normal(size=(2, 3, 6, 1, 4)).astype("float32")
    mask = np.arange(6) < np.array([[6], [2], [0]])
    key, value = (np.where(mask[..., None, None], x, 0) for x in (key, value))
    averages = time_averages(*map(ops.convert_to_tensor, (key, value, mask)))
    short = time_averages(*(ops.convert_to_tensor(x[1:2, :2]) for x in (key, value)))
    for whole, part in zip(averages, short, strict=True):
        np.testing.assert_allclose(whole[1], part[0], rtol=1e-5)
        np.testing.assert_array_equal(whole[2], 0)


def test_labels_in_any_form_are_the_same(rng):
    pair, labels = windows(rng)
    observed = ObservedPair(*pair_of_branches())
    one_hot = np.eye(CLASSES)[labels]
    one_hot[3] = 0
    labels[3] = -1
    for form in (labels, labels[:, None], one_hot):
        seen = observed.observe((pair, form), "training")
        np.testing.assert_array_equal(seen.labels, np.delete(labels, 3))
        assert np.flatnonzero(~seen.known).tolist() == [3]
        assert len(seen.source) == 31


def test_options_say_what_joins_the_two(rng):
    assert ObservedPair(*pair_of_branches()).options == {}
    models = branch(5, steps=12, name="ours"), branch(3, key_dim=4)
    assert ObservedPair(*models, source_attention="ours").options == {
        "source_attention": "ours",
        "adapt_sizes": True,
    }


def infinite():
    tf = pytest.importorskip("tensorflow")
    (pair, labels) = windows(np.random.default_rng(0))
    return tf.data.Dataset.from_tensor_slices((pair, labels)).batch(8).repeat()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (infinite, r"`training` must end.*Leave `repeat` out"),
        (lambda: 3, r"`training` must be arrays.*a int.*Zip the two"),
        (lambda: [], r"at least one batch"),
        (lambda: itertools.repeat((3,), 1), r"A batch must"),
    ],
)
def test_data_that_cannot_be_read_to_the_end_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        ObservedPair(*pair_of_branches()).observe(data(), "training")


def test_windows_that_do_not_fit_are_refused_as_in_training(rng):
    pair, labels = windows(rng)
    observed = ObservedPair(*pair_of_branches())
    with pytest.raises(ValueError, match="Check the order"):
        observed.observe((pair[::-1], labels), "training")
    with pytest.raises(ValueError, match="same number of windows"):
        observed.observe((pair, labels[:-1]), "training")
    with pytest.raises(ValueError, match="32 windows without a label.*are known"):
        observed.observe((pair, np.full(32, -1)), "training")
    pair[1][5] = np.nan
    with pytest.raises(ValueError, match="The input of the target must be finite"):
        observed.observe((pair, labels), "training")


def test_models_that_cannot_be_joined_are_refused():
    source, target = pair_of_branches()
    with pytest.raises(ValueError, match="2 sources. Call `diagnose` for each"):
        ObservedPair([source, source], target)
    with pytest.raises(ValueError, match="must not share weights"):
        ObservedPair(source, source)
    inputs = keras.Input((12, 5))
    x = layers.GlobalAveragePooling1D()(keras_dcat.AttentionKV(6)(inputs))
    with pytest.raises(ValueError, match="must predict the same to be diagnosed"):
        ObservedPair(keras.Model(inputs, layers.Dense(7)(x)), target)
