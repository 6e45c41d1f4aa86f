"""The models of a transfer: sources that are frozen, and a target that learns."""

import keras
from keras import ops

from keras_dcat.transfer.head import Head
from keras_dcat.transfer.losses.statistics import KeyValueStatistic, SourceStatistics
from keras_dcat.transfer.models.adapter import (
    FeatureAdapter,
    ProjectionAdapter,
    num_features,
)
from keras_dcat.transfer.models.branch import Branch
from keras_dcat.transfer.outputs import SourceOutputs


class ModelPair:
    """Sources and a target, and which of their attention layers are compared.

    Args:
        sources: tuple of `keras.Model`.
        source_heads: tuple of the `Head` of each; `None` for one that gives features.
        target: `keras.Model`.
        target_head: `Head`.
        source_attention: name of a layer, list of names, or `None`; for several
            sources a list of these, or `None`.
        target_attention: name of a layer, list of names, or `None`.
        adapt_sizes: bool. Whether sizes may differ.

    Attributes:
        head: `Head` of the target.
        names_attentions: bool. Whether any layer is named.

    Raises:
        ValueError: if the layers do not make pairs.
    """

    def __init__(
        self,
        sources: tuple[keras.Model, ...],
        source_heads: tuple[Head | None, ...],
        target: keras.Model,
        target_head: Head,
        source_attention=None,
        target_attention=None,
        adapt_sizes: bool = False,
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
        self.names_attentions = any(sum([target_names, *source_names], []))
        self.head = target_head
        self.target = Branch(target, target_head, target_names)
        self.sources = tuple(map(Branch, sources, source_heads, source_names))
        self.adapt_sizes = adapt_sizes
        self.adapters: list[list[keras.layers.Layer]] = []
        self.feature_adapters: list[keras.layers.Layer] = []

    def why_not(self, reads: str) -> str | None:
        """Why a loss cannot be read of these models, as an error says it.

        Args:
            reads: what the loss reads.

        Returns:
            str, or `None` where it can be read of the target and of a source.
        """
        problem = self.target.why_not(reads)
        if problem is not None:
            return problem
        problems = [source.why_not(reads) for source in self.sources]
        if reads in ("projections", "features") and any(problems):
            return next(filter(None, problems))
        if all(problems):
            return problems[0]
        if reads != "projections" or self.adapt_sizes:
            return None
        pairs: list = sum(self._pairs_of_attentions(), [])
        return next(filter(None, map(_why_not_compared, pairs)), None)

    def read(self, compared):
        """Sets what is read of each pass, and maps the target's to a source's size.

        Args:
            compared: set of what losses read.
        """
        for branch in (*self.sources, self.target):
            branch.read(compared)
        if "projections" in compared and self.adapt_sizes:
            self.adapters = [
                [ProjectionAdapter(*pair) for pair in pairs]
                for pairs in self._pairs_of_attentions()
            ]
        if "features" in compared:
            self.feature_adapters = [
                FeatureAdapter(num_features(source), num_features(self.target))
                for source in self.sources
            ]

    @property
    def trainable_variables(self):
        """Those of the target, and of the adapters, if there are any."""
        adapters = [*sum(self.adapters, []), *self.feature_adapters]
        extra = [v for adapter in adapters for v in adapter.trainable_variables]
        return self.target.model.trainable_variables + extra

    @property
    def num_believing(self) -> int:
        """How many of the sources say how probable classes are."""
        heads = [source.head for source in self.sources]
        return sum(head is not None and head.has_beliefs for head in heads)

    def statistics_specs(self):
        """What `SourceStatistics` of each source look like.

        Returns:
            tuple of `SourceStatistics` of `KerasTensor`s.
        """
        return tuple(map(_statistics_spec, self.sources))

    def statistics(self, windows):
        """What each frozen source says of its windows.

        Args:
            windows: sequence of inputs, or of `SourceStatistics` in their place, one
                for each source.

        Returns:
            list of `(log_probabilities, projections, features, values)`.
        """
        found = []
        for source, inputs in zip(self.sources, windows, strict=True):
            if isinstance(inputs, SourceStatistics):
                known = keras.tree.map_structure(_float32, inputs)
                found.append(tuple(known))
                continue
            own = source.frozen(inputs)
            believed, values = source.told(own)
            found.append((believed, own.projections, own.features, values))
        return found

    def compared(self, statistics, target, transfer_mask):
        """What each source says, beside what the target is to be compared by.

        Args:
            statistics: as of `statistics`.
            target: `Pass` of the target.
            transfer_mask: float tensor `(batch, sources)`, how much each may teach, or
                `None`.

        Returns:
            tuple of `SourceOutputs`.
        """
        outputs = []
        for at, (source, own) in enumerate(zip(self.sources, statistics, strict=True)):
            believed, projections, features, values = own
            learned = target.projections
            if self.adapters:
                learned = [
                    adapter(each)
                    for adapter, each in zip(self.adapters[at], learned, strict=True)
                ]
            compared = tuple(zip(projections, learned, strict=True))
            pair = ()
            if self.feature_adapters:
                pair = features, self.feature_adapters[at](target.features)
            if transfer_mask is None:
                mask = ops.ones(ops.shape(target.prediction)[:1], "float32")
            else:
                mask = transfer_mask[:, at]
            head = self.head
            if source.head is not None and source.head.has_beliefs:
                believed = source.head.at_steps_of(head, believed)
            elif source.head is not None:
                values = head.values(source.head.at_steps_of(head, values))
            outputs.append(SourceOutputs(believed, compared, mask, pair, values))
        return tuple(outputs)

    def _pairs_of_attentions(self):
        target = self.target.find_attentions()
        return [
            list(zip(source.find_attentions(), target, strict=True))
            for source in self.sources
        ]


def _names_of_each(sources, names):
    """For each source, the list of its attention layers that are compared."""
    if len(sources) == 1:
        return [_as_list(names)]
    if names is None:
        return [[None]] * len(sources)
    return [_as_list(each) for each in _as_list(names)]


def _float32(x):
    return ops.cast(x, "float32")


def _statistics_spec(source):
    believed, values, features = (), (), ()
    if source.head is not None and source.head.has_beliefs:
        believed = keras.KerasTensor((None, *source.head.belief_shape))
    elif source.head is not None:
        values = keras.KerasTensor((None, *source.head.output_shape))
    if source.gives_features or source.classifier is not None:
        features = keras.KerasTensor((None, num_features(source)))
    layers = tuple(map(_statistic_spec, source.attentions))
    return SourceStatistics(believed, layers, features, values)


def _statistic_spec(layer):
    sizes = layer.num_heads, layer.key_dim, layer.value_dim
    return KeyValueStatistic(
        keras.KerasTensor((None, *sizes)), keras.KerasTensor((None,))
    )


def _as_list(names):
    return list(names) if isinstance(names, (list, tuple)) else [names]


def _why_not_compared(pair):
    names = ("num_heads", "key_dim", "value_dim")
    sizes = [{n: getattr(layer, n) for n in names} for layer in pair]
    if sizes[0] == sizes[1]:
        return None
    return (
        "The `AttentionKV` of source and target must have the same sizes. "
        f"Received: {sizes[0]} for the source and {sizes[1]} for the target. "
        "Build one of them anew with the other's sizes, or pass adapt_sizes=True."
    )
