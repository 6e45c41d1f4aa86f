"""How a target can be trained: alone, and by D-CAT."""

import dataclasses
import math
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.evaluation.stream_pairs import source_of
from keras_dcat.evaluation.study import changes
from keras_dcat.shown import shown_as_printed
from keras_dcat.transfer import DCATModel, NegativeTransferGuard, RestoreBaseline
from keras_dcat.transfer import combination as combinations
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.recipe_weights import weighed_copies, weighed_losses
from keras_dcat.transfer.recipes import DEFAULT, named
from keras_dcat.windows import WindowIndex


class Outcome(NamedTuple):
    """Results of a method.

    Attributes:
        probabilities: float array `(windows, classes)`, of the test.
        losses: float array `(epochs,)`, the classification loss in training.
        training_f1: float. Macro F1 on the training windows that have a label.
    """

    probabilities: np.ndarray
    losses: np.ndarray
    training_f1: float | None = None


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Method:
    """Base class of methods that train a target.

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
        self, repetition: Repetition, sources: tuple[str, ...], target: str
    ) -> Outcome:
        """Trains a target and tests it.

        Args:
            repetition: `Repetition`.
            sources: tuple of str. Streams that teach; `()` of none.
            target: str. Stream that learns.

        Returns:
            `Outcome`.
        """
        learner, losses = self.train(repetition, sources, target)
        known = repetition.labelled(self.data_fraction)
        return Outcome(
            repetition.predict(learner, target),
            losses,
            repetition.macro_f1(learner, target, known),
        )

    def train(
        self, repetition: Repetition, sources: tuple[str, ...], target: str
    ) -> tuple[keras.Model, np.ndarray]:
        """Trains a target.

        Args:
            repetition: `Repetition`.
            sources: tuple of str. Streams that teach; `()` of none.
            target: str. Stream that learns.

        Returns:
            `(model, losses)`: the `keras.Model` of the target alone, and the
            classification loss by epoch `(epochs,)`.
        """
        labelled = repetition.labelled(self.data_fraction)
        learner = repetition.build(target, labelled, **self.build)
        index = self.seen(repetition)
        # A step sees as many labels as it does without the others, an epoch all.
        size = self._training(repetition).batch_size * len(index) / len(labelled)
        model, dataset = self.joined(
            repetition, sources, target, learner, index, round(size)
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

    def seen(self, repetition: Repetition) -> WindowIndex:
        """The windows that the target is trained on; some may have no label.

        Args:
            repetition: `Repetition`.

        Returns:
            `WindowIndex`.
        """
        return repetition.labelled(self.data_fraction)

    def joined(
        self,
        repetition: Repetition,
        sources: tuple[str, ...],
        target: str,
        learner: keras.Model,
        index: WindowIndex,
        size: int,
    ) -> tuple[keras.Model, Any]:
        """What is trained, and on which batches.

        Args:
            repetition: `Repetition`.
            sources: tuple of str.
            target: str.
            learner: `keras.Model`, the new target.
            index: `WindowIndex`, as of `seen`.
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

    def train(
        self, repetition: Repetition, sources: tuple[str, ...], target: str
    ) -> tuple[keras.Model, np.ndarray]:
        if not self.build and not self.training:
            return repetition.unimodal(target, self.data_fraction)
        return super().train(repetition, sources, target)

    def joined(
        self,
        repetition: Repetition,
        sources: tuple[str, ...],
        target: str,
        learner: keras.Model,
        index: WindowIndex,
        size: int,
    ) -> tuple[keras.Model, Any]:
        return learner, repetition.windows(target, index, size)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class DCAT(Method):
    """D-CAT, with the options of `DCATModel` and of its training.

    Without any, it is `DCATModel` with its defaults.

    Attributes:
        recipe: as in `DCATModel`.
        transfer_weight: float. λ; that of the recipe unless given.
        gate: as in `DCATModel`.
        loss_weights: dict from the name of a loss to its weight, such as
            `{"agreement": 0.0}`: what is to differ from the recipe, or of `loss` from
            1. 0 leaves a loss out; one that the recipe lacks is added. With any, the
            models must have all that the losses compare.
        loss: tuple of transfer losses, in the place of the recipe's.
        combination: as in `DCATModel`, how several sources teach.
        adapt_sizes: as in `DCATModel`.
        decay: bool. Whether λ falls to 0 over the training.
        guarded: bool. Whether a `NegativeTransferGuard` may end the transfer, as by
            default.
        restores_baseline: bool. Whether it ends in the target alone where that is no
            worse on the windows that judge, those of `judges` of the study.
        cached: bool. Whether the source sees each window once, as it was recorded,
            before the training; not anew, and varied, at every step.
        target_labels: bool. Whether the target sees labels. Without, it has the same
            pairs in the same batches, and its classification loss is 0; the source is
            trained with labels all the same.
        num_unlabelled_people: int. Of how many of the people without any label the
            windows are used; of all by default. They are drawn by the seed, and those
            of a smaller number are among those of a larger.
        build: as in `Method`; for the target, not the source.
        training: as in `Method`.
        data_fraction: as in `Method`.

    Raises:
        ValueError: if there is no such recipe, loss, gate or combination, if no loss is
            left, if a target without labels has gates that all ask for them, or if
            there are fewer people without a label.
    """

    recipe: str = DEFAULT
    transfer_weight: float | None = None
    gate: str | None = None
    loss_weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    loss: tuple = ()
    combination: str = "mean"
    adapt_sizes: bool = False
    decay: bool = False
    guarded: bool = True
    restores_baseline: bool = False
    cached: bool = False
    target_labels: bool = True
    num_unlabelled_people: int | None = None

    # 1: the distance of KᵀV, under the paper's mask. 2: without fused pseudo-labels.
    # 3: without the masked cross-attention loss.
    edition = 4
    takes_several_sources = True

    def __post_init__(self):
        combinations.get(self.combination, True)
        if self.gate is not None:
            gates.get(self.gate)
        losses = self._losses()
        if not losses:
            raise ValueError(
                "A transfer must have a loss that weighs more than 0. "
                f"Received: loss_weights={dict(self.loss_weights)} for the recipe "
                f"{self.recipe!r}. Compare with `Alone`, or take transfer_weight=0.0."
            )
        own = {self._gate() or loss.usual_gate for loss in losses}
        if not self.target_labels and own == {"correct"}:
            raise ValueError(
                "Without labels of the target, windows without a label must teach. "
                f"Received: gate={self.gate!r} with the recipe {self.recipe!r}, which "
                "asks for their label. "
                "Choose 'soft', 'correct_or_confident', 'confident' or 'all'."
            )

    def joined(
        self,
        repetition: Repetition,
        sources: tuple[str, ...],
        target: str,
        learner: keras.Model,
        index: WindowIndex,
        size: int,
    ) -> tuple[keras.Model, Any]:
        teachers = [
            self.teacher(repetition, *each, index) for each in enumerate(sources)
        ]
        options = {"recipe": self.recipe}
        if self.loss_weights or self.loss:
            losses = self._losses()
            options = {"loss": list(losses), "loss_weights": list(losses.values())}
        model = DCATModel(
            teachers,
            learner,
            transfer_weight=self._transfer_weight(repetition, index, size),
            gate=self._gate(),
            combination=self.combination,
            adapt_sizes=self.adapt_sizes,
            **options,
        )
        index = self.paired(repetition, sources, index)
        transfer_mask = self.transfer_mask(repetition, sources, index)
        if not self.target_labels:
            index = index.without_labels(slice(None))
        taught_by = source_of(sources)
        if self.cached:
            windows = tuple(index.gather(each) for each in sources)
            taught_by = model.cache_source(source_of(windows), verbose=0)
        return model, repetition.pairs(taught_by, target, index, size, transfer_mask)

    def seen(self, repetition: Repetition) -> WindowIndex:
        index = repetition.part(self.data_fraction)
        if self.num_unlabelled_people is None:
            return index
        return repetition.with_unlabelled_people(index, self.num_unlabelled_people)

    def teacher(
        self, repetition: Repetition, number: int, stream: str, index: WindowIndex
    ) -> keras.Model:
        """The model of a source.

        Args:
            repetition: `Repetition`.
            number: int. Which of the sources it is, from 0.
            stream: str.
            index: `WindowIndex` to train on.

        Returns:
            `keras.Model`.
        """
        return repetition.unimodal(stream, self.data_fraction)[0]

    def paired(
        self, repetition: Repetition, sources: tuple[str, ...], index: WindowIndex
    ) -> WindowIndex:
        """The windows, each with the moment of the sources that it is paired with.

        Args:
            repetition: `Repetition`.
            sources: tuple of str.
            index: `WindowIndex`.

        Returns:
            `WindowIndex`.
        """
        return index

    def transfer_mask(
        self, repetition: Repetition, sources: tuple[str, ...], index: WindowIndex
    ) -> np.ndarray | None:
        """By how much each gate is multiplied, as is known before the training.

        Args:
            repetition: `Repetition`.
            sources: tuple of str.
            index: `WindowIndex`, as of `paired`.

        Returns:
            float array `(windows,)`, of several sources `(windows, sources)`; `None`
            for all ones.
        """
        return None

    def _losses(self):
        """The losses that weigh something, with their weights."""
        own = weighed_copies(self.loss, self.loss_weights) if self.loss else None
        losses = own or weighed_losses(self.recipe, self.loss_weights)
        return {loss: weight for loss, weight in losses.items() if weight}

    def _gate(self):
        return named(self.recipe).gate if self.gate is None else self.gate

    def _transfer_weight(self, repetition, index, size):
        weight = self.transfer_weight
        if weight is None:
            weight = named(self.recipe).transfer_weight
        if not self.decay:
            return weight
        training, batches = self._training(repetition), math.ceil(len(index) / size)
        steps = training.epochs * training.steps_per_epoch(batches)
        return keras.optimizers.schedules.PolynomialDecay(weight, steps, 0.0)

    def _callbacks(self, repetition, target):
        chosen = [] if self.guarded else [NegativeTransferGuard(only_warn=True)]
        if self.restores_baseline:
            judge = repetition.judge
            alone, _ = self.baseline().train(repetition, (), target)
            labels = repetition.study.targets(judge)
            chosen.append(RestoreBaseline(alone, (judge.gather(target), labels)))
        return chosen


METHODS = {
    "alone": Alone(),
    "D-CAT": DCAT(),
}
"""What a comparison is about: the target alone, and `DCATModel` with its defaults."""
