import keras
import numpy as np
import pytest
from keras import layers

import keras_dcat
from tests.models import CLASSES, pair_of_branches, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


def padded_branch(features, steps):
    """A branch that averages over what is no padding."""
    inputs = keras.Input((steps, features))
    x = layers.Masking()(inputs)
    x = keras_dcat.AttentionKV(4)(x)
    return keras.Model(
        inputs, layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(x))
    )


def of_model(model):
    """What training changes: the target, the optimizer, λ."""
    variables = [*model.target.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(v.value).copy() for v in variables]


class Saved(keras.callbacks.Callback):
    """What a checkpoint would have seen."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(snapshot(self.model.target))


@pytest.mark.parametrize("side", [0, 1])
def test_a_window_that_is_all_padding_costs_an_error_and_no_weights(rng, side):
    pair, labels = windows(rng)
    source, target = padded_branch(5, 12), padded_branch(3, 20)
    model = keras_dcat.DCATModel(source, target)
    saved = Saved()
    model.fit(pair, labels, verbose=0, callbacks=[saved])
    before = of_model(model)
    pair[side][5] = 0
    pooled = [source, target][side].predict(pair[side], verbose=0)
    if np.isfinite(pooled).all():
        pytest.skip("Keras averages over no step without NaN here")
    with pytest.raises(
        ValueError, match=r"stay numbers.*epoch 1.*that are all padding"
    ):
        model.fit(pair, labels, verbose=0, callbacks=[saved])
    assert len(saved.weights) == 1
    for found, expected in zip(of_model(model), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    pair[side][5] = 1
    history = model.fit(pair, labels, verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_learning_rate_that_is_far_too_high_leaves_the_epoch_before(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(1e30))
    saved = Saved()
    with pytest.raises(ValueError, match=r"loss and the weights.*lower the learning"):
        model.fit(pair, labels, epochs=5, verbose=0, callbacks=[saved])
    assert all(np.isfinite(x).all() for x in snapshot(model.target))


def test_who_ends_it_otherwise_is_left_to_do_so(rng):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    model.compile(keras.optimizers.SGD(1e30))
    own = keras.callbacks.TerminateOnNaN()
    history = model.fit(pair, labels, epochs=5, verbose=0, callbacks=[own]).history
    assert not np.isfinite(history["loss"]).all()


def test_sources_are_not_copied(rng):
    pair, labels = windows(rng)
    source, target = pair_of_branches()
    model = keras_dcat.DCATModel(source, target)
    kept = []

    class Looked(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            kept.extend(v for v, _ in model.seen._kept)

    from keras_dcat.transfer.callbacks.first_epoch import watched

    callbacks = watched([Looked()])
    object.__setattr__(model, "seen", callbacks[0])
    callbacks = keras.callbacks.CallbackList(callbacks, True, model=model, epochs=1)
    model.fit(pair, labels, verbose=0, callbacks=callbacks)
    own = {id(v) for v in source.variables}
    assert kept
    assert not own & {id(v) for v in kept}
