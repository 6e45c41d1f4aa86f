"""How a target can be trained: alone, by D-CAT, by a rival, by a source that lies."""

import dataclasses
import warnings
from collections.abc import Mapping

import keras
import numpy as np

from keras_dcat.evaluation import rivals
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.evaluation.stream_pairs import sources_of
from keras_dcat.evaluation.study import changes
from keras_dcat.shown import shown_as_printed
from keras_dcat.transfer import (
    AgreementPseudoLabels,
    AttentionInfoNCE,
    DCATModel,
    FeatureInfoNCE,
    FusedPseudoLabels,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
    NegativeTransferGuard,
    RestoreBaseline,
)
from keras_dcat.windows import misaligned, mispaired

_ALIGNMENTS = {
    "features": lambda normalization: FeatureInfoNCE(),
    "distance": MaskedCrossAttentionLoss,
    "contrast": lambda normalization: AttentionInfoNCE(),
}
OUT_OF_FOLD = ("out-of-fold", "shuffled")
NEED_LABELS = ("correct", *OUT_OF_FOLD)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Method:
    """What every method may change about the target and its training.

    Attributes:
        build: options for the `build` of the target, such as `{"size": "tiny"}`.
        training: changes of the study's `Training`, such as `{"learning_rate": 1e-3}`.
        data_fraction: float. Share of the training windows that source and target see.
    """

    build: Mapping = dataclasses.field(default_factory=dict, kw_only=True)
    training: Mapping = dataclasses.field(default_factory=dict, kw_only=True)
    data_fraction: float = dataclasses.field(default=1.0, kw_only=True)

    # Grows where a default changes: runs of before are then runs of something else.
    edition = 1
    needs_source = True
    takes_several_sources = False

    def __str__(self) -> str:
        own = ", ".join(f"{name}={x!r}" for name, x in changes(self).items())
        return f"{type(self).__name__}({own})"

    def baseline(self) -> "Alone":
        """The target alone, with the same changes: what a gain is measured against."""
        return Alone(
            build=self.build, training=self.training, data_fraction=self.data_fraction
        )

    def run(
        self, repetition: Repetition, source, target: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Trains a target and tests it.

        Args:
            repetition: `Repetition`.
            source: str. Stream that teaches; or a tuple of several.
            target: str. Stream that learns.

        Returns:
            `(probabilities, losses)`: of the test windows `(windows, classes)`, and
            the classification loss by epoch `(epochs,)`.
        """
        learner, losses = self.train(repetition, source, target)
        return repetition.predict(learner, target), losses

    def train(self, repetition: Repetition, source, target: str):
        """Trains a target.

        Args:
            repetition: `Repetition`.
            source: str. Stream that teaches; or a tuple of several.
            target: str. Stream that learns.

        Returns:
            `(model, losses)`: the `keras.Model` of the target alone, and the
            classification loss by epoch `(epochs,)`.
        """
        labelled = repetition.labelled(self.data_fraction)
        learner = repetition.build(target, labelled, **self.build)
        index = repetition.part(self.data_fraction) if self.needs_source else labelled
        # A step sees as many labels as it does without the others, an epoch all.
        size = self._training(repetition).batch_size * len(index) / len(labelled)
        model, dataset = self.joined(
            repetition, source, target, learner, index, round(size)
        )
        with warnings.catch_warnings():
            # Some of them are controls whose source is meant to be useless.
            warnings.filterwarnings("ignore", "The source should be trained")
            warnings.filterwarnings(
                "ignore", "A transfer should make its target better"
            )
            losses = self._training(repetition).fit(
                model, dataset, self._callbacks(repetition, target)
            )
        return learner, losses

    def joined(self, repetition, source, target, learner, index, size):
        """What is trained, and on which batches.

        Args:
            repetition: `Repetition`.
            source: str, or a tuple of several.
            target: str.
            learner: `keras.Model`, the new target.
            index: `WindowIndex` to train on; some may have no label.
            size: int. Windows of a batch.

        Returns:
            `(model, dataset)`.
        """
        raise NotImplementedError

    def _callbacks(self, repetition, target):
        return []

    def _training(self, repetition):
        return dataclasses.replace(repetition.study.training, **self.training)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Alone(Method):
    """The target on its own labels: the baseline.

    Attributes:
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.
    """

    needs_source = False
    takes_several_sources = True

    def train(self, repetition, source, target):
        if not self.build and not self.training:
            return repetition.unimodal(target, self.data_fraction)
        return super().train(repetition, source, target)

    def joined(self, repetition, source, target, learner, index, size):
        return learner, repetition.windows(target, index, size)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class DCAT(Method):
    """D-CAT with its options, among them those that must not help.

    Without any, it is `DCATModel` with its defaults.

    Attributes:
        transfer_weight: float. λ, times the weight of the alignment.
        agreement: float. Weight of `AgreementPseudoLabels`, as a share of the alignment's.
        joint: float. That of `FusedPseudoLabels`.
        gate: as in `DCATModel`, `"out-of-fold"` (where models that have not seen the
            subject are right) or `"shuffled"` (as many windows as out of fold, but
            others).
        normalization: as in `MaskedCrossAttentionLoss`.
        distillation: float. Weight of logits distillation.
        temperature: float. That of the distillation.
        source: `"trained"`, or `"random"` for one as it was initialised.
        offset: float. Seconds by which the source's windows are late.
        mispaired: float. Share of windows that get the source of another one.
        alignment: `"features"` for `FeatureInfoNCE`, `"distance"` for
            `MaskedCrossAttentionLoss`, `"contrast"` for `AttentionInfoNCE`, or
            `None`.
        decay: bool. Whether the weight of the transfer falls to 0 over the training.
        guarded: bool. Whether a `NegativeTransferGuard` may end the transfer, as by default.
        falls_back: bool. Whether it ends in the target alone where that is no worse on
            the windows that judge, those of `judges` of the study.
        cached: bool. Whether the source sees each window once, as it was recorded,
            before the training; not anew, and varied, at every step.
        combination: as in `DCATModel`, how several sources teach.
        gradients: as in `DCATModel`, how the transfer's joins the classification's.
        fellow: bool. Whether the target as it was trained alone is a further source,
            and all teach with one belief, as with the combination `"product"`.
        target_labels: bool. Whether the target sees labels. Without, it has the same
            pairs in the same batches, and its classification loss is 0; the source is
            trained with labels all the same.
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.

    Raises:
        ValueError: if `source` or `alignment` is unknown, or if a target without labels
            has a gate that asks for them.
    """

    transfer_weight: float = 1.0
    agreement: float = 0.5
    joint: float = 1.0
    gate: str | None = None
    normalization: str = "source"
    distillation: float = 0.0
    temperature: float = 2.0
    source: str = "trained"
    offset: float = 0.0
    mispaired: float = 0.0
    alignment: str | None = "features"
    decay: bool = False
    guarded: bool = True
    falls_back: bool = False
    cached: bool = False
    combination: str = "mean"
    gradients: str = "sum"
    fellow: bool = False
    target_labels: bool = True

    # 1: the distance of KᵀV, under the paper's mask. 2: without joint labels.
    edition = 3
    takes_several_sources = True

    def __post_init__(self):
        _check_choice("source", self.source, ("trained", "random"))
        _check_choice("alignment", self.alignment, (*_ALIGNMENTS, None))
        if not self.target_labels and self.gate in NEED_LABELS:
            raise ValueError(
                "Without labels of the target, windows without a label must teach. "
                f"Received: gate={self.gate!r}, which asks for their label. "
                "Choose 'soft', 'correct_or_confident', 'confident' or None."
            )

    def joined(self, repetition, source, target, learner, index, size):
        sources = sources_of(source)
        teachers = [
            self._teacher(repetition, *each, index) for each in enumerate(sources)
        ]
        streams = sources
        if self.fellow:
            streams = (*sources, target)
            teachers.append(repetition.unimodal(target, self.data_fraction)[0])
        several = len(streams) > 1
        losses = {
            AgreementPseudoLabels(): self.transfer_weight * self.agreement,
            FusedPseudoLabels(): self.transfer_weight * self.joint,
            LogitsDistillation(self.temperature): self.distillation,
        }
        if self.alignment is not None:
            aligned = _ALIGNMENTS[self.alignment](self.normalization)
            losses = {aligned: self.transfer_weight, **losses}
        used = {loss: weight for loss, weight in losses.items() if weight}
        model = DCATModel(
            teachers if several else teachers[0],
            learner,
            transfer_weight=self._falling(repetition, index, size)
            if self.decay
            else 1.0,
            gate=None if self.gate in OUT_OF_FOLD else self.gate,
            loss=list(used or losses),
            loss_weights=list((used or losses).values()),
            combination="product" if self.fellow else self.combination,
            gradients=self.gradients,
        )
        index, transfer_mask = self._paired(repetition, sources, index), None
        if self.gate in OUT_OF_FOLD:
            right = [self._unseen_right(repetition, each, index) for each in streams]
            transfer_mask = np.stack(right, axis=-1) if several else right[0]
        if self.gate == "shuffled":
            transfer_mask = np.random.default_rng(repetition.seed).permutation(
                transfer_mask
            )
        taught_by = streams if several else streams[0]
        if self.cached:
            windows = tuple(index.gather(each) for each in streams)
            known = windows if several else windows[0]
            taught_by = model.cache_source(known, verbose=0)
        return model, repetition.pairs(taught_by, target, index, size, transfer_mask)

    def _paired(self, repetition, sources, index):
        """The windows, each with the moment of the sources that it is paired with."""
        for source in sources:
            if self.offset:
                index = misaligned(index, source, self.offset)
            if self.mispaired:
                index = mispaired(index, source, self.mispaired, repetition.seed)
        return index if self.target_labels else index.without_labels(slice(None))

    def _teacher(self, repetition, number, source, index):
        if self.source == "random":
            return repetition.build(source, index, seed=repetition.seed + 1000 + number)
        return repetition.unimodal(source, self.data_fraction)[0]

    def _unseen_right(self, repetition, source, index):
        """Where one that has not seen the subject is right, or there is no label."""
        predicted = repetition.out_of_fold(source, self.data_fraction).argmax(axis=-1)
        right = predicted == index.labels
        return (right | ~index.is_labelled).astype("float32")

    def _callbacks(self, repetition, target):
        chosen = [] if self.guarded else [NegativeTransferGuard(only_warn=True)]
        if self.falls_back:
            judge = repetition.judge
            alone, _ = self.baseline().train(repetition, None, target)
            chosen.append(RestoreBaseline(alone, (judge.gather(target), judge.labels)))
        return chosen

    def _falling(self, repetition, index, size):
        steps = self._training(repetition).epochs * -(-len(index) // size)
        return keras.optimizers.schedules.PolynomialDecay(1.0, steps, 0.0)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Features(Method):
    """The target's features are drawn to the source's, before the classifier.

    Attributes:
        kind: `"distance"` for feature distillation, `"contrast"` for InfoNCE.
        transfer_weight: float.
        temperature: float. That of the contrast.
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.

    Raises:
        ValueError: if `kind` is unknown.
    """

    kind: str = "distance"
    transfer_weight: float = 1.0
    temperature: float = 0.1

    def __post_init__(self):
        _check_choice("kind", self.kind, ("distance", "contrast"))

    def joined(self, repetition, source, target, learner, index, size):
        teacher, _ = repetition.unimodal(source, self.data_fraction)
        loss = rivals.squared_distance
        if self.kind == "contrast":
            loss = FeatureInfoNCE(self.temperature)
        model = rivals.FeatureTransfer(teacher, learner, self.transfer_weight, loss)
        return model, repetition.pairs(source, target, index, size)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class LateFusion(Method):
    """All sensors at the test, too: the mean of what their models believe.

    Attributes:
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.
    """

    takes_several_sources = True

    def run(self, repetition, source, target):
        parts = []
        for stream in (*sources_of(source), target):
            model, losses = repetition.unimodal(stream, self.data_fraction)
            parts.append(repetition.predict(model, stream))
        return np.mean(parts, axis=0), losses


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}. "
            "What is misspelt would be another method."
        )


METHODS = {
    "alone": Alone(),
    "D-CAT": DCAT(),
}
"""What a comparison is about: the target alone, and `DCATModel` with its defaults."""

CONTROLS = {
    "random source": DCAT(source="random", guarded=False),
    "wrong windows": DCAT(mispaired=1.0, guarded=False),
    "shuffled mask": DCAT(gate="shuffled"),
}
"""What must not help: nothing true is taught, or to windows that nobody chose."""

RIVALS = {
    "logits distillation": DCAT(transfer_weight=0.0, distillation=0.3),
    "feature distillation": Features(),
    "contrastive": Features(kind="contrast"),
    "D-CAT + logits": DCAT(distillation=0.3),
    "late fusion": LateFusion(),
}
"""Other ways to use both sensors; late fusion needs both at the test, too.

Their weights are those, of 0.1 to 1, that did best on folds of the training subjects of
UTD-MHAD.
"""
