import keras
import numpy as np
import pytest
from keras import ops

import keras_dcat
from keras_dcat.transfer import FusedPseudoLabels
from tests.gradients import value_and_gradients
from tests.models import pair_of_branches, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def log_softmax(logits):
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_it_is_the_cross_entropy_for_the_class_that_is_sure_enough(rng):
    joint, target = (3 * rng.normal(size=(40, 4)).astype("float32") for _ in "ab")
    sure = np.exp(log_softmax(joint)).max(axis=-1) >= 0.8
    assert 5 < sure.sum() < 35
    label = joint.argmax(axis=-1)
    expected = np.where(sure, -log_softmax(target)[np.arange(40), label], 0)
    found = FusedPseudoLabels(0.8, reduction=None)(joint, target)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)
    share = np.arange(40) % 2
    weighed = float(FusedPseudoLabels(0.8)(joint, target, sample_weight=share))
    assert weighed == pytest.approx((expected * share).sum() / 40, rel=1e-4)


def test_a_class_as_probable_as_the_threshold_is_sure():
    even = np.zeros((1, 2), "float32")
    assert float(FusedPseudoLabels(0.5)(even, even)) == pytest.approx(np.log(2))
    assert float(FusedPseudoLabels(0.51)(even, even)) == 0


def test_the_gradient_is_that_of_a_label_and_zero_where_nobody_is_sure():
    joint = np.array([[9.0, 0, 0], [0.1, 0, 0]], "float32")
    target = np.array([[2.0, 1, 0], [2.0, 1, 0]], "float32")
    loss = FusedPseudoLabels(reduction="sum")
    _, (found,) = value_and_gradients(lambda x: loss(joint, x), [target])
    expected = np.exp(log_softmax(target[0])) - np.eye(3)[0]
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_array_equal(found[1], np.zeros(3))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(ValueError, match=r"`threshold` must be.*Start with 0.9"):
        FusedPseudoLabels(threshold)


def test_windows_with_a_label_are_not_taught_by_it(rng):
    pair, labels = windows(rng)
    known = np.arange(len(labels)) % 4 == 0
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=FusedPseudoLabels(0.0))
    options = {"batch_size": len(labels), "verbose": 0, "return_dict": True}
    source, target = (
        log_softmax(one.predict(x, verbose=0))
        for one, x in zip((model.sources[0], model.target), pair, strict=True)
    )
    label = (source + target).argmax(axis=-1)
    each = -target[np.arange(len(labels)), label]
    for y, taught in ((labels, 0 * known), (np.where(known, labels, -1), ~known)):
        found = model.evaluate(pair, y, **options)["fused_loss"]
        expected = (each * taught).sum() / len(labels)
        assert found == pytest.approx(expected, rel=1e-4)


def test_what_may_not_teach_does_not(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(
        *pair_of_branches(), gate="correct", loss=FusedPseudoLabels(0.0)
    )
    nothing = np.full_like(labels, -1)
    found = model.evaluate(pair, nothing, verbose=0, return_dict=True)
    assert found["fused_loss"] == 0  # the paper's mask needs a label


def test_without_any_label_it_is_said_that_another_loss_must_tell_classes(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches(), loss=FusedPseudoLabels())
    with pytest.raises(ValueError, match="must be told of classes"):
        model.fit(pair, np.full_like(labels, -1), verbose=0)


def test_where_every_window_has_its_label_training_is_as_if_it_were_not_there(rng):
    pair, labels = windows(rng)
    weights = []
    for weight in (10.0, 0.0):
        keras.utils.set_random_seed(0)
        model = keras_dcat.DCATModel(
            *pair_of_branches(), loss_weights=[10.0, 5.0, weight, 1.0]
        )
        model.fit(pair, labels, epochs=2, shuffle=False, verbose=0)
        weights.append(model.target.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_class_that_the_target_rules_out_leaves_the_loss_finite():
    together = np.array([[9.0, 0.0, 0.0]], "float32")
    target = np.array([[1.0, 0.0, -np.inf]], "float32")
    loss = FusedPseudoLabels()(together, target)
    assert float(loss) == pytest.approx(np.log1p(np.exp(-1)), rel=1e-5)
