"""The shape of a batch: told apart, and checked before a model sees it."""

import functools
import sys

import keras
import numpy as np

from keras_dcat.class_labels import check_kind
from keras_dcat.constant_data import constants_of
from keras_dcat.transfer import label_rules
from keras_dcat.transfer.class_weight import ClassWeights, check_not_both
from keras_dcat.transfer.input_batches import with_each_batch
from keras_dcat.transfer.input_shapes import (
    EMPTY_MESSAGE,
    all_fit,
    check_dense,
    check_numbers,
    describe,
    nested_alike,
    static_shape,
)
from keras_dcat.transfer.input_values import BatchValues
from keras_dcat.transfer.losses.statistics import SourceStatistics

_SIDES = {"source", "target"}
_ORDER_CURE = (
    "Check the order (source, target), the window length, and that the dataset is "
    "batched."
)
_CURES = {
    "transfer_mask": "Make an array of one number from 0 to 1 for each window, and for "
    "each source if there are several; or leave it out.",
}


class BatchFormat:
    """What a batch for a given source and target looks like.

    Args:
        source_specs: tuple of nested `KerasTensor`s, the input of each source.
        target_spec: likewise, the target's.
        head: `Head` of the target.
        statistics_specs: tuple of the `SourceStatistics` that may take the place of
            each source's windows; `None` where they may not.

    Attributes:
        source_spec: as given; of a single source without the tuple, as its part of a
            pair comes.
        statistics_spec: likewise.
        num_sources: int, where there are several.
    """

    def __init__(self, source_specs, target_spec, head, statistics_specs=None):
        self.num_sources = None if len(source_specs) == 1 else len(source_specs)
        self.source_spec = self._as_it_comes(source_specs)
        self.statistics_spec = self._as_it_comes(statistics_specs)
        self.target_spec = target_spec
        self.head = head

    def _as_it_comes(self, specs):
        return specs if specs is None or self.num_sources else specs[0]

    def as_pair(self, inputs):
        """`(sources, target)` if `inputs` are a pair, `None` if not.

        There is a tuple of sources, also of one.

        A pair is a dict with the keys `source` and `target`, and `transfer_mask` if it
        likes, or a sequence of two, whose second part is nested like the target's
        input. So the two inputs of a target that takes two are not mistaken for one.
        """
        if isinstance(inputs, dict) and set(inputs) >= _SIDES:
            pair = inputs["source"], inputs["target"]
            if nested_alike(inputs, self.target_spec):
                return None
            self._check_keys(inputs)
        elif isinstance(inputs, (list, tuple)) and len(inputs) == 2:
            pair = tuple(inputs)
        else:
            return None
        if not nested_alike(pair[1], self.target_spec):
            return None
        return self._sources(pair[0]), pair[1]

    def _sources(self, part):
        """The sources' part of a pair as a tuple; one that does not fit, as it is."""
        if self.num_sources is None:
            is_tuple = isinstance(part, (list, tuple)) and len(part) == 1
            is_in_one = is_tuple and not nested_alike(part, self.source_spec)
            return tuple(part) if is_in_one else (part,)
        return tuple(part) if type(part) in (list, tuple) else part

    def _part(self, sources):
        """The sources as they come in a pair."""
        return sources if self.num_sources else sources[0]

    def target_of(self, batch):
        """The target's inputs in a batch, which may be of pairs and may have labels.

        Args:
            batch: nested arrays, as a dataset yields them.

        Returns:
            nested arrays.
        """
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        pair = self.as_pair(x)
        if pair is not None:
            return pair[1]
        if isinstance(x, (list, tuple)) and len(x) == 1:
            x = x if nested_alike(x, self.target_spec) else x[0]
        if not all_fit(x, self.target_spec) and all_fit(y, self.target_spec):
            return y  # of a pair whose labels were left out
        return x

    def checked(
        self,
        x,
        y,
        pairs_only,
        *,
        sample_weight=None,
        class_weight=None,
        refusals=None,
    ):
        """What `fit` got, with every batch checked before use, and weighed by class.

        Arrays are checked here and now, in one pass. What comes in batches keeps its
        kind and is checked batch by batch, each before the model sees it.

        Args:
            x: what `fit` or `evaluate` got.
            y: likewise.
            pairs_only: bool. Whether the target's input alone is refused.
            sample_weight: what `fit` or `evaluate` got, with arrays.
            class_weight: what `fit` got.
            refusals: list, to which goes what was wrong with a batch.

        Returns:
            `(x, y, sample_weight)`. The weights of classes are in `sample_weight`, or
            in the batches.

        Raises:
            ValueError: what is wrong, with which argument, and what to do.
        """
        values = BatchValues(self.head)
        class_weights = None
        if class_weight is not None:
            check_not_both(sample_weight)
            class_weights = ClassWeights(class_weight, self.head)
        tf = sys.modules.get("tensorflow")
        if tf is not None and isinstance(x, tf.data.Dataset):
            x = self._checked_dataset(tf, x, pairs_only, values, class_weights)
            return x, y, sample_weight
        check = functools.partial(
            self.checked_batch,
            pairs_only=pairs_only,
            class_weights=class_weights,
            refusals=refusals,
        )
        batches = with_each_batch(x, check)
        if batches is not None:
            return batches, y, sample_weight
        if not keras.tree.is_nested(x) and not hasattr(x, "shape"):
            raise ValueError(
                "Data must be arrays, or batches from a tf.data.Dataset, "
                "keras.utils.PyDataset, generator, or DataLoader of torch or Grain. "
                f"Received: a {type(x).__name__}. Make a generator of what yields "
                "batches: (batch for batch in data)."
            )
        self._check_arrays(x, y, sample_weight, pairs_only, values)
        if class_weights is not None:
            sample_weight = class_weights.of_arrays(y)
        return x, y, sample_weight

    def checked_validation(self, validation_data, refusals=None):
        """`validation_data` of `fit`: arrays `(x, y, …)` or a dataset, checked."""
        if isinstance(validation_data, (list, tuple)):
            return self.checked_batch(validation_data, pairs_only=False)
        data = self.checked(validation_data, None, pairs_only=False, refusals=refusals)
        return data[0]

    def checked_batch(self, batch, pairs_only, class_weights=None, refusals=None):
        """A batch `(inputs, labels)`, with weights or without, whose lists are tuples.

        Args:
            batch: tuple of nested arrays.
            pairs_only: bool. Whether the target's input alone is refused.
            class_weights: `ClassWeights`, which the batch then has for its windows.
            refusals: list, to which goes what is wrong with the batch.

        Returns:
            tuple of nested arrays.

        Raises:
            ValueError: what is wrong with it.
        """
        try:
            x, y, sample_weight = _parts(batch)
            values = BatchValues(self.head)
            self._check_arrays(x, y, sample_weight, pairs_only, values)
            if class_weights is not None:
                check_not_both(sample_weight)
                sample_weight = class_weights.of_arrays(y)
        except ValueError as error:
            # TensorFlow, where it reads, makes another error of it.
            if refusals is not None:
                refusals.append(str(error))
            raise
        weights = () if sample_weight is None else (sample_weight,)
        # TensorFlow makes one tensor of a list.
        return keras.tree.lists_to_tuples((x, y, *weights))

    def _check_arrays(self, x, y, sample_weight, pairs_only, values):
        sides = self._check_structure(x, y, sample_weight, pairs_only)
        parts = (x, y) if sample_weight is None else (x, y, sample_weight)
        values.check_counts({int(leaf.shape[0]) for leaf in keras.tree.flatten(parts)})
        inputs = {side: inputs for side, (inputs, _) in sides.items()}
        values.check_inputs(inputs, sample_weight)
        values.check_labels(y)

    def _checked_dataset(self, tf, dataset, pairs_only, values, class_weights):
        if int(dataset.cardinality()) == 0:
            raise ValueError(EMPTY_MESSAGE)
        x, y, sample_weight = _parts(dataset.element_spec)
        self._check_structure(x, y, sample_weight, pairs_only)
        values.check_label_kind(y)
        if class_weights is not None:
            check_not_both(sample_weight)
        constants = constants_of(dataset)
        if constants is not None:
            values.check_labels(constants.labels)
            values.check_inputs({"transfer_mask": constants.transfer_mask})
            if class_weights is None:
                return dataset

        def check(*batch):
            x, y, sample_weight = _parts(batch)
            sides = {side: inputs for side, (inputs, _) in self._sides(x).items()}
            batch = values.asserted(batch, sides, y, sample_weight)
            if class_weights is None:
                return batch
            return (*batch[:2], class_weights.of_tensors(batch[1]))

        return dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE)

    def source_of(self, inputs):
        """Windows of the source, whether they come alone or in a pair.

        Args:
            inputs: nested arrays, or their specs.

        Returns:
            `(windows, is_pair)`.

        Raises:
            ValueError: if they are not what the source takes.
        """
        pair = self.as_pair(inputs)
        # What two sources take may look like a pair.
        is_pair = pair is not None and not all_fit(inputs, self.source_spec)
        windows = self._part(pair[0]) if is_pair else inputs
        self._check_side("source", windows, self.source_spec)
        return windows, is_pair

    def _check_structure(self, x, y, sample_weight, pairs_only):
        """Checks nesting, static shapes and dtypes; `{side: (inputs, spec)}`."""
        pair = self.as_pair(x)
        if pair is None and (pairs_only or not nested_alike(x, self.target_spec)):
            alone = "" if pairs_only else ", or the target's input alone"
            raise ValueError(
                "A batch must be ((source, target), labels) or "
                '({"source": …, "target": …}, labels)' + f"{alone}. "
                f"Received: inputs {describe(x)}. "
                "Zip the two modalities into one dataset of synchronized windows."
            )
        sides = self._sides(x)
        for side, (inputs, spec) in sides.items():
            self._check_side(side, inputs, spec)
        self._check_label_shape(y)
        self._check_weight_shape(sample_weight)
        return sides

    def _check_label_shape(self, y):
        if y is None:
            raise ValueError(
                "A batch must hold labels. Received: inputs without labels. "
                "Pass `y`, or yield (inputs, labels)."
            )
        check_dense("Labels", y)
        shape = static_shape(y)
        if not label_rules.fits(self.head, shape):
            remedy = "Use the classes that the models were built with."
            if not hasattr(y, "shape"):
                if any(isinstance(label, str) for label in keras.tree.flatten(y)):
                    check_kind(np.asarray(y))  # as torch collates text
                remedy = "Make an array of them: np.asarray(labels)."
            elif shape is None:
                remedy = "Say so where they are made: `labels.set_shape((None,))`."
            elif len(shape) == 0:
                remedy = "Batch them, or make an array of one: np.reshape(label, 1)."
            raise ValueError(
                f"Labels must be {label_rules.forms(self.head)}. "
                f"Received: {describe(y)}. {remedy}"
            )

    def _check_weight_shape(self, sample_weight):
        if sample_weight is None:
            return
        shapes, steps = [(None,), (None, 1)], ""
        if self.head.steps is not None and self.head.has_beliefs:
            shapes.append((None, self.head.steps))
            steps = f", or for each step, (batch, {self.head.steps})"
        check_dense("`sample_weight`", sample_weight)
        if not any(all_fit(sample_weight, keras.KerasTensor(each)) for each in shapes):
            raise ValueError(
                f"`sample_weight` must be one number for each window, (batch,){steps}. "
                f"Received: {describe(sample_weight)}. "
                "Make an array of such numbers: np.asarray(weights)."
            )
        check_numbers("`sample_weight`", sample_weight)

    def _check_side(self, side, inputs, spec):
        for leaf in keras.tree.flatten(inputs):
            check_dense(_named(side), leaf)
        if not all_fit(inputs, spec):
            raise ValueError(
                f"{_named(side)} must be {describe(spec)}. "
                f"Received: {describe(inputs)}. {_CURES.get(side, _ORDER_CURE)}"
            )
        leaves = zip(keras.tree.flatten(inputs), keras.tree.flatten(spec), strict=True)
        for leaf, expected in leaves:
            check_numbers(_named(side), leaf, expected.dtype)

    def _check_keys(self, inputs):
        unknown = sorted(map(str, set(inputs) - _SIDES - {"transfer_mask"}))
        if unknown:
            raise ValueError(
                "A pair that is a dict must have the keys 'source' and 'target', and "
                f"'transfer_mask' if needed. Received: also {unknown}. "
                "Leave them out, or name them so."
            )

    def _sides(self, x):
        """What is in a checked batch by name: `{side: (inputs, spec)}`."""
        pair = self.as_pair(x)
        if pair is None:
            return {"target": (x, self.target_spec)}
        sides = {
            "source": self._source_side(self._part(pair[0])),
            "target": (pair[1], self.target_spec),
        }
        if isinstance(x, dict) and "transfer_mask" in x:
            each = () if self.num_sources is None else (self.num_sources,)
            sides["transfer_mask"] = (
                x["transfer_mask"],
                keras.KerasTensor((None, *each)),
            )
        return sides

    def _source_side(self, inputs):
        return inputs, self._source_spec_for(inputs)

    def _source_spec_for(self, inputs):
        """What a source's part must look like: windows, or what is known of them."""
        if self.num_sources is None:
            is_known = isinstance(inputs, SourceStatistics)
            return self.statistics_spec if is_known else self.source_spec
        if not isinstance(inputs, (list, tuple)) or len(inputs) != self.num_sources:
            return self.source_spec
        known = [isinstance(each, SourceStatistics) for each in inputs]
        each = zip(known, self.statistics_spec, self.source_spec, strict=True)
        return tuple(statistics if k else spec for k, statistics, spec in each)


def _parts(batch):
    """Inputs, labels and weights of a batch; no weights are `None`."""
    if not isinstance(batch, (list, tuple)) or not 2 <= len(batch) <= 3:
        raise ValueError(
            "A batch must be (inputs, labels) or (inputs, labels, sample_weight). "
            f"Received: {describe(batch)}. "
            "Yield a tuple whose first part is the pair (source, target)."
        )
    return (*batch, None)[:3]


def _named(side):
    return f"The input of the {side}" if side in _SIDES else f"`{side}`"
