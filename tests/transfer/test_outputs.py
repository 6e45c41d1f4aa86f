import numpy as np
from keras import ops

from keras_dcat.transfer import PairOutputs


def test_a_loss_reads_projections_or_log_probabilities_of_source_and_target():
    logits, probabilities = np.array([[2.0, 0.0]]), np.array([[0.25, 0.75]])
    outputs = PairOutputs(logits, "target", probabilities, "source", np.ones(1))
    readings = outputs.readings(gives_logits=(False, True))
    assert readings["projections"] == ("source", "target")
    source, target = map(ops.convert_to_numpy, readings["log_probabilities"])
    np.testing.assert_allclose(np.exp(source), probabilities, rtol=1e-6)
    np.testing.assert_allclose(target, logits - np.log(np.exp(2) + 1), rtol=1e-6)
