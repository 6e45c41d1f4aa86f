"""What a pass over a pair of windows leaves for the losses to read."""

from typing import Any, NamedTuple

from keras_dcat.shown import counted, formed, shown_as_printed


@shown_as_printed
class SourceOutputs(NamedTuple):
    """Outputs of one source for the windows of a pair.

    Attributes:
        log_probabilities: `(batch, classes)`; `(batch, labels, 2)` of several labels;
            with a second axis of steps where steps have predictions; `()` of a source
            that has no classifier, and of a regression.
        projections: for each pair of attention layers that are compared, the source's
            `(key, value)`, `(key, value, mask)` or `KeyValueStatistic`, and the
            target's.
        transfer_mask: `(batch,)`, what came with the pair; ones if nothing did.
        features: pair of the source's and the target's, `(batch, features)`; or `()`.
        values: `(batch, values)`, what a regression predicts; or `()`.
    """

    log_probabilities: Any
    projections: tuple
    transfer_mask: Any
    features: tuple = ()
    values: Any = ()

    def __str__(self) -> str:
        return (
            f"<SourceOutputs log-probabilities {formed(self.log_probabilities)}, "
            f"{counted(len(self.projections), 'pair')} of attention layers, features "
            f"{' and '.join(map(formed, self.features)) or 'not read'}>"
        )


@shown_as_printed
class PairOutputs(NamedTuple):
    """Outputs of one pass over a pair: all that the losses read.

    Attributes:
        prediction: the target's output `(batch, classes)`.
        sources: a `SourceOutputs` for each source.
        transfer_weight: float32 scalar, λ in this pass.
        alignment: float32 `(sources + 2, labels · classes)`, the state by which fused
            pseudo-labels are found; `()` where no loss reads what both sides say
            together.
    """

    prediction: Any
    sources: tuple
    transfer_weight: Any = ()
    alignment: Any = ()

    def __str__(self) -> str:
        return (
            f"<PairOutputs prediction {formed(self.prediction)}, "
            f"{counted(len(self.sources), 'source')}>"
        )


def prediction_of(outputs):
    """The target's output, of a pair or of the target alone."""
    return outputs.prediction if isinstance(outputs, PairOutputs) else outputs
