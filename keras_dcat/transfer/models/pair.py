"""The sides of a transfer: sources that are frozen, and a target that learns."""

import keras
from keras import ops

from keras_dcat.transfer.losses.statistics import KeyValueStatistic, SourceStatistics
from keras_dcat.transfer.models.adapter import FeatureAdapter, ProjectionAdapter
from keras_dcat.transfer.models.branch import Branch
from keras_dcat.transfer.models.classifiers import num_features
from keras_dcat.transfer.outputs import PairOutputs, SourceOutputs


class ModelPair:
    """Sources and a target, and which of their attention layers are compared.

    Args:
        sources: list of `keras.Model`.
        target: `keras.Model`.
        source_attention: name of a layer, list of names, or `None`; for several
            sources a list of these, or `None`.
        target_attention: name of a layer, list of names, or `None`.
        adapt_sizes: bool. Whether sizes may differ.
        compared: set of what the losses read. Sizes of attention may always differ
            without `"projections"`, and only with `"features"` there must be
            classifiers.

    Raises:
        ValueError: if the layers do not make pairs, or differ in sizes, or if there is
            no classifier whose features to compare.
    """

    def __init__(
        self,
        sources,
        target,
        source_attention,
        target_attention,
        adapt_sizes,
        compared=frozenset({"projections"}),
    ):
        target_names = _as_list(target_attention)
        source_names = _names_of_each(sources, source_attention)
        counts = {len(names) for names in source_names}
        if len(source_names) != len(sources) or counts != {len(target_names)}:
            raise ValueError(
                "`source_attention` must have as many names as `target_attention`, "
                f"for each source. Received: {source_attention} for {len(sources)} "
                f"source(s), and {target_attention}. "
                "Name the layers that are compared in pairs."
            )
        self.target = Branch(target, target_names, compared)
        self.sources = [
            Branch(source, names, compared)
            for source, names in zip(sources, source_names, strict=True)
        ]
        pairs = [
            list(zip(branch.attentions, self.target.attentions, strict=True))
            for branch in self.sources
        ]
        self.adapters = []
        if "projections" in compared and adapt_sizes:
            self.adapters = [[ProjectionAdapter(*p) for p in each] for each in pairs]
        elif "projections" in compared:
            for pair in sum(pairs, []):
                _check_same_sizes(*pair)
        self.feature_adapters = []
        if "features" in compared:
            self.feature_adapters = [
                FeatureAdapter(branch.classifier, self.target.classifier)
                for branch in self.sources
            ]

    @property
    def source_attention(self):
        """The sources' `AttentionKV`; lists, where there are several."""
        return _one_or_all([_one_or_all(source.attentions) for source in self.sources])

    @property
    def target_attention(self):
        """The target's `AttentionKV`; a list, where there are several."""
        return _one_or_all(self.target.attentions)

    @property
    def trainable_variables(self):
        """Those of the target, and of the adapters, if there are any."""
        adapters = [*sum(self.adapters, []), *self.feature_adapters]
        extra = [v for adapter in adapters for v in adapter.trainable_variables]
        return self.target.model.trainable_variables + extra

    def statistics_specs(self, num_classes):
        """What `SourceStatistics` of each source look like.

        Args:
            num_classes: int.

        Returns:
            list of `SourceStatistics` of `KerasTensor`s.
        """
        return [
            SourceStatistics(
                keras.KerasTensor((None, num_classes)),
                tuple(map(_statistic_spec, source.captured)),
                _features_spec(source.classifier),
            )
            for source in self.sources
        ]

    def passed(self, source_inputs, target_inputs, shares, training, junction=None):
        """One pass over a pair.

        Args:
            source_inputs: sequence of inputs, or of `SourceStatistics` in their place,
                one for each source.
            target_inputs: the target's.
            shares: float tensor `(batch, sources)`, how much each may teach, or `None`.
            training: bool. For the target.
            junction: `Junction` of what the target's attention layers project, in
                training, or `None`.

        Returns:
            `PairOutputs`.
        """
        split = junction if training else None
        own = self.target.passed(target_inputs, training, split)
        outputs = []
        for at, (source, inputs) in enumerate(
            zip(self.sources, source_inputs, strict=True)
        ):
            if isinstance(inputs, SourceStatistics):
                taught = keras.tree.map_structure(_float32, inputs)
            else:
                taught = source.frozen(inputs)
            believed, projections, features = taught
            learned = own.projections
            if self.adapters:
                learned = map(_adapted, self.adapters[at], learned)
            compared = tuple(zip(projections, learned, strict=True))
            if self.feature_adapters:
                features = features, self.feature_adapters[at](own.features)
            share = ops.ones_like(believed[:, 0]) if shares is None else shares[:, at]
            outputs.append(SourceOutputs(believed, compared, share, features))
        return PairOutputs(own.prediction, tuple(outputs))


def _names_of_each(sources, names):
    """For each source, the list of its attention layers that are compared."""
    if len(sources) == 1:
        return [_as_list(names)]
    if names is None:
        return [[None]] * len(sources)
    return [_as_list(each) for each in _as_list(names)]


def _float32(x):
    return ops.cast(x, "float32")


def _adapted(adapter, projections):
    return adapter(projections)


def _features_spec(classifier):
    if classifier is None:
        return ()
    return keras.KerasTensor((None, num_features(classifier)))


def _statistic_spec(layer):
    sizes = layer.num_heads, layer.key_dim, layer.value_dim
    return KeyValueStatistic(
        keras.KerasTensor((None, *sizes)), keras.KerasTensor((None,))
    )


def _one_or_all(items):
    return items[0] if len(items) == 1 else list(items)


def _as_list(names):
    return list(names) if isinstance(names, (list, tuple)) else [names]


def _check_same_sizes(source, target):
    names = ("num_heads", "key_dim", "value_dim")
    sizes = [{n: getattr(layer, n) for n in names} for layer in (source, target)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            "The `AttentionKV` of source and target must have the same sizes. "
            f"Received: {sizes[0]} for the source and {sizes[1]} for the target. "
            "Build one of them anew with the other's sizes, or pass adapt_sizes=True."
        )
