import numpy as np

from keras_dcat.transfer import PairOutputs, SourceOutputs
from keras_dcat.transfer.outputs import prediction_of


def test_a_prediction_is_read_out_of_a_pair_and_is_itself_alone():
    prediction = np.ones((2, 3))
    assert prediction_of(PairOutputs(prediction, ())) is prediction
    assert prediction_of(prediction) is prediction


def test_outputs_say_what_they_hold():
    pair = (np.zeros((2, 5), "float32"), np.zeros((2, 5), "float32"))
    beliefs = np.zeros((2, 3), "float32")
    source = SourceOutputs(beliefs, ((1, 2),), np.ones(2), pair)
    assert str(source) == (
        "<SourceOutputs log-probabilities (2, 3) float32, 1 pair of attention layers, "
        "features (2, 5) float32 and (2, 5) float32>"
    )
    outputs = PairOutputs(beliefs, (source, source))
    assert str(outputs) == "<PairOutputs prediction (2, 3) float32, 2 sources>"


def test_a_source_that_only_encodes_says_nothing_of_classes():
    source = SourceOutputs((), (), np.ones(2), (np.zeros((2, 5), "float32"),) * 2)
    assert source.values == ()
    assert "log-probabilities ()" in str(source)
    assert "features (2, 5)" in str(source)
