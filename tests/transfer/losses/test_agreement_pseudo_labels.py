import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer import AgreementPseudoLabels, LogitsDistillation
from tests.gradients import value_and_gradients
from tests.models import pair_of_branches, windows


def beliefs(rng, count=6, classes=4):
    return tuple(rng.normal(size=(count, classes)).astype("float32") for _ in "ab")


def cross_entropy(logits, labels):
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities = exponents / exponents.sum(axis=-1, keepdims=True)
    return -np.log(probabilities[np.arange(len(labels)), labels])


def test_it_is_the_cross_entropy_for_the_class_that_both_believe_in(rng):
    source, target = beliefs(rng, count=40)
    labels = source.argmax(axis=-1)
    agreed = labels == target.argmax(axis=-1)
    assert 5 < agreed.sum() < 35
    expected = np.where(agreed, cross_entropy(target, labels), 0)
    found = AgreementPseudoLabels(reduction=None)(source, target)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)
    share = np.arange(40) % 2
    weighed = float(AgreementPseudoLabels()(source, target, sample_weight=share))
    assert weighed == pytest.approx((expected * share).sum() / 40, rel=1e-5)


def test_logits_and_log_probabilities_are_the_same(rng):
    source, target = beliefs(rng)
    loss = AgreementPseudoLabels()
    logs = [ops.log_softmax(x, axis=-1) for x in (source, target)]
    assert float(loss(*logs)) == pytest.approx(float(loss(source, target)), rel=1e-5)


def test_the_gradient_is_that_of_a_label_and_zero_without_agreement(rng):
    source = np.eye(4, dtype="float32")[[0, 1]]
    target = np.array([[2.0, 1, 0, 0], [2.0, 1, 0, 0]], "float32")
    loss = AgreementPseudoLabels("sum")
    _, (found,) = value_and_gradients(lambda x: loss(source, x), [target])
    exponents = np.exp(target[0])
    expected = exponents / exponents.sum() - source[0]
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_array_equal(found[1], np.zeros(4))


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_it_is_saved_with_its_model(rng, tmp_path):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=AgreementPseudoLabels())
    model.fit(pair, labels, verbose=0)
    expected = model.evaluate(pair, labels, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found = loaded.evaluate(pair, labels, verbose=0, return_dict=True)
    assert found["agreement_loss"] == pytest.approx(expected["agreement_loss"])


@pytest.mark.filterwarnings("ignore:The source should be trained")
def test_without_any_label_agreement_is_chance_and_it_is_said(rng):
    pair, labels = windows(rng)
    nothing = np.full_like(labels, -1)
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=AgreementPseudoLabels())
    with pytest.raises(ValueError, match="must be told of classes"):
        model.fit(pair, nothing, verbose=0)
    told = [AgreementPseudoLabels(), LogitsDistillation()]
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=told)
    model.fit(pair, nothing, verbose=0)
