import numpy as np

import keras_dcat
from keras_dcat.transfer.training import PairLoops
from tests.models import CLASSES, pair_of_branches, windows


def test_the_loops_of_a_model_are_those_of_pairs():
    assert issubclass(keras_dcat.DCATModel, PairLoops)


def test_predictions_are_of_the_target_alone_whatever_stands_for_the_source(rng):
    pair, _ = windows(rng)
    model = keras_dcat.DCATModel(*pair_of_branches())
    alone = model.predict(pair[1], verbose=0)
    assert alone.shape == (32, CLASSES)
    known = model.cache_source(pair, verbose=0)
    for inputs in (pair, known):
        np.testing.assert_array_equal(model.predict(inputs, verbose=0), alone)
