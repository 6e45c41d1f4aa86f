"""The objective of a transfer: losses, the gate of each, and what is shown of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from keras_dcat.transfer.combination import Combination
from keras_dcat.transfer.distribution_alignment import DistributionAlignment
from keras_dcat.transfer.gating.gates import (
    absolute_errors,
    all_teach,
)
from keras_dcat.transfer.gradient_step import over_replicas
from keras_dcat.transfer.head import Head
from keras_dcat.transfer.losses.transfer_loss import TransferLoss
from keras_dcat.transfer.source_scores import (
    Score,
    moments,
    pooled,
    recalls,
    right_decisions,
    score_of,
    weighted_mean,
)

# Losses of these read windows. All others read decisions, in the rows of `Head`.
OF_WINDOWS = ("features", "projections")
_FUSED = "fused_log_probabilities"


class Term(NamedTuple):
    """A loss of a transfer.

    Attributes:
        loss: `TransferLoss`.
        weight: float.
        gate: function as in `gates`.
    """

    loss: TransferLoss
    weight: float
    gate: Callable


class Objective:
    """What a transfer minimises, and who may teach by it.

    Args:
        terms: dict from `"<name>_loss"` to a `Term`.
        combination: `Combination` of the sources.
        head: the target's `Head`.
        believing: int. How many of the sources have a classifier.

    Attributes:
        terms: as given.
        alignment: `DistributionAlignment`, where a loss reads what both sides believe
            together, else `None`.
    """

    def __init__(
        self,
        terms: dict[str, Term],
        combination: Combination,
        head: Head,
        believing: int,
    ):
        self.terms = terms
        self.combination = combination
        self.head = head
        self.alignment: Any = None
        fusing = [t.loss for t in terms.values() if t.loss.reads == _FUSED]
        if fusing:
            classes: Any = head.num_classes  # a number: the term was chosen for it
            threshold = min(getattr(loss, "threshold", 0.0) for loss in fusing)
            self.alignment = DistributionAlignment(
                believing, classes, head.num_labels, threshold
            )

    def alignment_state(self):
        """What the alignment reads in a pass, as `PairOutputs` has it.

        Read in `call`: on JAX a step written by hand knows variables nowhere else.

        Returns:
            float32 tensor, or `()`.
        """
        own = self.alignment
        return () if own is None else own.state()

    def told(self, outputs):
        """What each source says, by decision, and as their combination has it.

        Args:
            outputs: `PairOutputs`.

        Returns:
            tuple of `SourceOutputs`.
        """
        sources = [
            source._replace(log_probabilities=self._rows(source.log_probabilities))
            for source in outputs.sources
        ]
        if len(sources) == 1 or any(_is_empty(s.log_probabilities) for s in sources):
            return tuple(sources)
        believed = self.combination.belief(
            ops.stack([source.log_probabilities for source in sources]),
            ops.stack([self.head.of_rows(source.transfer_mask) for source in sources]),
        )
        return tuple(
            source._replace(log_probabilities=believed[at])
            for at, source in enumerate(sources)
        )

    def masks(self, told, labels, sample_weight=None):
        """By how much each source may teach.

        Args:
            told: tuple of `SourceOutputs`, as of `told`.
            labels: of one of the head's `label_shapes`.
            sample_weight: as in `Head.weights_of_rows`, or `None`. Of what weighs 0 a
                gate sees no label, so that none can judge others by it.

        Returns:
            dict from `(gate, reads_predictions)` of a term to a list of float32 tensors
            `(decisions,)`, one for each source. By its predictions a source teaches
            only if it gives some.
        """
        has_beliefs = self.head.has_beliefs
        labels = (
            self.head.classes_of_rows(labels)
            if has_beliefs
            else self.head.values(labels)
        )
        weights = self._weights(sample_weight)
        if weights is not None:
            weights = weights if has_beliefs else weights[:, None]
            nothing = -1 if has_beliefs else float("nan")
            labels = ops.where(weights > 0, labels, nothing)
        probabilities = [
            None
            if _is_empty(source.log_probabilities)
            else ops.exp(source.log_probabilities)
            for source in told
        ]
        kinds = {_kind_of(term) for term in self.terms.values()}
        return {kind: self._masks(kind, told, probabilities, labels) for kind in kinds}

    def losses(self, outputs, told, masks, labels, sample_weight, training=False):
        """Each loss of the transfer, over the batch.

        Args:
            outputs: `PairOutputs`.
            told: tuple of `SourceOutputs`, as of `told`.
            masks: as of `masks`.
            labels: of one of the head's `label_shapes`.
            sample_weight: as in `Head.weights_of_rows`, or `None`.
            training: bool. Whether class frequencies are learned from the batch, which
                changes variables.

        Returns:
            dict from the name of a term to a float32 scalar.
        """
        weights = self._weights(sample_weight)
        if weights is not None:
            masks = {
                gate: [ops.multiply(mask, weights) for mask in own]
                for gate, own in masks.items()
            }
        readings = self.readings(outputs, told)
        if self.alignment is not None:
            self._fuse(readings, outputs, told, masks, labels, weights, training)
        unlabelled = self._unlabelled(labels)
        values = {}
        for name, term in self.terms.items():
            loss, value = term.loss, 0.0
            for reading, mask in zip(readings, masks[_kind_of(term)], strict=True):
                if loss.only_unlabelled:
                    mask = mask * unlabelled
                if loss.reads in OF_WINDOWS:
                    mask = self.head.of_windows(mask)
                pairs = reading.get(loss.reads)
                if pairs:  # not every source can be read by every loss
                    value += sum(loss(*pair, mask) for pair in pairs) / len(pairs)
            values[name] = value
        return values

    def readings(self, outputs, told):
        """For each source, pairs `(source, target)` by what a loss says it reads.

        Args:
            outputs: `PairOutputs`.
            told: tuple of `SourceOutputs`, as of `told`.

        Returns:
            list of dicts from a loss's `reads` to the list of pairs that it is called
            with, over which its value is averaged; empty, where there is nothing.
        """
        target = None
        if self.head.has_beliefs:
            target = self.head.rows(self.head.log_probabilities(outputs.prediction))
        return [
            {
                "projections": list(source.projections),
                "features": [source.features] if source.features else [],
                "log_probabilities": []
                if _is_empty(source.log_probabilities)
                else [(source.log_probabilities, target)],
            }
            for source in told
        ]

    def weighted(self, losses):
        """The sum of losses, each by its weight.

        Args:
            losses: dict as of `losses`.

        Returns:
            float32 scalar.
        """
        return sum(self.terms[name].weight * value for name, value in losses.items())

    def shown(self, outputs, told, masks, losses, labels, sample_weight=None):
        """What a training shows of a batch.

        Args:
            outputs: `PairOutputs`.
            told: as of `told`.
            masks: as of `masks`.
            losses: as of `losses`.
            labels: of one of the head's `label_shapes`.
            sample_weight: as in `Head.weights_of_rows`, or `None`. What weighs 0
                counts in nothing that is shown.

        Returns:
            dict from a name to `(value, count)`, a mean and of how many it is one.
        """
        labelled = ops.cast(self.head.is_labelled(labels), "float32")
        batch = ops.cast(ops.shape(outputs.prediction)[0], "float32")
        weights = self._weights(sample_weight)
        total = batch if weights is None else ops.sum(weights) / self.head.decisions
        unmasked = [weighted_mean(sum(own), weights) for own in masks.values()]
        return {
            **{name: (over_replicas(loss), batch) for name, loss in losses.items()},
            "labelled_share": (weighted_mean(labelled, weights), total),
            "unmasked_share": (ops.min(ops.stack(unmasked)), total),
            **self._of_sources(outputs.sources, told, labels, weights),
        }

    def names(self, num_sources: int) -> tuple[list[str], list[str]]:
        """What `shown` shows: means of windows, and means of what can be judged.

        Args:
            num_sources: int.

        Returns:
            `(names, judged)`, lists of str.
        """
        kind = "source_accuracy" if self.head.has_beliefs else "source_error"
        judged = [kind]
        if num_sources > 1:
            judged += [f"{kind}_{at}" for at in range(num_sources)]
        shares = ["labelled_share", "unmasked_share"]
        return ["classification_loss", *self.terms, *shares], judged

    def scores(self, num_sources: int) -> list[Score]:
        """What `shown` shows that is made of several means.

        Args:
            num_sources: int.

        Returns:
            list of `Score`.
        """
        score = score_of(self.head)
        if score is None:
            return []
        each = range(num_sources if num_sources > 1 else 0)
        return [score, *(score._replace(name=f"{score.name}_{at}") for at in each)]

    def _weights(self, sample_weight):
        return (
            None if sample_weight is None else self.head.weights_of_rows(sample_weight)
        )

    def _rows(self, log_probabilities):
        if _is_empty(log_probabilities):
            return log_probabilities
        return self.head.rows(log_probabilities)

    def _masks(self, kind, told, probabilities, labels):
        gate, reads_predictions = kind
        shares = []
        for source, believed in zip(told, probabilities, strict=True):
            mask = ops.cast(self.head.of_rows(source.transfer_mask), "float32")
            if reads_predictions and believed is None:
                shares.append(ops.zeros_like(mask))
                continue
            if gate is all_teach:
                shares.append(mask)
                continue
            said = believed if self.head.has_beliefs else source.values
            decided = gate(labels, said)
            # Not in place: torch would change the mask of the batch with it.
            shares.append(ops.multiply(ops.cast(decided, "float32"), mask))
        if len(told) == 1:
            return shares
        known = all(believed is not None for believed in probabilities)
        combined = self.combination.shares(
            ops.stack(shares), labels, ops.stack(probabilities) if known else None
        )
        return [combined[at] for at in range(len(told))]

    def _fuse(self, readings, outputs, told, masks, labels, weights, training):
        """Adds to the readings of each source what it and the target say together."""
        pairs = [reading.get("log_probabilities") for reading in readings]
        believing = [at for at, pair in enumerate(pairs) if pair]
        term = next(t for t in self.terms.values() if t.loss.reads == _FUSED)
        target = pairs[believing[0]][0][1]
        fused = self.alignment(
            ops.stack([told[at].log_probabilities for at in believing]),
            target,
            self.head.classes_of_rows(labels),
            ops.stack([masks[_kind_of(term)][at] for at in believing]),
            None if _is_empty(outputs.alignment) else outputs.alignment,
            weights,
            training=training,
        )
        for number, at in enumerate(believing):
            readings[at][_FUSED] = [(fused[number], target)]

    def _unlabelled(self, labels):
        return 1.0 - ops.cast(self.head.is_labelled(labels), "float32")

    def _of_sources(self, sources, told, labels, weights):
        """How good sources are where they can be judged, and in how many cases."""
        if not self.head.has_beliefs:
            return self._errors(sources, labels, weights)
        labels = self.head.classes_of_rows(labels)
        own = [self._rows(source.log_probabilities) for source in sources]
        # Where a source is not there, it is neither right nor wrong.
        judged = [
            ops.cast(
                (labels >= 0) & (self.head.of_rows(source.transfer_mask) > 0), "float32"
            )
            * (0.0 if _is_empty(beliefs) else 1.0)
            for source, beliefs in zip(sources, own, strict=True)
        ]
        if weights is not None:
            judged = [here * weights for here in judged]
        believed = [source.log_probabilities for source in told]
        found = self._judged("", labels, believed, judged, len(sources))
        if len(sources) > 1:
            for at, (beliefs, here) in enumerate(zip(own, judged, strict=True)):
                found |= self._judged(f"_{at}", labels, [beliefs], [here])
        return found

    def _judged(self, which, labels, beliefs, judged, num_sources=1):
        right, count = right_decisions(labels, beliefs, judged), sum(judged)
        total = ops.sum(count)
        accuracy = ops.divide_no_nan(ops.sum(right), total)
        found = {f"source_accuracy{which}": (accuracy, total / num_sources)}
        for score in self.scores(1):
            own = recalls(labels, right, count, self.head.num_labels)
            found[f"{score.name}{which}"] = own
        return found

    def _errors(self, sources, labels, weights):
        values = self.head.values(labels)
        errors, scored = [], []
        for source in sources:
            there = ops.cast(source.transfer_mask > 0, "float32")
            there = there if weights is None else there * weights
            predicted = source.values
            if _is_empty(predicted):
                predicted, there = ops.zeros_like(values), ops.zeros_like(there)
            own, is_labelled = absolute_errors(values, predicted)
            judged = ops.cast(is_labelled, "float32") * there
            count = ops.sum(judged)
            errors.append((ops.divide_no_nan(ops.sum(own * judged), count), count))
            scored.append(moments(values, predicted, there, self.head.size))
        mean, total = pooled(errors)
        shown = {"source_error": (mean, total / len(sources))}
        (name,) = (score.name for score in self.scores(1))
        shown[name] = pooled(scored)
        if len(sources) > 1:
            shown |= {f"source_error_{at}": own for at, own in enumerate(errors)}
            shown |= {f"{name}_{at}": own for at, own in enumerate(scored)}
        return shown


def _kind_of(term):
    return term.gate, term.loss.reads not in OF_WINDOWS


def _is_empty(part):
    """Whether a source says nothing of this kind."""
    return isinstance(part, tuple) and not part
