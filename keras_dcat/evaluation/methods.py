"""How a target can be trained: alone, by D-CAT, by a rival, by a source that lies."""

import dataclasses
import functools
import warnings
from collections.abc import Mapping

import keras
import numpy as np

from keras_dcat.evaluation import rivals
from keras_dcat.evaluation.trial import Trial
from keras_dcat.transfer import (
    ContrastiveAlignment,
    DCATModel,
    LogitsDistillation,
    MaskedCrossAttentionLoss,
    TransferGuard,
)
from keras_dcat.windows import misaligned, mispaired

OUT_OF_FOLD = ("out-of-fold", "shuffled")


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

    needs_source = True

    def baseline(self) -> "Alone":
        """The target alone, with the same changes: what a gain is measured against."""
        return Alone(
            build=self.build, training=self.training, data_fraction=self.data_fraction
        )

    def run(
        self, trial: Trial, source: str, target: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Trains a target and tests it.

        Args:
            trial: `Trial`.
            source: str. Stream that teaches.
            target: str. Stream that learns.

        Returns:
            `(probabilities, losses)`: of the test windows `(windows, classes)`, and
            the classification loss by epoch `(epochs,)`.
        """
        labelled = trial.labelled(self.data_fraction)
        learner = trial.build(target, labelled, **self.build)
        index = trial.part(self.data_fraction) if self.needs_source else labelled
        # A step sees as many labels as it does without the others, an epoch all.
        size = self._training(trial).batch_size * len(index) / len(labelled)
        model, dataset = self.joined(trial, source, target, learner, index, round(size))
        with warnings.catch_warnings():
            # Some of them are controls whose source is meant to be useless.
            warnings.filterwarnings("ignore", "The source should be trained")
            losses = self._training(trial).fit(model, dataset, self._callbacks())
        return trial.predict(learner, target), losses

    def joined(self, trial, source, target, learner, index, size):
        """What is trained, and on which batches.

        Args:
            trial: `Trial`.
            source: str.
            target: str.
            learner: `keras.Model`, the new target.
            index: `WindowIndex` to train on; some may have no label.
            size: int. Windows of a batch.

        Returns:
            `(model, dataset)`.
        """
        raise NotImplementedError

    def _callbacks(self):
        return []

    def _training(self, trial):
        return dataclasses.replace(trial.study.training, **self.training)


@dataclasses.dataclass(frozen=True)
class Alone(Method):
    """The target on its own labels: the baseline.

    Attributes:
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.
    """

    needs_source = False

    def run(self, trial, source, target):
        if not self.build and not self.training:
            model, losses = trial.unimodal(target, self.data_fraction)
            return trial.predict(model, target), losses
        return super().run(trial, source, target)

    def joined(self, trial, source, target, learner, index, size):
        return learner, trial.windows(target, index, size)


@dataclasses.dataclass(frozen=True)
class DCAT(Method):
    """D-CAT with its options, among them those that must not help.

    Attributes:
        transfer_weight: float. λ of the alignment.
        gate: `"correct"`, `"soft"`, `None`, `"out-of-fold"` (where models that have not
            seen the subject are right) or `"shuffled"` (as many windows as out of fold,
            but others).
        normalization: as in `MaskedCrossAttentionLoss`.
        distillation: float. Weight of logits distillation.
        temperature: float. That of the distillation.
        source: `"trained"`, or `"random"` for one as it was initialised.
        offset: float. Seconds by which the source's windows are late.
        mispaired: float. Share of windows that get the source of another one.
        alignment: `"distance"`, or `"contrast"` for `ContrastiveAlignment`.
        decay: bool. Whether the weight of the transfer falls to 0 over the training.
        cached: bool. Whether the source sees each window once, as it was recorded,
            before the training; not anew, and varied, at every step.
        guarded: bool. Whether a `TransferGuard` may end the transfer, as by default.
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.
    """

    transfer_weight: float = 0.1
    gate: str | None = "correct"
    normalization: str = "source"
    distillation: float = 0.0
    temperature: float = 2.0
    source: str = "trained"
    offset: float = 0.0
    mispaired: float = 0.0
    alignment: str = "distance"
    decay: bool = False
    guarded: bool = True
    cached: bool = False

    def joined(self, trial, source, target, learner, index, size):
        if self.source == "random":
            teacher = trial.build(source, index, seed=trial.seed + 1000)
        else:
            teacher, _ = trial.unimodal(source, self.data_fraction)
        aligned = {
            "distance": MaskedCrossAttentionLoss(self.normalization),
            "contrast": ContrastiveAlignment(),
        }
        losses = {
            aligned[self.alignment]: self.transfer_weight,
            LogitsDistillation(self.temperature): self.distillation,
        }
        used = {loss: weight for loss, weight in losses.items() if weight}
        model = DCATModel(
            teacher,
            learner,
            transfer_weight=self._falling(trial, index, size) if self.decay else 1.0,
            gate=None if self.gate in OUT_OF_FOLD else self.gate,
            loss=list(used or losses),
            loss_weights=list((used or losses).values()),
        )
        if self.offset:
            index = misaligned(index, source, self.offset)
        if self.mispaired:
            index = mispaired(index, source, self.mispaired, trial.seed)
        may_teach = None
        if self.gate in OUT_OF_FOLD:
            predicted = trial.out_of_fold(source, self.data_fraction).argmax(axis=-1)
            right = predicted == index.labels
            may_teach = (right | ~index.is_labelled).astype("float32")
        if self.gate == "shuffled":
            may_teach = np.random.default_rng(trial.seed).permutation(may_teach)
        if self.cached:
            source = model.cache_source(index.gather(source), verbose=0)
        return model, trial.pairs(source, target, index, size, may_teach)

    def _callbacks(self):
        return [] if self.guarded else [TransferGuard(only_warn=True)]

    def _falling(self, trial, index, size):
        steps = self._training(trial).epochs * -(-len(index) // size)
        return keras.optimizers.schedules.PolynomialDecay(1.0, steps, 0.0)


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
    """

    kind: str = "distance"
    transfer_weight: float = 1.0
    temperature: float = 0.1

    def joined(self, trial, source, target, learner, index, size):
        teacher, _ = trial.unimodal(source, self.data_fraction)
        loss = rivals.squared_distance
        if self.kind == "contrast":
            loss = functools.partial(rivals.contrast, temperature=self.temperature)
        model = rivals.FeatureTransfer(teacher, learner, self.transfer_weight, loss)
        return model, trial.pairs(source, target, index, size)


@dataclasses.dataclass(frozen=True)
class LateFusion(Method):
    """Both sensors at the test, too: the mean of what both models believe.

    Attributes:
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.
    """

    def run(self, trial, source, target):
        parts = []
        for stream in (source, target):
            model, losses = trial.unimodal(stream, self.data_fraction)
            parts.append(trial.predict(model, stream))
        return np.mean(parts, axis=0), losses


METHODS = {
    "alone": Alone(),
    "D-CAT": DCAT(gate="soft", distillation=0.5, cached=True),
}
"""What a comparison is about: the target alone, and `DCATModel` with its defaults.

The source runs once, over windows as they were recorded (`DCATModel.cache_source`).
"""

CONTROLS = {
    "random source": DCAT(source="random", gate=None, guarded=False),
    "wrong windows": DCAT(mispaired=1.0, gate=None, guarded=False),
    "shuffled mask": DCAT(gate="shuffled"),
}
"""What must not help: nothing true is taught."""

RIVALS = {
    "logits distillation": DCAT(
        transfer_weight=0.0, distillation=0.3, gate=None, cached=True
    ),
    "feature distillation": Features(),
    "contrastive": Features(kind="contrast"),
    "D-CAT + logits": DCAT(distillation=0.3, cached=True),
    "late fusion": LateFusion(),
}
"""Other ways to use both sensors; late fusion needs both at the test, too.

Their weights are those, of 0.1 to 1, that did best on folds of the training subjects of
UTD-MHAD.
"""
