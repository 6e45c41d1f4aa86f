"""The model that is trained on pairs and used on the target alone."""

import functools
from collections.abc import Callable

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_dcat.attention import AttentionKV
from keras_dcat.quantization import quantize_inside, quantized_inside
from keras_dcat.transfer import combination as combinations
from keras_dcat.transfer import junction
from keras_dcat.transfer.callbacks.first_epoch import EMPTY_MESSAGE
from keras_dcat.transfer.distribution_alignment import DistributionAlignment
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.inputs import BatchFormat, teaching_shares
from keras_dcat.transfer.labelled_metrics import as_passed, over_labelled_windows
from keras_dcat.transfer.losses.cross_entropy import (
    CrossEntropy,
    class_indices,
    for_classification,
    over_labelled,
)
from keras_dcat.transfer.models import inspection
from keras_dcat.transfer.models.pair import ModelPair
from keras_dcat.transfer.objective import (
    over_replicas,
    transfer_metrics,
    transfer_terms,
)
from keras_dcat.transfer.outputs import PairOutputs
from keras_dcat.transfer.training import PairLoops
from keras_dcat.transfer.transfer_weight import TransferWeight


@keras.saving.register_keras_serializable(package="keras_dcat")
class DCATModel(PairLoops, keras.Model):
    """A target modality that learns from a frozen source, and then runs alone.

    In training both see the same moment; the loss is `classification +
    transfer_weight · transfer`, where the transfer is, unless other losses are given,
    that a window's features are nearer to its source's than to those of other windows,
    that what both sides believe is the label, and what they are sure of together that
    of a window without one. Gradients reach the target only. The
    paper's method, which pulls attention statistics `KᵀV` together, is
    `DCATModel(source, target, 0.01, "correct", MaskedCrossAttentionLoss("none"))`.

    Keras's own training step is used as it is, on every backend: this class
    says what a pass over a pair is (`call`), what it costs (`compute_loss`), and
    that only the target's weights are trainable. The source runs once a step, in
    inference mode, as a function of its variables: whatever it would do to its
    own state (batch statistics, random seeds) is dropped, and its `trainable`
    stays what you set.

    Args:
        source: built `keras.Model` with one `AttentionKV` and a classifier,
            already trained. Functional, Sequential, nested or subclassed. Or a list
            of several.
        target: likewise, with the same classes and, if `KᵀV` is compared, the same
            sizes of `AttentionKV`. Trained in place: `model.target` is this very model.
        transfer_weight: float ≥ 0, λ, or a schedule over the steps of training from
            `keras.optimizers.schedules`. A number may be assigned between epochs.
        gate: which windows may teach: `None` (all), `"soft"` (as much as the source is
            sure of the true class, or, without a label, of any), `"correct"` (the
            paper's mask: only windows that it gets right, and none without a label),
            `"correct_or_confident"` (right, or without a label at least 90 % sure), `"confident"` (at
            least 90 % sure), or a registered function
            `(labels, source_probabilities) -> (batch,)`.
        loss: a transfer loss, or a list of some that are added up; those of
            `keras.distillation` that compare outputs are taken, too. Unless given,
            `FeatureInfoNCE()`, weighed 10, `AgreementPseudoLabels()`, weighed 5, and
            `FusedPseudoLabels()`, weighed 10. A target without any label needs
            `LogitsDistillation()` among them.
        loss_weights: list of float, one for each loss. All 1 unless given.
        source_attention: str. Name of the source's layer, if it has several; a list
            of names to compare several layers. With several sources, a list with
            one of these for each.
        target_attention: str, or a list of as many names.
        combination: which of several sources teaches a window: `"mean"` (all that
            may), `"best"` (the one that is surest of the true class), `"agree"` (all
            that may, where they believe the same) or `"product"` (all that may, with
            one belief: the product of their probabilities).
        adapt_sizes: bool. Whether sizes of `AttentionKV` may differ: the target's keys
            and values are then mapped to the source's by layers that are trained
            along, and are no part of the target.
        gradients: how the transfer's gradient joins the classification's at keys and
            values and at the prediction: `"sum"`, `"balanced"` (a share λ of the
            classification's in length, whatever the losses) or `"projected"` (without
            what opposes the classification's). See docs/method.md.
        **kwargs: `name` and the like, as for any model.

    Call args:
        inputs: the target's input, or a pair `(source, target)` or
            `{"source": …, "target": …}`; the source's part is a list for several. A
            dict may also hold `"transfer_mask"`, float `(batch,)`, or `(batch, sources)`
            for several: by how much the gate is multiplied, window by window, 0 where
            there is no source.
        training: bool. For the target; the source never trains.

    Returns:
        the target's output `(batch, classes)`; for a pair, `PairOutputs`.

    Raises:
        ValueError: if a model is not built, has no `AttentionKV`, has several
            and none is named, if it has no `Dense` classifier whose features a loss
            reads, if it ends in a sigmoid, if the two differ in sizes or classes, or if
            the name of an option is unknown.

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
        transfer_weight: float | LearningRateSchedule = 0.1,
        gate: str | Callable | None = None,
        loss: keras.losses.Loss | list | None = None,
        *,
        loss_weights: list[float] | None = None,
        source_attention: str | list | None = None,
        target_attention: str | list[str] | None = None,
        combination: str = "mean",
        adapt_sizes: bool = False,
        gradients: str = "sum",
        **kwargs,
    ):
        # Each branch casts its own inputs: their policies may differ.
        super().__init__(autocast=False, **kwargs)
        sources = list(source) if isinstance(source, (list, tuple)) else [source]
        inspection.check_separate(sources, target)
        self.source = source
        self.target = target
        self._transfer_losses = inspection.named_losses(loss, loss_weights)
        compared = {loss.reads for loss in self.transfer_losses}
        attentions = source_attention, target_attention
        self._sides = ModelPair(sources, target, *attentions, adapt_sizes, compared)
        self._options = {
            "source_attention": source_attention,
            "target_attention": target_attention,
            "combination": combination,
            "adapt_sizes": adapt_sizes,
            "gradients": gradients,
        }
        # So that Keras saves them.
        self._adapters = self._sides.adapters
        self._feature_adapters = self._sides.feature_adapters
        self.gate = gates.get(gate)
        self._combination = combinations.get(combination)
        self._transfer_weight = TransferWeight(transfer_weight, name="transfer_weight")
        self._junction = junction.get(gradients, self._transfer_weight)
        self._transfer_metrics = transfer_metrics(self._transfer_losses, len(sources))
        specs = [inspection.input_spec(model) for model in sources]
        several = isinstance(source, (list, tuple))
        self._batch_format = BatchFormat(
            tuple(specs) if several else specs[0],
            inspection.input_spec(target),
            num_sources=len(sources) if several else None,
        )
        self.num_classes = inspection.count_classes(self, self._batch_format.pair_spec)
        inspection.check_classifiers(self._sides, self.num_classes)
        self._batch_format.num_classes = self.num_classes
        self._joint_belief = None
        if "fused_log_probabilities" in compared:
            self._joint_belief = DistributionAlignment(
                len(sources), self.num_classes, name="joint_belief"
            )
        specs = self._sides.statistics_specs(self.num_classes)
        self._batch_format.statistics_spec = tuple(specs) if several else specs[0]
        self.built = True
        self._notice_other_weights()
        self.compile()

    @property
    def source_attention(self) -> AttentionKV | list:
        """The source's `AttentionKV`; lists, where there are several."""
        return self._sides.source_attention

    @property
    def target_attention(self) -> AttentionKV | list[AttentionKV]:
        """The target's `AttentionKV`; a list, where there are several."""
        return self._sides.target_attention

    @property
    def transfer_losses(self) -> list[keras.losses.Loss]:
        """The transfer losses, in the order in which they were given."""
        return [loss for loss, _ in self._transfer_losses.values()]

    @property
    def active_losses(self) -> list[keras.losses.Loss]:
        """Those of the transfer losses that weigh more than nothing."""
        return [loss for loss, weight in self._transfer_losses.values() if weight > 0]

    @property
    def gives_logits(self) -> bool:
        """Whether the target predicts logits, not probabilities."""
        return self._sides.target.gives_logits

    @property
    def transfer_weight(self) -> float:
        """λ, the weight of the transfer losses, as a float: what it is now."""
        return float(self._transfer_weight())

    @transfer_weight.setter
    def transfer_weight(self, value):
        self._transfer_weight.assign(value)

    def compile(
        self,
        optimizer="adam",
        loss=None,
        *,
        metrics=None,
        weighted_metrics=None,
        **kwargs,
    ):
        """Sets the training up; what is not named keeps a sensible default.

        The constructor has called it already. All arguments of
        `keras.Model.compile` are taken, `loss` being the classification loss.

        Args:
            optimizer: as in Keras.
            loss: as in Keras. Cross-entropy unless given, for integer or one-hot
                labels, on logits or probabilities as the target's head gives.
            metrics: as in Keras, on the target's output. Windows without a label do not
                count in them; where none counts, they are NaN.
            weighted_metrics: likewise, and `sample_weight` weighs the others. Accuracy,
                unless any metrics are given.
            **kwargs: any other argument of `keras.Model.compile`.

        Raises:
            ValueError: if a metric is unknown, or cannot leave windows out.
        """
        if loss is None:
            loss = CrossEntropy(from_logits=self.gives_logits)
        if metrics is None and weighted_metrics is None:
            weighted_metrics = ["accuracy"]
        super().compile(
            optimizer=optimizer,
            loss=loss,
            metrics=over_labelled_windows(metrics, self.num_classes),
            weighted_metrics=over_labelled_windows(weighted_metrics, self.num_classes),
            **kwargs,
        )

    def get_compile_config(self):
        return as_passed(super().get_compile_config())

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def call(self, inputs, training=False):
        if inputs is None:  # what torch makes of a dataset that turns out empty
            raise ValueError(EMPTY_MESSAGE)
        pair = self._batch_format.as_pair(inputs)
        if pair is None:
            return self.target(inputs, training=training)
        shares = teaching_shares(inputs)
        if self._batch_format.num_sources is None:
            pair = ([pair[0]], pair[1])
            shares = None if shares is None else shares[:, None]
        return self._sides.passed(*pair, shares, training, self._junction)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Classification loss plus `transfer_weight` times the transfer losses."""
        compared = y_pred
        if isinstance(y_pred, PairOutputs):
            y_pred, compared = y_pred.parted(self._junction if training else None)
        known, weights = for_classification(y, sample_weight, self.num_classes)
        labels = class_indices(y, self.num_classes)
        weights = over_labelled(weights, labels)
        classification = super().compute_loss(
            x, known, _prediction(y_pred), weights, training=training
        )
        if not isinstance(y_pred, PairOutputs):
            return classification
        joint = self._joint_belief
        if joint is not None:
            joint = functools.partial(joint, training=training)
        transfer, shown = transfer_terms(
            compared,
            labels,
            sample_weight,
            self.gate,
            self._combination,
            self._transfer_losses,
            self.gives_logits,
            joint,
        )
        batch = ops.shape(labels)[0]
        shown["classification_loss"] = over_replicas(classification), batch
        for name, (value, count) in shown.items():
            self._transfer_metrics[name].update_state(value, sample_weight=count)
        transfer = self._transfer_weight(training=training) * transfer
        return classification + ops.cast(transfer, classification.dtype)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """The metrics of `compile` on the target's output, and the transfer's."""
        results = super().compute_metrics(x, y, _prediction(y_pred), sample_weight)
        hidden = {} if isinstance(y_pred, PairOutputs) else self._transfer_metrics
        return {name: value for name, value in results.items() if name not in hidden}

    def export(self, filepath, *args, **kwargs):
        """Writes the target alone, as `keras.Model.export` writes a model.

        Args:
            filepath: str or path.
            *args: as in Keras.
            **kwargs: as in Keras: `format`, `input_signature`, …
        """
        return self.target.export(filepath, *args, **kwargs)

    @property
    def trainable_variables(self):
        return self._sides.trainable_variables if self.trainable else []

    @property
    def non_trainable_variables(self):
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trainable]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    @property
    def _models(self):
        return [branch.model for branch in (*self._sides.sources, self._sides.target)]

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            **self._options,
            "quantized": [quantized_inside(model) for model in self._models],
            "source": serialize(self.source),
            "target": serialize(self.target),
            "transfer_weight": self._transfer_weight.described(),
            "gate": serialize(self.gate),
            "loss": [serialize(loss) for loss in self.transfer_losses],
            "loss_weights": [weight for _, weight in self._transfer_losses.values()],
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        deserialize = keras.saving.deserialize_keras_object
        for name in ("source", "target", "transfer_weight", "gate", "loss"):
            config[name] = deserialize(config[name], custom_objects)
        models = keras.tree.flatten((config["source"], config["target"]))
        for model, layers in zip(models, config.pop("quantized"), strict=True):
            quantize_inside(model, layers)
        return cls(**config)


def _prediction(y_pred):
    """The target's output, of a pair or not."""
    return y_pred.prediction if isinstance(y_pred, PairOutputs) else y_pred
