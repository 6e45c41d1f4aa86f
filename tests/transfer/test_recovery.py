import threading

import keras
import numpy as np
import pytest

import keras_dcat
from tests.models import pair_of_branches, snapshot, windows

pytestmark = pytest.mark.filterwarnings("ignore:The source should be trained")


class Interruption(keras.callbacks.Callback):
    """Ctrl-C before a given batch."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.batch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("batch", [0, 2])
def test_an_interrupted_model_has_the_weights_of_its_last_step(rng, batch):
    pair, labels = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    before = snapshot(model.target)
    with pytest.raises(KeyboardInterrupt):
        model.fit(pair, labels, callbacks=[Interruption(batch)], **options)
    after = snapshot(model.target)
    steps = int(model.optimizer.iterations.numpy())
    assert steps == batch
    unchanged = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert unchanged is (steps == 0)
    model.fit(pair, labels, **options)
    assert int(model.optimizer.iterations.numpy()) == batch + 4


def test_threads_train_targets_of_one_source(rng):
    pair, labels = windows(rng, 16)
    source, _ = pair_of_branches()
    models = [keras_dcat.DCATModel(source, pair_of_branches()[1]) for _ in range(2)]
    before, failed = snapshot(source), []

    def train(model):
        try:
            model.fit(pair, labels, batch_size=8, verbose=0)
            model.evaluate(model.cache_source(pair, verbose=0), labels, verbose=0)
        except Exception as error:  # which a thread would swallow
            failed.append(error)

    threads = [threading.Thread(target=train, args=(model,)) for model in models]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failed
    assert all(np.isfinite(x).all() for m in models for x in m.target.get_weights())
    for one, other in zip(before, snapshot(source), strict=True):
        np.testing.assert_array_equal(one, other)
