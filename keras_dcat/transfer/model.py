"""The model that is trained on pairs and used on the target alone."""

import os
from collections.abc import Callable
from typing import Any

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_dcat.quantization import quantize_inside, quantized_inside
from keras_dcat.transfer import combination as combinations
from keras_dcat.transfer import gradient_step
from keras_dcat.transfer.chosen_losses import chosen_terms
from keras_dcat.transfer.input_shapes import EMPTY_MESSAGE, teaching_shares
from keras_dcat.transfer.inputs import BatchFormat
from keras_dcat.transfer.models import inspection
from keras_dcat.transfer.models.joining import joined
from keras_dcat.transfer.objective import Objective
from keras_dcat.transfer.outputs import PairOutputs
from keras_dcat.transfer.recipes import DEFAULT, named
from keras_dcat.transfer.summary import called_by_side
from keras_dcat.transfer.supervision import SupervisedTarget
from keras_dcat.transfer.training import PairLoops
from keras_dcat.transfer.transfer_metrics import TransferMetrics
from keras_dcat.transfer.transfer_weight import TransferWeight
from keras_dcat.typing import Config, Tensor


@keras.saving.register_keras_serializable(package="keras_dcat")
class DCATModel(PairLoops, SupervisedTarget, keras.Model):
    """Trains a target (student) with a frozen source (teacher); the target runs alone.

    In training both see the same moment. The loss is `classification +
    transfer_weight · transfer`. A recipe says what the transfer is: by default the
    paper's masked cross-attention loss, extended by InfoNCE of features and by
    pseudo-labels; with `recipe="paper"` the printed formula. Gradients reach the target
    only.

    The source runs once a step in inference mode. Changes of its state (batch
    statistics, random seeds) are dropped, and its `trainable` stays as you set it.

    Args:
        source: built `keras.Model`, already trained: Functional, Sequential, nested or
            subclassed. Or a list of several. Losses of `KᵀV` need an `AttentionKV`,
            losses of features a `Dense` classifier.
        target: likewise, with the same outputs. Trained in place: `model.target` is
            this very model.
        recipe: one of `transfer.RECIPES`: `"extended"`, `"paper"`, …. A loss that these
            models cannot use is left out, and the log says so.
        transfer_weight: float ≥ 0, λ, or a schedule over the steps of training from
            `keras.optimizers.schedules`. That of the recipe unless given; 0.1 for your
            own losses. A number may be assigned between epochs.
        gate: which windows may teach: `"all"`, `"soft"` (as much as the source is
            confident of the true class, or, without a label, of any), `"correct"` (the
            paper's mask: only windows that it gets right, and none without a label),
            `"correct_or_confident"` (right, or without a label at least 90 %
            confident), `"confident"` (at least 90 %), or a registered function
            `(labels, source_probabilities) -> (batch,)`. A list of one for each loss.
            `None` gives each its usual one: `"correct"` to `MaskedCrossAttentionLoss`,
            `"all"` to the others.
        loss: a transfer loss, or a list of some that are added up, in the place of the
            recipe; those of `keras.distillation` that compare outputs are taken, too.
        loss_weights: list of float, one for each loss. Those of the recipe, or 1.
        task: what the outputs are for, as in `transfer.TASKS`: `"multiclass"`,
            `"binary"`, `"multilabel"` or `"regression"`. Found from the last
            activation, unless only you can know.
        source_output: `"predictions"`, or `"features"` for an encoder without a
            classifier, whose output `(batch, features)` is compared; a list for several
            sources.
        source_attention: str. Name of the source's layer, if it has several; a list
            of names to compare several layers. With several sources, a list with
            one of these for each.
        target_attention: str, or a list of as many names.
        combination: which of several sources teaches a window: `"mean"` (all that
            may), `"best"` (the one most confident of the true class), `"agree"` (all
            that may, where they believe the same) or `"product"` (all that may, with
            one belief: the product of their probabilities).
        adapt_sizes: bool. Whether sizes of `AttentionKV` may differ: the target's keys
            and values are then mapped to the source's by layers that are trained
            along, and are no part of the target.
        **kwargs: `name` and the like, as for any model.

    Call args:
        inputs: the target's input, or a pair `(source, target)` or
            `{"source": …, "target": …}`; the source's part is a list for several. A
            dict may also hold `"transfer_mask"`, float `(batch,)`, or `(batch,
            sources)` for several: by how much the gate is multiplied, window by window,
            0 where there is no source.
        training: bool. For the target; the source never trains.

    Returns:
        the target's output `(batch, classes)`; for a pair, `PairOutputs`.

    Raises:
        ValueError: if a model is not built, if the heads differ, if only `task` can
            say what they predict, if the models have nothing that the losses compare,
            or if the name of an option is unknown.

    Example:

    >>> from keras_dcat import AttentionKV
    >>> def branch(features):
    ...     inputs = keras.Input((50, features))
    ...     x = AttentionKV(key_dim=8)(inputs)
    ...     x = keras.layers.GlobalAveragePooling1D()(x)
    ...     return keras.Model(inputs, keras.layers.Dense(5)(x))
    >>> source, target = branch(features=6), branch(features=3)
    >>> model = DCATModel(source, target)
    >>> windows = ops.ones((8, 50, 6)), ops.ones((8, 50, 3))
    >>> labels = ops.argmax(source(windows[0]), axis=-1)  # a source that is right
    >>> history = model.fit(windows, labels, verbose=0)
    >>> history.history["source_accuracy"]
    [1.0]
    >>> ops.shape(model.predict(ops.ones((2, 50, 3)), verbose=0))
    (2, 5)

    Reference:
        Daher et al., 2025, [D-CAT](https://arxiv.org/abs/2509.09747).
    """

    def __init__(
        self,
        source: keras.Model | list[keras.Model],
        target: keras.Model,
        recipe: str = DEFAULT,
        *,
        transfer_weight: float | LearningRateSchedule | None = None,
        gate: str | Callable | list | None = None,
        loss: keras.losses.Loss | list | None = None,
        loss_weights: list[float] | None = None,
        task: str | None = None,
        source_output: str | list[str] = "predictions",
        source_attention: str | list | None = None,
        target_attention: str | list[str] | None = None,
        combination: str = "mean",
        adapt_sizes: bool = False,
        **kwargs: Any,
    ):
        # Each branch casts its own inputs: their policies may differ.
        super().__init__(autocast=False, **kwargs)
        self.sources = tuple(source) if isinstance(source, (list, tuple)) else (source,)
        self.target = target
        self._pair = joined(
            self.sources,
            target,
            task=task,
            source_output=source_output,
            source_attention=source_attention,
            target_attention=target_attention,
            adapt_sizes=adapt_sizes,
        )
        self.head = self._pair.head
        self.terms = chosen_terms(self._pair, recipe, loss, loss_weights, gate)
        self._pair.read({term.loss.reads for term in self.terms.values()})
        inspection.check_classifiers(self._pair)
        believing = self._pair.num_believing
        self.objective = Objective(
            self.terms,
            combinations.get(combination, believing == len(self.sources)),
            self.head,
            believing,
        )
        if transfer_weight is None:
            transfer_weight = named(recipe if loss is None else DEFAULT).transfer_weight
        self._transfer_weight = TransferWeight(transfer_weight, name="transfer_weight")
        # So that Keras saves them.
        self._adapters = self._pair.adapters
        self._feature_adapters = self._pair.feature_adapters
        self._alignment = self.objective.alignment
        self._transfer_metrics = TransferMetrics(
            *self.objective.names(len(self.sources)),
            self._shown,
            self.objective.scores(len(self.sources)),
        )
        self._options = {
            "task": task,
            "source_output": source_output,
            "source_attention": source_attention,
            "target_attention": target_attention,
            "combination": combination,
            "adapt_sizes": adapt_sizes,
        }
        self._batch_format = BatchFormat(
            tuple(inspection.input_spec(each) for each in self.sources),
            inspection.input_spec(target),
            self.head,
            self._pair.statistics_specs(),
        )
        self.built = True
        self._notice_other_weights()
        self.compile()

    def train_step(self, *state_and_batch: Any) -> Any:
        """One step of training, on every backend: `fit` calls it for each batch.

        A pair passes through `call`: the frozen sources say their statistics, once, or
        the cached ones are taken, and then the target passes. `compute_loss` asks who
        may teach, and adds up the classification and λ times the transfer's losses.
        The gradient moves the target alone, and the linear maps that bring it to a
        source's size: no other variable is trainable.

        Override it as in Keras's guides. On JAX, a step of your own should call
        `compute_loss_and_updates`, which carries the state: with `compute_loss` alone,
        class frequencies of pseudo-labels are not learned.

        Args:
            *state_and_batch: the batch; on JAX `(state, batch)`, as Keras has it.

        Returns:
            dict of what is shown; on JAX `(dict, state)`.
        """
        return gradient_step.train(self, *state_and_batch)

    def test_step(self, *state_and_batch: Any) -> Any:
        """One step of `evaluate`: the same pass and losses, and no update.

        Args:
            *state_and_batch: as in `train_step`.

        Returns:
            as `train_step`.
        """
        return gradient_step.test(self, *state_and_batch)

    def call(self, inputs: Any, training: bool = False) -> PairOutputs | Tensor:
        if inputs is None:  # what torch makes of a dataset that turns out empty
            raise ValueError(EMPTY_MESSAGE)
        pair = self._batch_format.as_pair(inputs)
        if pair is None:
            return self.target(inputs, training=training)
        source_windows, target_windows = pair
        statistics = self._pair.statistics(source_windows)  # frozen, or cached
        target = self._pair.target.passed(target_windows, training)
        transfer_mask = teaching_shares(inputs, len(self.sources))
        return PairOutputs(
            target.prediction,
            self._pair.compared(statistics, target, transfer_mask),
            self._transfer_weight(training=training),
            self.objective.alignment_state(),
        )

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Tensor | None = None,
        training: bool = True,
    ) -> Tensor:
        """Classification loss plus `transfer_weight` times the transfer losses."""
        classification = self.classification_loss(x, y, y_pred, sample_weight, training)
        if not isinstance(y_pred, PairOutputs):
            return classification
        may_change = gradient_step.may_change_state()
        told = self.objective.told(y_pred)  # what each source says
        masks = self.objective.masks(told, y, sample_weight)  # who may teach
        losses = self.objective.losses(
            y_pred, told, masks, y, sample_weight, training=training and may_change
        )
        transfer = y_pred.transfer_weight * self.objective.weighted(losses)
        if may_change:
            shown = self.objective.shown(y_pred, told, masks, losses, y, sample_weight)
            shown["classification_loss"] = self._shown_of(classification, y_pred)
            self._transfer_metrics.add(shown)
        return classification + ops.cast(transfer, classification.dtype)

    @property
    def num_classes(self) -> int | None:
        """Classes of each decision: 2 for a sigmoid; `None` for a regression."""
        return self.head.num_classes

    @property
    def transfer_losses(self) -> list[keras.losses.Loss]:
        """The transfer losses, in the order in which they were given."""
        return [term.loss for term in self.terms.values()]

    @property
    def active_losses(self) -> list[keras.losses.Loss]:
        """Those of the transfer losses that weigh more than nothing."""
        return [term.loss for term in self.terms.values() if term.weight > 0]

    @property
    def transfer_weight(self) -> float:
        """λ, the weight of the transfer losses, as a float: what it is now."""
        return float(self._transfer_weight())

    @transfer_weight.setter
    def transfer_weight(self, value):
        self._transfer_weight.assign(value)

    def export(self, filepath: str | os.PathLike, *args: Any, **kwargs: Any) -> Any:
        """Writes the target alone, as `keras.Model.export` writes a model.

        Args:
            filepath: str or path.
            *args: as in Keras.
            **kwargs: as in Keras: `format`, `input_signature`, …

        Raises:
            RuntimeError: if Keras fails to, on the torch backend.
        """
        try:
            return self.target.export(filepath, *args, **kwargs)
        except Exception as error:
            if keras.backend.backend() != "torch":
                raise
            first = (str(error).strip().splitlines() or [""])[0]
            raise RuntimeError(
                "Keras must be able to export a target. Received, on the torch "
                f"backend: {type(error).__name__} {first[:200]}. Save it, "
                "model.target.save('target.keras'), and export it where "
                "KERAS_BACKEND is 'tensorflow' or 'jax': "
                "keras.saving.load_model('target.keras').export(...)."
            ) from error

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Prints the models of the transfer, as source and target.

        Args:
            *args: as in Keras.
            **kwargs: as in Keras.
        """
        with called_by_side(self.sources, self.target):
            super().summary(*args, **kwargs)

    @property
    def trainable_variables(self) -> list:
        return self._pair.trainable_variables if self.trainable else []

    @property
    def non_trainable_variables(self) -> list:
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trainable]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    def _shown(self, labels, outputs, sample_weight):
        """What `TransferMetrics` shows of a batch, where no step has added it."""
        told = self.objective.told(outputs)
        masks = self.objective.masks(told, labels, sample_weight)
        losses = self.objective.losses(outputs, told, masks, labels, sample_weight)
        shown = self.objective.shown(
            outputs, told, masks, losses, labels, sample_weight
        )
        classification = self.classification_loss(
            None, labels, outputs, sample_weight, training=False
        )
        return {**shown, "classification_loss": self._shown_of(classification, outputs)}

    def get_config(self) -> Config:
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **self._options,
            "quantized": [
                quantized_inside(model) for model in (*self.sources, self.target)
            ],
            "source": [serialize(source) for source in self.sources],
            "target": serialize(self.target),
            "transfer_weight": self._transfer_weight.described(),
            "gate": [serialize(term.gate) for term in self.terms.values()],
            "loss": [serialize(term.loss) for term in self.terms.values()],
            "loss_weights": [term.weight for term in self.terms.values()],
        }

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: dict | None = None
    ) -> "DCATModel":
        config = dict(config)
        deserialize = keras.saving.deserialize_keras_object
        for name in ("source", "target", "transfer_weight", "gate", "loss"):
            config[name] = deserialize(config[name], custom_objects)
        models = *config["source"], config["target"]
        for model, layers in zip(models, config.pop("quantized"), strict=True):
            quantize_inside(model, layers)
        return cls(**config)
