"""The shape of a batch: told apart, and checked before a model sees it."""

import contextlib
import sys
import types

import keras

from keras_dcat.transfer import label_rules
from keras_dcat.transfer.callbacks.first_epoch import EMPTY_MESSAGE
from keras_dcat.transfer.input_values import BatchValues
from keras_dcat.transfer.losses.statistics import SourceStatistics

_SIDES = {"source", "target"}


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
        self._refused = None

    def _as_it_comes(self, specs):
        return specs if specs is None or self.num_sources else specs[0]

    def as_pair(self, inputs):
        """`(sources, target)` if `inputs` are a pair, `None` if not.

        There is a tuple of sources, also of one.

        A pair is a dict with the keys `source` and `target`, and `transfer_mask` if it
        likes, or a sequence of two, whose second part is nested like the target's
        input. So the two inputs of a target that takes two are not mistaken for one.
        """
        if isinstance(inputs, dict) and set(inputs) - {"transfer_mask"} == _SIDES:
            pair = inputs["source"], inputs["target"]
        elif isinstance(inputs, (list, tuple)) and len(inputs) == 2:
            pair = tuple(inputs)
        else:
            return None
        if not _nested_alike(pair[1], self.target_spec):
            return None
        return self._sources(pair[0]), pair[1]

    def _sources(self, part):
        """The sources' part of a pair as a tuple; one that does not fit, as it is."""
        if self.num_sources is None:
            is_tuple = isinstance(part, (list, tuple)) and len(part) == 1
            is_in_one = is_tuple and not _nested_alike(part, self.source_spec)
            return tuple(part) if is_in_one else (part,)
        return tuple(part) if type(part) in (list, tuple) else part

    def _part(self, sources):
        """The sources as they come in a pair."""
        return sources if self.num_sources else sources[0]

    def checked(self, x, y, pairs_only, *, sample_weight=None, weighs_classes=False):
        """`x` and `y` as `fit` got them, with every batch checked before use.

        Arrays are checked here and now, in one pass. Datasets keep their kind
        and are checked batch by batch, each before the model sees it. What is
        none of these (a torch `DataLoader`) is passed on as it is.

        Args:
            x: what `fit` or `evaluate` got.
            y: likewise.
            pairs_only: bool. Whether the target's input alone is refused.
            sample_weight: what `fit` or `evaluate` got, with arrays.
            weighs_classes: bool. Whether Keras is to look up a weight for each label.

        Returns:
            `(x, y)`.

        Raises:
            ValueError: what is wrong, with which argument, and what to do.
        """
        values = BatchValues(self.head, weighs_classes)
        tf = sys.modules.get("tensorflow")
        if tf is not None and isinstance(x, tf.data.Dataset):
            return self._checked_dataset(tf, x, pairs_only, values), y
        if isinstance(x, keras.utils.PyDataset):
            return _CheckedPyDataset(x, self, pairs_only, values), y
        if isinstance(x, types.GeneratorType):
            return (self.checked_batch(batch, pairs_only) for batch in x), y
        if keras.tree.is_nested(x) or hasattr(x, "shape"):
            self._check_arrays(x, y, sample_weight, pairs_only, values)
        return x, y

    def checked_validation(self, validation_data):
        """`validation_data` of `fit`: arrays `(x, y, …)` or a dataset, checked."""
        if isinstance(validation_data, (list, tuple)):
            return self.checked_batch(validation_data, pairs_only=False)
        return self.checked(validation_data, None, pairs_only=False)[0]

    @contextlib.contextmanager
    def readable_errors(self):
        """Turns what the backends raise for bad batches into a `ValueError`."""
        self._refused = None
        try:
            yield
        except StopIteration:
            raise ValueError(EMPTY_MESSAGE) from None
        except Exception as error:
            message = self._refused or BatchValues(self.head).message_in(error)
            if EMPTY_MESSAGE in str(error):
                message = EMPTY_MESSAGE
            if message is None:
                raise
            raise ValueError(message) from None

    def checked_batch(self, batch, pairs_only, values=None):
        """A batch `(inputs, labels)`, with weights or without, as it was.

        Args:
            batch: tuple of nested arrays.
            pairs_only: bool. Whether the target's input alone is refused.
            values: `BatchValues`.

        Returns:
            the batch.

        Raises:
            ValueError: what is wrong with it.
        """
        try:
            x, y, sample_weight = _parts(batch)
            values = values or BatchValues(self.head)
            self._check_arrays(x, y, sample_weight, pairs_only, values)
        except ValueError as error:
            # TensorFlow, where it reads, makes another error of it.
            self._refused = str(error)
            raise
        return batch

    def _check_arrays(self, x, y, sample_weight, pairs_only, values):
        sides = self._check_structure(x, y, pairs_only)
        counts = {len(leaf) for leaf in keras.tree.flatten((x, y))}
        if counts != {len(y)} or not len(y):
            raise ValueError(
                "There must be the same number of windows in every input and one "
                f"label for each, and at least one. Received: {sorted(counts)} windows "
                "and labels. Check how the arrays were cut."
            )
        inputs = {side: inputs for side, (inputs, _) in sides.items()}
        values.check_arrays(inputs, y, sample_weight)

    def _checked_dataset(self, tf, dataset, pairs_only, values):
        if int(dataset.cardinality()) == 0:
            raise ValueError(EMPTY_MESSAGE)
        x, y, _ = _parts(dataset.element_spec)
        self._check_structure(x, y, pairs_only)
        values.check_label_kind(y)

        def check(*batch):
            x, y, sample_weight = _parts(batch)
            sides = {side: inputs for side, (inputs, _) in self._sides(x).items()}
            return values.asserted(batch, sides, y, sample_weight)

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
        is_pair = pair is not None and not _all_fit(inputs, self.source_spec)
        windows = self._part(pair[0]) if is_pair else inputs
        self._check_side("source", windows, self.source_spec)
        return windows, is_pair

    def _check_structure(self, x, y, pairs_only):
        """Checks nesting and static shapes; `{side: (inputs, spec)}`."""
        pair = self.as_pair(x)
        if pair is None and (pairs_only or not _nested_alike(x, self.target_spec)):
            alone = "" if pairs_only else ", or the target's input alone"
            raise ValueError(
                "A batch must be ((source, target), labels) or "
                '({"source": …, "target": …}, labels)' + f"{alone}. "
                f"Received: inputs {_describe(x)}. "
                "Zip the two modalities into one dataset of synchronized windows."
            )
        if y is None:
            raise ValueError(
                "A batch must hold labels. Received: inputs without labels. "
                "Pass `y`, or yield (inputs, labels)."
            )
        sides = self._sides(x)
        for side, (inputs, spec) in sides.items():
            self._check_side(side, inputs, spec)
        if not label_rules.fits(self.head, _shape(y)):
            remedy = "Use the classes that the models were built with."
            if not hasattr(y, "shape"):
                remedy = "Make an array of them: np.asarray(labels)."
            elif _shape(y) is None:
                remedy = "Say so where they are made: `labels.set_shape((None,))`."
            raise ValueError(
                f"Labels must be {label_rules.forms(self.head)}. "
                f"Received: {_describe(y)}. {remedy}"
            )
        return sides

    def _check_side(self, side, inputs, spec):
        if not _all_fit(inputs, spec):
            raise ValueError(
                f"{_named(side)} must be {_describe(spec)}. "
                f"Received: {_describe(inputs)}. "
                "Check the order (source, target), the window length, and that "
                "the dataset is batched."
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
        shares = x.get("transfer_mask") if isinstance(x, dict) else None
        if shares is not None:
            each = () if self.num_sources is None else (self.num_sources,)
            sides["transfer_mask"] = (shares, keras.KerasTensor((None, *each)))
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


def teaching_shares(inputs, num_sources: int):
    """How much each window of a pair may teach; `None` if that is not said.

    Args:
        inputs: a pair.
        num_sources: int.

    Returns:
        float tensor `(batch, sources)`, or `None`.
    """
    shares = inputs.get("transfer_mask") if isinstance(inputs, dict) else None
    if shares is None or num_sources > 1:
        return shares
    return keras.ops.reshape(shares, (-1, 1))


class _CheckedPyDataset(keras.utils.PyDataset):
    """A `PyDataset` whose batches are checked as they are read."""

    def __init__(self, dataset, batch_format, pairs_only, values):
        super().__init__(
            workers=dataset.workers,
            use_multiprocessing=dataset.use_multiprocessing,
            max_queue_size=dataset.max_queue_size,
        )
        self.dataset = dataset
        self.batch_format = batch_format
        self.pairs_only = pairs_only
        self.values = values

    @property
    def num_batches(self):
        return self.dataset.num_batches

    def __getitem__(self, index):
        return self.batch_format.checked_batch(
            self.dataset[index], self.pairs_only, self.values
        )

    def on_epoch_begin(self):
        self.dataset.on_epoch_begin()

    def on_epoch_end(self):
        self.dataset.on_epoch_end()


def _parts(batch):
    """Inputs, labels and weights of a batch; no weights are `None`."""
    if not isinstance(batch, (list, tuple)) or not 2 <= len(batch) <= 3:
        raise ValueError(
            "A batch must be (inputs, labels) or (inputs, labels, sample_weight). "
            f"Received: {_describe(batch)}. "
            "Yield a tuple whose first part is the pair (source, target)."
        )
    return (*batch, None)[:3]


def _named(side):
    return f"The input of the {side}" if side in _SIDES else f"`{side}`"


def _nested_alike(structure, spec):
    if not keras.tree.is_nested(spec):
        return not keras.tree.is_nested(structure)
    try:
        keras.tree.assert_same_structure(
            keras.tree.lists_to_tuples(structure), keras.tree.lists_to_tuples(spec)
        )
    except (ValueError, TypeError):
        return False
    return True


def _shape(leaf):
    """Static shape as a tuple, or `None` where even the rank is unknown."""
    shape = getattr(leaf, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(shape)


def _fits(leaf, spec):
    shape = _shape(leaf)
    if shape is None:
        return not isinstance(leaf, (int, float, str))
    return len(shape) == len(spec.shape) and all(
        None in (size, expected) or size == expected
        for size, expected in zip(shape[1:], spec.shape[1:], strict=True)
    )


def _all_fit(inputs, spec):
    return _nested_alike(inputs, spec) and all(
        map(_fits, keras.tree.flatten(inputs), keras.tree.flatten(spec))
    )


def _describe(structure):
    """Nesting and shapes of a batch, in words that fit into one line."""
    if isinstance(structure, dict):
        parts = (f"{k!r}: {_describe(v)}" for k, v in structure.items())
        return "{" + ", ".join(parts) + "}"
    if isinstance(structure, (list, tuple)) and len(structure) <= 4:
        return "(" + ", ".join(map(_describe, structure)) + ")"
    if hasattr(structure, "shape"):
        return f"of shape {_shape(structure)}"
    return f"a {type(structure).__name__}"
