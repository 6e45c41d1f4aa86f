"""The transfer losses of a batch: who may teach, what it costs, what is shown of it."""

import keras
from keras import ops

from keras_dcat.transfer.gates import source_correct


def transfer_terms(outputs, labels, sample_weight, gate, losses, gives_logits):
    """The weighted sum of transfer losses, and what a training shows of a batch.

    Args:
        outputs: `PairOutputs`.
        labels: int32 tensor `(batch,)`, −1 where there is none.
        sample_weight: `(batch,)` or `(batch, 1)`, or `None`.
        gate: function as in `gates`.
        losses: dict from a name to `(loss, weight)`.
        gives_logits: `(bool, bool)`. Whether source and target predict logits.

    Returns:
        `(loss, shown)`: a float32 scalar, and a dict from a name to `(value, count)`,
        a mean and of how many windows it is one.
    """
    readings = outputs.readings(gives_logits)
    source_probabilities = ops.exp(readings["log_probabilities"][0])
    may_teach = ops.multiply(
        ops.cast(gate(labels, source_probabilities), "float32"),
        ops.cast(outputs.may_teach, "float32"),
    )
    counts = may_teach
    if sample_weight is not None:
        # Not in place: torch would change `may_teach` with it.
        weights = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        counts = ops.multiply(counts, weights)
    correct = ops.cast(source_correct(labels, source_probabilities), "float32")
    batch = ops.cast(ops.shape(labels)[0], "float32")
    labelled = ops.sum(ops.cast(labels >= 0, "float32"))
    accuracy = ops.sum(correct) / ops.maximum(labelled, 1)
    shown = {
        "unmasked_share": (ops.mean(may_teach), batch),
        "source_accuracy": (accuracy, labelled),
    }
    total = 0.0
    for name, (loss, weight) in losses.items():
        value = loss(*readings[loss.reads], counts)
        shown[name] = (over_replicas(value), batch)
        total += weight * value
    return total, shown


def over_replicas(loss):
    """Undoes Keras's division by the number of replicas, to show the value."""
    if keras.backend.backend() != "tensorflow":
        return loss
    import tensorflow as tf

    return loss * float(tf.distribute.get_strategy().num_replicas_in_sync)
