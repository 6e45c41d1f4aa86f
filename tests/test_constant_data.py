import numpy as np
import tensorflow as tf

from keras_dcat.constant_data import Constants, constants_of, with_constants


def test_what_is_made_of_a_dataset_is_another_one_that_says_nothing():
    dataset = with_constants(tf.data.Dataset.range(4), Constants(np.arange(4)))
    assert constants_of(dataset).labels.tolist() == [0, 1, 2, 3]
    assert constants_of(dataset).transfer_mask is None
    others = (
        dataset.map(lambda x: x + 1),
        dataset.prefetch(1),
        dataset.repeat(2),
        dataset.with_options(tf.data.Options()),
        tf.data.Dataset.zip((dataset, dataset)),
    )
    assert [constants_of(each) for each in others] == [None] * 5
