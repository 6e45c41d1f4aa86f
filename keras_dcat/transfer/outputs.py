"""What a pass over a pair of windows leaves for the losses to read."""

from typing import Any, NamedTuple

from keras_dcat.transfer.distillation import log_probabilities


class PairOutputs(NamedTuple):
    """What one pass over a pair of windows gives, all that the loss needs.

    Attributes:
        prediction: the target's output `(batch, classes)`.
        target: the target's `(key, value)` or `(key, value, mask)`.
        source_prediction: the source's output `(batch, classes)`.
        source: the source's `(key, value)` or `(key, value, mask)`.
        may_teach: `(batch,)`, what came with the pair; ones if nothing did.
    """

    prediction: Any
    target: Any
    source_prediction: Any
    source: Any
    may_teach: Any

    def readings(self, gives_logits):
        """`(source, target)` by what a transfer loss says that it reads.

        Args:
            gives_logits: `(bool, bool)`. Whether source and target predict logits.

        Returns:
            dict from a loss's `reads` to what it is called with.
        """
        predictions = (self.source_prediction, self.prediction)
        return {
            "projections": (self.source, self.target),
            "log_probabilities": tuple(
                map(log_probabilities, predictions, gives_logits)
            ),
        }
