import numpy as np
from keras import ops

from keras_dcat.transfer import PairOutputs, SourceOutputs


def test_a_loss_reads_projections_or_log_probabilities_of_source_and_target():
    logits, probabilities = np.array([[2.0, 0.0]]), np.array([[0.25, 0.75]])
    compared = (("source 1", "target 1"), ("source 2", "target 2"))
    believed = ops.log(probabilities)
    source = SourceOutputs(believed, compared, np.ones(1))
    outputs = PairOutputs(logits, (source, source))
    readings = outputs.readings(gives_logits=True)
    assert len(readings) == 2
    assert readings[1]["projections"] == list(compared)
    ((source, target),) = readings[1]["log_probabilities"]
    assert source is believed
    target = ops.convert_to_numpy(target)
    np.testing.assert_allclose(target, logits - np.log(np.exp(2) + 1), rtol=1e-6)
