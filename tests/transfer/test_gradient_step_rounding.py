"""How a step that is run eagerly differs from one that is compiled."""

import keras
import numpy as np
import pytest

import keras_dcat
from tests.models import CLASSES, windows

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.filterwarnings("ignore:The source should be trained"),
]


def small_branch(features):
    inputs = keras.Input((6, features))
    x = keras_dcat.AttentionKV(4)(inputs)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(CLASSES)(x))


@pytest.mark.traced
def test_eager_and_compiled_steps_differ_by_rounding_alone(rng):
    (source, target), labels = windows(rng, 16, (6, 5), (6, 3))

    def trained(eager):
        keras.utils.set_random_seed(0)
        model = keras_dcat.DCATModel(
            small_branch(5), small_branch(3), transfer_weight=0.0, recipe="paper"
        )
        model.compile("adam", run_eagerly=eager, jit_compile=False)
        model.optimizer.learning_rate = 0.01
        model.fit((source, target), labels, batch_size=4, epochs=2, verbose=0)
        return model

    eager, compiled = trained(True), trained(False)
    for one, other in zip(
        eager.target.variables, compiled.target.variables, strict=True
    ):
        # What is added to all keys adds the same to all scores of a query, and softmax
        # takes it away: the gradient is rounding, of which Adam makes steps.
        if not one.path.endswith("key/bias"):
            np.testing.assert_allclose(one.numpy(), other.numpy(), atol=2e-6)
    predictions = (m.predict(target, verbose=0) for m in (eager, compiled))
    np.testing.assert_allclose(*predictions, atol=1e-5)


def test_the_bias_of_keys_has_no_gradient_but_rounding(rng):
    import tensorflow as tf

    _, target = windows(rng, 16, (6, 5), (6, 3))[0]
    labels = np.arange(16) % CLASSES
    branch = small_branch(3)
    with tf.GradientTape() as tape:
        loss = keras.losses.sparse_categorical_crossentropy(
            labels, branch(target), from_logits=True
        )
    gradients = tape.gradient(loss, branch.trainable_variables)
    sizes = {
        v.path.split("/", 1)[-1]: float(np.abs(g).max())
        for v, g in zip(branch.trainable_variables, gradients, strict=True)
    }
    assert sizes.pop("key/bias") < 1e-5
    assert min(sizes.values()) > 1e-3
