import keras
import pytest
from keras import layers

from keras_dcat.transfer.models.joining import joined
from tests.models import CLASSES, branch


def encoder(channels):
    inputs = keras.Input((12, channels))
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(inputs))


def test_each_model_knows_what_it_ends_in():
    sources = branch(5, softmax=True), encoder(6)
    pair = joined(sources, branch(3), source_output=["predictions", "features"])
    heads = [source.head for source in pair.sources]
    assert not heads[0].from_logits
    assert heads[1] is None
    assert pair.target.head.size == CLASSES
    assert pair.target.head.from_logits
    assert pair.num_believing == 1
    assert pair.target.attentions == ()  # nothing is read yet


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (layers.Dense(3), "`source` must be a keras.Model"),
        (encoder(CLASSES + 1), "must predict the same"),
    ],
)
def test_what_makes_no_transfer_is_refused(source, message):
    with pytest.raises(ValueError, match=message):
        joined((source,), branch(3))
