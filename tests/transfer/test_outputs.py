import numpy as np
from keras import ops

from keras_dcat.transfer import PairOutputs, SourceOutputs


def test_a_loss_reads_projections_or_log_probabilities_of_source_and_target():
    logits, probabilities = np.array([[2.0, 0.0]]), np.array([[0.25, 0.75]])
    compared = (("source 1", "target 1"), ("source 2", "target 2"))
    believed = ops.log(probabilities)
    source = SourceOutputs(believed, compared, np.ones(1), ("source's", "target's"))
    outputs = PairOutputs(logits, (source, source))
    readings = outputs.readings(gives_logits=True)
    assert len(readings) == 2
    assert readings[1]["projections"] == list(compared)
    assert readings[1]["features"] == [("source's", "target's")]
    ((source, target),) = readings[1]["log_probabilities"]
    assert source is believed
    target = ops.convert_to_numpy(target)
    np.testing.assert_allclose(target, logits - np.log(np.exp(2) + 1), rtol=1e-6)


def test_outputs_are_parted_at_the_prediction_if_there_is_a_junction():
    outputs = PairOutputs(np.ones((2, 3)), ("a source",))
    assert outputs.parted(None) == (outputs, outputs)
    classified, compared = outputs.parted(lambda x: ((x + 1,), (x + 2,)))
    assert classified.sources == compared.sources == ("a source",)
    assert (classified.prediction == 2).all()
    assert (compared.prediction == 3).all()
