import numpy as np
from keras import ops

from keras_dcat.transfer import PairOutputs, SourceOutputs


def test_a_loss_reads_projections_or_log_probabilities_of_source_and_target():
    logits, probabilities = np.array([[2.0, 0.0]]), np.array([[0.25, 0.75]])
    compared = (("source 1", "target 1"), ("source 2", "target 2"))
    source = SourceOutputs(probabilities, compared, np.ones(1))
    outputs = PairOutputs(logits, (source, source))
    readings = outputs.readings(gives_logits=(False, False, True))
    assert len(readings) == 2
    assert readings[1]["projections"] == list(compared)
    ((source, target),) = readings[1]["log_probabilities"]
    source, target = map(ops.convert_to_numpy, (source, target))
    np.testing.assert_allclose(np.exp(source), probabilities, rtol=1e-6)
    np.testing.assert_allclose(target, logits - np.log(np.exp(2) + 1), rtol=1e-6)
