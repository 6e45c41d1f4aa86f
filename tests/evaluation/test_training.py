"""The budget of a study."""

import keras
import numpy as np
import pytest

from keras_dcat.evaluation import Training

tf = pytest.importorskip("tensorflow")


@pytest.mark.parametrize(
    ("batches", "steps"), [(1, 19), (4, 19), (18, 19), (19, 19), (500, 500)]
)
def test_epochs_go_through_the_windows_again_where_they_are_short(batches, steps):
    assert Training().steps_per_epoch(batches) == steps


def test_a_model_takes_at_least_so_many_steps():
    inputs, labels = np.ones((6, 2), "float32"), np.eye(2, dtype="float32")[[0, 1] * 3]
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(2)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    training = Training(epochs=2, min_steps=7, batch_size=2, run_eagerly=True)
    losses = training.fit(model, dataset)
    assert len(losses) == 2  # of four steps each
    assert int(model.optimizer.iterations) == 8
    # The learning rate falls to 0 with the last of them.
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9)
