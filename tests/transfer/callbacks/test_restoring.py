import warnings

import keras
import numpy as np
import pytest

import keras_dcat
from keras_dcat.transfer import (
    NegativeTransferGuard,
    RestoreBaseline,
    ResumeTraining,
)
from tests.models import CLASSES, branch, pair_of_branches, windows


def constant(bias):
    """A target that always says the class of the largest bias."""
    model = branch(3, steps=20)
    model.set_weights([np.zeros(w.shape) for w in model.weights])
    model.layers[-1].bias.assign(bias)
    return model


def fit(rng, fall_back, *others):
    """A model whose target always says class 0, and learns nothing more."""
    pair, _ = windows(rng)
    source, _ = pair_of_branches()
    right = source.predict(pair[0], verbose=0).argmax(axis=-1)
    model = keras_dcat.DCATModel(source, constant([1.0, 0, 0, 0]), transfer_weight=0.5)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(pair, right, shuffle=False, verbose=0, callbacks=[fall_back, *others])
    return model


def held_out(labels):
    return np.zeros((len(labels), 20, 3), "float32"), np.array(labels)


def test_a_target_that_a_transfer_made_worse_gets_the_weights_it_learned_alone(rng):
    alone = constant([0, 1.0, 0, 0])
    before = [w.copy() for w in alone.get_weights()]
    fall_back = RestoreBaseline(alone, held_out([1, 1, 1, 0]))
    with pytest.warns(UserWarning, match=r"macro F1 of 0\.200, and of 0\.429"):
        model = fit(rng, fall_back)
    assert fall_back.reason.endswith(
        "The target has the weights that it learned alone."
    )
    assert fall_back.alone_f1 == pytest.approx(3 / 7)
    assert fall_back.taught_f1 == pytest.approx(0.2)
    assert model.transfer_weight == 0
    for own, other, kept in zip(
        model.target.get_weights(), alone.get_weights(), before, strict=True
    ):
        np.testing.assert_array_equal(own, other)
        np.testing.assert_array_equal(other, kept)


def test_one_that_it_made_better_is_left_as_it_is(rng):
    fall_back = RestoreBaseline(constant([0, 1.0, 0, 0]), held_out([0, 0, 1]))
    model = fit(rng, fall_back)
    assert fall_back.reason is None
    assert fall_back.taught_f1 == pytest.approx(0.4)
    np.testing.assert_array_equal(model.target.layers[-1].bias, [1, 0, 0, 0])


def test_of_two_that_are_as_good_the_target_alone_stays(rng):
    with pytest.warns(UserWarning, match="learned alone"):
        model = fit(rng, RestoreBaseline(constant([0, 1.0, 0, 0]), held_out([0, 1])))
    assert model.target.layers[-1].bias[1] == 1


@pytest.mark.filterwarnings("ignore:A transfer should make its target better")
def test_a_training_that_goes_on_falls_back_again(rng, tmp_path):
    alone, path = constant([0, 1.0, 0, 0]), tmp_path / "training.npz"
    for _ in range(2):  # the second is called when all epochs are done
        fall_back = RestoreBaseline(alone, held_out([1, 1, 0]))
        model = fit(rng, fall_back, ResumeTraining(path))
        assert fall_back.reason is not None
        np.testing.assert_array_equal(model.target.layers[-1].bias, [0, 1, 0, 0])


def test_a_target_cannot_fall_back_on_itself(rng):
    model = keras_dcat.DCATModel(*pair_of_branches())
    fall_back = RestoreBaseline(model.target, held_out([0, 1]))
    pair, labels = windows(rng)
    with pytest.raises(ValueError, match=r"Received: the target itself.*clone_model"):
        model.fit(pair, labels, verbose=0, callbacks=[fall_back])


def test_a_target_of_another_architecture_is_refused_before_training(rng):
    wider = branch(3, steps=20, key_dim=7)
    with pytest.raises(ValueError, match=r"`alone` must have the arch.*clone_model"):
        fit(rng, RestoreBaseline(wider, held_out([0, 1])))


@pytest.mark.parametrize(("count", "labels"), [(3, [0, 1]), (2, [0, -1]), (0, [])])
def test_held_out_windows_without_a_label_each_are_refused(rng, count, labels):
    asked = np.zeros((count, 20, 3), "float32"), np.array(labels, "int32")
    with pytest.raises(ValueError, match=rf"Received: {count} windows, and labels of"):
        fit(rng, RestoreBaseline(constant([1.0, 0, 0, 0]), asked))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(CLASSES)[:2], r"shape \(2, 4\).*argmax"),
        (np.array(["sit", "walk"]), r"\['sit', 'walk'\].*class_names.index"),
        (np.array([0, CLASSES]), r"from 0 to 3.*\[4\]"),
    ],
)
def test_labels_that_say_no_class_are_refused_before_training(rng, labels, message):
    asked = np.zeros((2, 20, 3), "float32"), labels
    with pytest.raises(ValueError, match=message):
        fit(rng, RestoreBaseline(constant([1.0, 0, 0, 0]), asked))


def dense(channels, units, activation, bias):
    inputs = keras.Input((channels,))
    layer = keras.layers.Dense(units, activation, kernel_initializer="zeros")
    model = keras.Model(inputs, layer(inputs))
    layer.bias.assign(bias)
    return model


def restored(rng, activation, alone, taught, labels):
    """A training that changes nothing, and the baseline that it may end in."""
    units = len(alone)
    source = dense(5, units, activation, alone)
    target = dense(3, units, activation, taught)
    options = {"recipe": "info_nce", "transfer_weight": 0.5}
    if activation is None:
        options["task"] = "regression"
    model = keras_dcat.DCATModel(source, target, **options)
    model.compile(keras.optimizers.SGD(0.0))
    pair = rng.normal(size=(8, 5)), rng.normal(size=(8, 3))
    own = np.arange(8 * units, dtype="float32").reshape(8, units) % 2
    asked = np.zeros((len(labels), 3)), np.array(labels, "float32")
    callback = RestoreBaseline(dense(3, units, activation, alone), asked)
    guard = NegativeTransferGuard(only_warn=True)
    model.fit(pair, own, shuffle=False, verbose=0, callbacks=[guard, callback])
    return callback, model


@pytest.mark.filterwarnings("ignore:The source should be trained")
@pytest.mark.filterwarnings("ignore:A transfer should make its target better")
@pytest.mark.parametrize(("taught", "is_restored"), [(-1.0, True), (1.0, False)])
def test_one_sigmoid_is_judged_by_the_f1_of_no_and_of_yes(rng, taught, is_restored):
    """Of three in four that hold, always yes has F1 of 6/7 and 0, always no 2/5."""
    other = 1.0 if is_restored else -1.0
    callback, model = restored(rng, "sigmoid", [other], [taught], [1, 1, 1, 0])
    found = sorted([callback.alone_f1, callback.taught_f1])
    assert found == pytest.approx([1 / 5, 3 / 7])
    assert (callback.reason is not None) == is_restored
    assert (model.transfer_weight == 0) == is_restored


@pytest.mark.filterwarnings("ignore:The source should be trained")
@pytest.mark.filterwarnings("ignore:A transfer should make its target better")
def test_several_labels_are_judged_by_those_that_are_known(rng):
    """Both labels hold in 2 of 3 and 1 of 2: an F1 of 4/5 and 2/3, or of 0."""
    labels = [[1, 1], [1, np.nan], [0, 0], [-1, -1]][:3]
    callback, _ = restored(rng, "sigmoid", [1.0, 1.0], [1.0, -1.0], labels)
    assert callback.alone_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert callback.taught_f1 == pytest.approx((4 / 5 + 0) / 2)
    assert callback.reason is not None
    with pytest.raises(ValueError, match="Received: 1 windows, and labels of"):
        restored(rng, "sigmoid", [1.0, 1.0], [1.0, -1.0], [[-1, np.nan]])
    with pytest.raises(ValueError, match=r"must be \(batch, 2\)"):
        restored(rng, "sigmoid", [1.0, 1.0], [1.0, -1.0], [1, 0])


@pytest.mark.parametrize(("taught", "is_restored"), [(4.0, True), (1.5, False)])
def test_a_regression_is_judged_by_its_mean_absolute_error(rng, taught, is_restored):
    labels = [1.0, 3.0, np.nan][:2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        callback, model = restored(rng, None, [3.5], [taught], labels)
    errors = callback.alone_error, callback.taught_error
    assert errors == pytest.approx((1.5, 2.0 if taught == 4 else 1.0))
    assert callback.alone_f1 is None
    assert (callback.reason is not None) == is_restored
    if is_restored:
        assert "mean absolute error of 2.000, and of 1.500" in callback.reason
