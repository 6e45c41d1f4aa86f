"""What a pass over a pair of windows leaves for the losses to read."""

from typing import Any, NamedTuple

from keras_dcat.shown import counted, formed, shown_as_printed
from keras_dcat.transfer.losses.distillation import log_probabilities


@shown_as_printed
class SourceOutputs(NamedTuple):
    """What one source says of the windows of a pair.

    Attributes:
        log_probabilities: `(batch, classes)`.
        projections: for each pair of attention layers that are compared, the source's
            `(key, value)`, `(key, value, mask)` or `KeyValueStatistic`, and the
            target's.
        transfer_mask: `(batch,)`, what came with the pair; ones if nothing did.
        features: pair of the source's and the target's, `(batch, features)`; or `()`.
    """

    log_probabilities: Any
    projections: tuple
    transfer_mask: Any
    features: tuple = ()

    def __str__(self) -> str:
        return (
            f"<SourceOutputs log-probabilities {formed(self.log_probabilities)}, "
            f"{counted(len(self.projections), 'pair')} of attention layers, features "
            f"{' and '.join(map(formed, self.features)) or 'not read'}>"
        )


@shown_as_printed
class PairOutputs(NamedTuple):
    """What one pass over a pair of windows gives, all that the losses need.

    Attributes:
        prediction: the target's output `(batch, classes)`.
        sources: a `SourceOutputs` for each source.
    """

    prediction: Any
    sources: tuple

    def __str__(self) -> str:
        return (
            f"<PairOutputs prediction {formed(self.prediction)}, "
            f"{counted(len(self.sources), 'source')}>"
        )

    def parted(self, junction):
        """The outputs twice, for the classification and for the transfer to read.

        Args:
            junction: `Junction` of the prediction, or `None`.

        Returns:
            `(classified, compared)`, both `PairOutputs`.
        """
        if junction is None:
            return self, self
        copies = junction(self.prediction)
        return tuple(self._replace(prediction=prediction) for (prediction,) in copies)

    def readings(self, gives_logits):
        """For each source, pairs `(source, target)` by what a loss says it reads.

        Args:
            gives_logits: bool. Whether the target predicts logits.

        Returns:
            list of dicts from a loss's `reads` to the list of pairs that it is called
            with, over which its value is averaged.
        """
        target = log_probabilities(self.prediction, gives_logits)
        return [
            {
                "projections": list(source.projections),
                "features": [source.features],
                "log_probabilities": [(source.log_probabilities, target)],
            }
            for source in self.sources
        ]
