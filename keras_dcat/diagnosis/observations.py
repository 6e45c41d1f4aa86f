"""What a source and a target say of the same windows, batch by batch."""

import dataclasses
import math
import sys
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_dcat.transfer.head import described
from keras_dcat.transfer.input_shapes import EMPTY_MESSAGE
from keras_dcat.transfer.inputs import BatchFormat
from keras_dcat.transfer.losses.statistics import statistic_of
from keras_dcat.transfer.memory import SmallerBatches
from keras_dcat.transfer.models import inspection
from keras_dcat.transfer.models.branch import Branch
from keras_dcat.transfer.models.heads import find_head

# What float32 probabilities are told apart by; logits may say much less.
_LEAST_LOG_PROBABILITY = math.log(1e-7)


@dataclasses.dataclass(frozen=True)
class Observations:
    """What was seen of labelled windows.

    Rows are windows; of a head of several labels, or of one for every step, they are
    those of its decisions that have a label.

    Attributes:
        labels: int array `(rows,)`.
        source: float64 array `(rows, classes)`. The source's log-probabilities.
        target: likewise.
        known: bool array `(all windows,)`. Which of those read have a label.
        known_rows: bool array `(all windows, decisions)`. Which of their decisions do.
        window: int array `(rows,)`. Which of the labelled windows a row is of.
        kinds: int array `(rows,)`, the label that a row is of; `None` unless there are
            several.
        statistics: float32 array `(windows, heads · d_k · d_v)`, the source's `KᵀV`
            averaged over time, or `None`.
        features: float32 array `(windows, features)`, the target's keys, values and
            `KᵀV` averaged over time, or `None`.
    """

    labels: np.ndarray
    source: np.ndarray
    target: np.ndarray
    known: np.ndarray
    known_rows: np.ndarray
    window: np.ndarray
    kinds: np.ndarray | None = None
    statistics: np.ndarray | None = None
    features: np.ndarray | None = None

    @property
    def num_windows(self) -> int:
        """Windows that have a label."""
        return int(self.known.sum())

    @property
    def window_classes(self) -> np.ndarray:
        """What tells windows of other labels apart, int array `(windows,)`."""
        if self.known_rows.shape[1] == 1:
            return self.labels
        table = np.full((self.num_windows, self.known_rows.shape[1]), -1)
        table[self.known_rows[self.known]] = self.labels
        return np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)


class ObservedPair:
    """A source and a target that are looked at, and not changed.

    Args:
        source: built `keras.Model`.
        target: likewise.
        source_attention: name of a layer, or `None`.
        target_attention: likewise.
        task: as for `DCATModel`.

    Attributes:
        head: `Head` of the target.
        left_out: str, why `KᵀV` is not read; `None` where it is.
        options: dict. What `DCATModel` must be told to join the two.

    Raises:
        ValueError: if the two cannot be joined.
    """

    def __init__(
        self, source, target, source_attention=None, target_attention=None, task=None
    ):
        if isinstance(source, (list, tuple)):
            raise ValueError(
                "One source is diagnosed at a time. "
                f"Received: {len(source)} sources. Call `diagnose` for each."
            )
        inspection.check_separate([source], target)
        heads = [find_head(model, task) for model in (source, target)]
        _check_heads(*heads)
        self.head = heads[1]
        self._source = Branch(source, heads[0], [source_attention])
        self._target = Branch(target, heads[1], [target_attention])
        branches = (self._source, self._target)
        problems = [branch.why_not("projections") for branch in branches]
        for branch, problem in zip(branches, problems, strict=True):
            if problem is not None and branch.names != [None]:
                raise ValueError(problem)
        self.left_out = next((each for each in problems if each is not None), None)
        if self.left_out is None:
            for branch in branches:
                branch.read({"projections"})
        self._batch_format = BatchFormat(
            (inspection.input_spec(source),), inspection.input_spec(target), self.head
        )
        self.options = {
            name: value
            for name, value in (
                ("task", task),
                ("source_attention", source_attention),
                ("target_attention", target_attention),
            )
            if value is not None
        }
        if self.left_out is None and _sizes(self._source) != _sizes(self._target):
            self.options["adapt_sizes"] = True

    def observe(
        self, data, name: str, batch_size=256, verbose=0, with_features=False
    ) -> Observations:
        """Runs both models once over windows, in inference mode.

        Args:
            data: arrays `((source, target), labels)`, or an iterable of such batches.
            name: str. What the data are called where they are refused.
            batch_size: int. For arrays.
            verbose: as in Keras.
            with_features: bool. Whether to keep what the attention layers read, too.

        Returns:
            `Observations`.

        Raises:
            ValueError: if windows do not fit the models, or if none has a label.
            MemoryError: if there is no memory for a single window.
        """
        batches, count = self._batches(data, name, batch_size)
        shown = f"{name} windows"
        progress = keras.utils.Progbar(
            count, verbose=verbose, stateful_metrics=[shown], unit_name="batch"
        )
        parts, windows = [], 0
        observed = SmallerBatches(lambda x: self._observed(x[0], x[1], with_features))
        for number, (pair, labels) in enumerate(batches, start=1):
            parts.append(observed((pair, labels)))
            windows += len(labels)
            progress.update(number, [(shown, windows)], finalize=False)
        if not parts:
            raise ValueError(EMPTY_MESSAGE)
        progress.update(len(parts), [(shown, windows)], finalize=True)
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        known_rows: np.ndarray = columns[0] >= 0
        known: Any = known_rows.any(axis=1)
        if not known.any():
            raise ValueError(
                f"`{name}` must hold labelled windows. "
                f"Received: {len(known)} windows without a label. "
                "Diagnose with windows whose classes are known."
            )
        window, decision = np.nonzero(known_rows[known])
        labels, source, target = (column[known_rows] for column in columns[:3])
        kinds = None
        if self.head.task == "multilabel":
            kinds = decision % self.head.size
        of_windows = [column[known] for column in columns[3:]]
        return Observations(
            labels, source, target, known, known_rows, window, kinds, *of_windows
        )

    def _observed(self, pair, labels, with_features):
        classes = self.head.classes_of_rows(ops.convert_to_tensor(labels))
        results = [ops.convert_to_numpy(classes)]
        projections = []
        branches = (self._source, self._target)
        for branch, inputs in zip(branches, pair, strict=True):
            found = branch.frozen(inputs)
            believed, _ = branch.told(found)
            head: Any = branch.head
            believed = head.at_steps_of(self.head, believed)
            told = ops.convert_to_numpy(self.head.rows(believed)).astype("float64")
            results.append(np.maximum(told, _LEAST_LOG_PROBABILITY))
            projections.extend(found.projections)
        # By window, and by its decisions.
        results = [x.reshape(-1, self.head.decisions, *x.shape[1:]) for x in results]
        if with_features and self.left_out is None:
            statistics, _, _ = time_averages(*projections[0])
            results += [statistics, np.concatenate(time_averages(*projections[1]), -1)]
        return results

    def _batches(self, data, name, batch_size):
        """Checked batches `(pair, labels)`, and how many; `None` if that is unknown."""
        if _are_arrays(data):
            pair = self._checked(*data[:2])
            starts = range(0, len(data[1]), batch_size)
            rows = (slice(start, start + batch_size) for start in starts)
            batches = (_rows_of((pair, data[1]), chosen) for chosen in rows)
            return batches, len(starts)
        if not hasattr(data, "__iter__"):
            raise ValueError(
                f"`{name}` must be arrays ((source, target), labels), or an iterable "
                f"of such batches. Received: a {type(data).__name__}. "
                "Zip the two modalities into one dataset of synchronized windows."
            )
        count = _number_of_batches(data)
        if count == math.inf:
            raise ValueError(
                f"`{name}` must end. Received: a dataset without end. "
                "Leave `repeat` out, or `take` a number of batches."
            )
        return map(self._checked_batch, data), count

    def _checked_batch(self, batch):
        # Any framework's tensors: the models may be of another one.
        batch = keras.tree.map_structure(ops.convert_to_numpy, batch)
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        return self._checked(x, y), y

    def _checked(self, x, y):
        self._batch_format.checked(x, y, pairs_only=True)
        (source,), target = self._batch_format.as_pair(x)
        return source, target


def time_averages(key, value, mask=None):
    """Means over the real steps, of `KᵀV`, of keys and of values, one row a window.

    Args:
        key: float tensor `(batch, time, heads, d_k)`, zero where masked.
        value: float tensor `(batch, time, heads, d_v)`, likewise.
        mask: bool tensor `(batch, time)`, False at padding, or `None`.

    Returns:
        three float32 arrays `(batch, ...)`.

    Example:

    >>> key, value = 2 * ops.ones((1, 5, 1, 1)), 3 * ops.ones((1, 5, 1, 1))
    >>> [x.tolist() for x in time_averages(key, value)]
    [[[6.0]], [[2.0]], [[3.0]]]
    """
    key, value = ops.cast(key, "float32"), ops.cast(value, "float32")
    mean, length = map(ops.convert_to_numpy, statistic_of((key, value, mask)))
    sums = (ops.convert_to_numpy(ops.sum(x, axis=1)) for x in (key, value))
    steps = np.maximum(length, 1)[:, None]
    averages = (x.reshape(len(length), -1) / steps for x in sums)
    return [mean.reshape(len(length), -1), *averages]


def _are_arrays(data):
    """Whether data are `(pair, labels)` of all windows, not a list of batches."""
    is_sequence = isinstance(data, (list, tuple)) and 2 <= len(data) <= 3
    return is_sequence and hasattr(data[1], "shape")


def _rows_of(structure, rows):
    return keras.tree.map_structure(lambda leaf: leaf[rows], structure)


def _number_of_batches(data):
    """An int, infinity, or `None` where only reading tells."""
    tf = sys.modules.get("tensorflow")
    if tf is not None and isinstance(data, tf.data.Dataset):
        count = int(data.cardinality())
        infinite, unknown = tf.data.INFINITE_CARDINALITY, tf.data.UNKNOWN_CARDINALITY
        return {infinite: math.inf, unknown: None}.get(count, count)
    if isinstance(data, keras.utils.PyDataset):
        return math.inf if data.num_batches is None else data.num_batches
    return len(data) if hasattr(data, "__len__") else None


def _check_heads(source, target):
    """Refuses what has no beliefs to compare, or others on each side."""
    if not target.has_beliefs:
        raise ValueError(
            "A diagnosis compares what models believe of classes. "
            f"Received: a target of {described(target)}. "
            "Train it with and without the source, and compare errors on held-out "
            "windows."
        )
    same_steps = (source.steps is None) == (target.steps is None)
    if (source.task, source.size) != (target.task, target.size) or not same_steps:
        raise ValueError(
            "Source and target must predict the same to be diagnosed. "
            f"Received: a source of {described(source)}, and a target of "
            f"{described(target)}. Train both on the same list of labels; give a "
            "source that only encodes a classifier of its own first: "
            "keras.Sequential([source, keras.layers.Dense(…)])."
        )


def _sizes(branch):
    (layer,) = branch.attentions
    return layer.num_heads, layer.key_dim, layer.value_dim
