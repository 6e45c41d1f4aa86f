"""The transfer losses of a batch: who may teach, what it costs, what is shown of it."""

import keras
from keras import ops

from keras_dcat.transfer.gating.gates import source_correct


def transfer_terms(
    outputs,
    labels,
    sample_weight,
    gate,
    combination,
    losses,
    gives_logits,
    joint_belief=None,
):
    """The weighted sum of transfer losses, and what a training shows of a batch.

    Args:
        outputs: `PairOutputs`.
        labels: int32 tensor `(batch,)`, −1 where there is none.
        sample_weight: `(batch,)` or `(batch, 1)`, or `None`.
        gate: function as in `gates`.
        combination: `Combination`.
        losses: dict from a name to `(loss, weight)`.
        gives_logits: bool. Whether the target predicts logits.
        joint_belief: function as `DistributionAlignment`, but for `training`, where a loss reads
            what both sides believe together.

    Returns:
        `(loss, shown)`: a float32 scalar, and a dict from a name to `(value, count)`,
        a mean and of how many windows it is one.
    """
    own = [source.log_probabilities for source in outputs.sources]
    if len(outputs.sources) > 1:
        outputs = outputs._replace(sources=_as_believed(outputs.sources, combination))
    readings = outputs.readings(gives_logits)
    probabilities = [ops.exp(s.log_probabilities) for s in outputs.sources]
    shares = [
        # Not in place: torch would change `transfer_mask` with it.
        ops.multiply(
            ops.cast(gate(labels, believed), "float32"),
            ops.cast(source.transfer_mask, "float32"),
        )
        for believed, source in zip(probabilities, outputs.sources, strict=True)
    ]
    if len(shares) > 1:
        shares = combination.shares(ops.stack(shares), labels, ops.stack(probabilities))
        shares = [shares[at] for at in range(len(probabilities))]
    counts = shares
    if sample_weight is not None:
        weights = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        counts = [ops.multiply(share, weights) for share in shares]
    if joint_belief is not None:
        readings = _with_joint(readings, joint_belief, labels, counts)
    unlabelled = ops.cast(labels < 0, "float32")
    batch = ops.cast(ops.shape(labels)[0], "float32")
    # Where a source is not there, it is neither right nor wrong.
    judged = [
        ops.cast((labels >= 0) & (source.transfer_mask > 0), "float32")
        for source in outputs.sources
    ]
    accuracy, count = _accuracy(labels, probabilities, judged)
    shown = {
        "labelled_share": (ops.mean(ops.cast(labels >= 0, "float32")), batch),
        "unmasked_share": (ops.mean(sum(shares)), batch),
        "source_accuracy": (accuracy, count / len(shares)),
    }
    if len(shares) > 1:
        for at, (believed, here) in enumerate(zip(own, judged, strict=True)):
            shown[f"source_accuracy_{at}"] = _accuracy(labels, [believed], [here])
    total = 0.0
    for name, (loss, weight) in losses.items():
        value = 0.0
        for reading, count in zip(readings, counts, strict=True):
            pairs = reading[loss.reads]
            if loss.only_unlabelled:
                count = count * unlabelled
            value += sum(loss(*pair, count) for pair in pairs) / len(pairs)
        shown[name] = (over_replicas(value), batch)
        total += weight * value
    return total, shown


def _accuracy(labels, beliefs, judged):
    """How often sources are right where they are judged, and in how many cases."""
    right = sum(
        ops.sum(ops.cast(source_correct(labels, believed), "float32") * here)
        for believed, here in zip(beliefs, judged, strict=True)
    )
    count = sum(map(ops.sum, judged))
    return right / ops.maximum(count, 1), count


def _as_believed(sources, combination):
    """Several sources with what they are taken to believe."""
    log_probabilities = ops.stack([source.log_probabilities for source in sources])
    transfer_mask = ops.stack([source.transfer_mask for source in sources])
    believed = combination.belief(log_probabilities, transfer_mask)
    return tuple(
        source._replace(log_probabilities=believed[at])
        for at, source in enumerate(sources)
    )


def _with_joint(readings, joint_belief, labels, shares):
    """The readings of each source, and what it and the target believe together."""
    pairs = [pair for reading in readings for pair in reading["log_probabilities"]]
    sources, (target, *_) = zip(*pairs, strict=True)
    joint = joint_belief(ops.stack(sources), target, labels, ops.stack(shares))
    return [
        {**reading, "fused_log_probabilities": [(joint[at], target)]}
        for at, reading in enumerate(readings)
    ]


class MeanOfSome(keras.metrics.Mean):
    """A mean that is NaN, and not 0, of nothing."""

    def result(self):
        return ops.where(self.count > 0, super().result(), float("nan"))


def transfer_metrics(losses, num_sources):
    """The means over an epoch of all that a training shows of a batch.

    Args:
        losses: dict whose keys are the names of the transfer losses.
        num_sources: int.

    Returns:
        dict from a name to a `keras.metrics.Mean`.
    """
    names = ["classification_loss", *losses]
    names += ["labelled_share", "unmasked_share"]
    accuracies = ["source_accuracy"]
    if num_sources > 1:
        accuracies += [f"source_accuracy_{at}" for at in range(num_sources)]
    return {
        **{name: keras.metrics.Mean(name=name) for name in names},
        **{name: MeanOfSome(name=name) for name in accuracies},
    }


def over_replicas(loss):
    """Undoes Keras's division by the number of replicas, to show the value."""
    if keras.backend.backend() != "tensorflow":
        return loss
    import tensorflow as tf

    return loss * float(tf.distribute.get_strategy().num_replicas_in_sync)
