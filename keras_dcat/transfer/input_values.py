"""What the numbers of a batch must be, in arrays and in datasets of TensorFlow."""

import contextlib
import re
import sys

import keras
import numpy as np

from keras_dcat.class_labels import ROW_CURE, ROW_RULE
from keras_dcat.constant_data import LARGEST
from keras_dcat.transfer import label_rules
from keras_dcat.transfer.input_shapes import EMPTY_MESSAGE
from keras_dcat.transfer.losses.statistics import SourceStatistics

_FLAGS_MESSAGE = (
    "Grain must have its flags before it starts workers. "
    "Received: data that other processes read, in a program that has parsed no flags. "
    "Call absl.flags.FLAGS.mark_as_parsed() first, or start it by absl.app.run(main)."
)
# How many wrong numbers an error of a dataset tells.
_TOLD = 8


class BatchValues:
    """The rules that numbers of inputs, labels and weights must keep.

    Args:
        head: `Head` of the target.
    """

    def __init__(self, head):
        self.head = head

    def check_counts(self, counts):
        """Checks that all parts of a batch are of the same windows, and of some.

        Args:
            counts: set of int, the lengths of inputs, labels and weights.

        Raises:
            ValueError: with the counts.
        """
        if len(counts) > 1 or not min(counts):
            raise ValueError(self._message("counts", sorted(counts)))

    def check_inputs(self, sides, sample_weight=None):
        """Checks numbers of a batch, or of all windows, of arrays or tensors.

        Args:
            sides: dict from the name of a side to nested arrays.
            sample_weight: array, or `None`.

        Raises:
            ValueError: the rule, what came, what to do.
        """
        for name, inputs in {**sides, "sample_weight": sample_weight}.items():
            for leaf in keras.tree.flatten(inputs):
                if leaf is None:
                    continue
                if np.ma.is_masked(leaf):
                    raise ValueError(self._message(name, "a masked array"))
                values = keras.ops.convert_to_numpy(leaf)
                if values.dtype.kind in "OSU":  # of a model that reads text
                    continue
                if name in _RULES:
                    is_fine = np.all(_RULES[name](values))
                else:  # of NaN neither holds
                    most = _largest(inputs)
                    is_fine = float(values.min()) >= -most
                    is_fine = is_fine and float(values.max()) <= most
                if not is_fine:
                    raise ValueError(self._message(name))

    def check_labels(self, labels):
        """Checks the labels of a batch, or of all windows, of arrays or tensors.

        Args:
            labels: of one of the head's `label_shapes`.

        Raises:
            ValueError: the rule, what came, what to do.
        """
        given = labels
        if not isinstance(given, np.ndarray):
            labels = keras.ops.convert_to_numpy(given)
        label_rules.check_labels(self.head, labels)
        if hasattr(given, "to_numpy") and not _is_of_numpy(given):
            raise ValueError(
                "Labels of pandas must be of a dtype of NumPy. "
                f"Received: dtype {given.dtypes}. "
                'Convert them: labels.to_numpy("int64", na_value=-1).'
            )

    def check_label_kind(self, spec):
        """Checks what a dataset says of its labels, before it is read.

        Args:
            spec: `tf.TensorSpec`.

        Raises:
            ValueError: if they are text, or no numbers otherwise.
        """
        kind = spec.dtype
        if kind.is_floating or kind.is_integer or kind.is_bool:
            return
        cure = "Number the classes from 0, and give -1 where there is none."
        if kind.name == "string":
            cure = (
                "Number them in `map`: keras.layers.StringLookup(vocabulary="
                "class_names, num_oov_indices=0) does, in the order of the names."
            )
        raise ValueError(
            "Labels must be numbers that say the class of each window. "
            f"Received: a dataset whose labels are of dtype {kind.name}. {cure}"
        )

    def asserted(self, batch, sides, labels, sample_weight=None):
        """A batch of a `tf.data.Dataset` that fails when it is read, unless it is fine.

        Args:
            batch: nested tensors.
            sides: dict from the name of a side to nested tensors.
            labels: of one of the head's `label_shapes`.
            sample_weight: nested tensors, or `None`.

        Returns:
            the same nested tensors.
        """
        tf = sys.modules["tensorflow"]
        rules = []
        for name, inputs in {**sides, "sample_weight": sample_weight}.items():
            for leaf in keras.tree.flatten(inputs):
                if leaf is None:
                    continue
                if name in _RULES:
                    holds = _RULES[name](tf.cast(leaf, tf.float64))
                    rules.append((name, holds, None))
                elif leaf.dtype.is_floating:
                    holds = tf.abs(tf.cast(leaf, tf.float32)) <= _largest(inputs)
                    rules.append((name, holds, None))
        rules.append(self._count_rule(tf, sides, labels, sample_weight))
        rules.append(self._label_rule(tf, labels))
        checks = []
        for name, holds, told in rules:
            data = [self._rules()[name][0]]
            if told is not None:
                data.append(tf.reshape(told, (-1,))[:_TOLD])
            checks.append(
                tf.debugging.Assert(tf.reduce_all(holds), data, summarize=_TOLD)
            )
        with tf.control_dependencies(checks):
            return keras.tree.map_structure(tf.identity, batch)

    def _label_rule(self, tf, labels):
        """Which rule labels must keep, whether they do, and which of them do not."""
        # Signed, for -1 would be the largest of unsigned integers.
        numbers = tf.cast(labels, tf.float64)
        rule = label_rules.label_rule(self.head, labels.shape[1:])
        holds = rule.holds(numbers, _of_tensorflow(tf))
        wrong = tf.boolean_mask(numbers, ~holds)
        return ("rows", holds, wrong[:1]) if rule.by_row else ("labels", holds, wrong)

    def _count_rule(self, tf, sides, labels, sample_weight):
        parts = (
            (sides, labels) if sample_weight is None else (sides, labels, sample_weight)
        )
        counts = tf.stack([tf.shape(leaf)[0] for leaf in keras.tree.flatten(parts)])
        holds = (counts == counts[0]) & (counts > 0)
        return "counts", holds, tf.sort(tf.unique(counts)[0])

    def message_in(self, error):
        """What an error of a backend says of a rule; `None` where it says nothing."""
        text = str(error)
        for name, (rule, _, cure) in self._rules().items():
            whole = f"{re.escape(rule)} Received: .*?{re.escape(cure)}"
            told = re.search(whole, text, re.DOTALL)
            if told is not None:
                return told[0]
            if rule in text:
                told = re.match(r"\] \[([^\]]*)\]", text.split(rule, 1)[1])
                found = None if told is None else f"[{', '.join(told[1].split())}]"
                return self._message(name, found)
        return None

    def _message(self, name, found=None):
        rule, received, cure = self._rules()[name]
        return f"{rule} Received: {found or received}. {cure}"

    def _rules(self):
        """From a name to the rule, what came where no more is known, and the cure."""
        rule = label_rules.label_rule(self.head, self.head.label_shapes[0])
        finite = {
            side: (
                f"The input of the {side} must be finite, and at most 2**32 in size.",
                "windows with NaN, infinite or larger values",
                f"Drop them, fill the gaps in recordings of the {side}, or take "
                "another unit.",
            )
            for side in ("source", "target")
        }
        return {
            **finite,
            "transfer_mask": (
                "`transfer_mask` must be numbers from 0 to 1.",
                "others, or NaN",
                "Give a window 0 where there is no source.",
            ),
            "sample_weight": (
                "`sample_weight` must be finite, and not negative, and at most 2**32.",
                "negative, larger, NaN or infinite weights",
                "Give a window 0 that is not to count.",
            ),
            "counts": (
                "There must be the same number of windows in every input and one label "
                "for each, and at least one.",
                "other numbers of windows and labels",
                "Check how the arrays were cut.",
            ),
            "labels": (rule.rule, "others", rule.cure),
            "rows": (ROW_RULE, "others", ROW_CURE),
        }


@contextlib.contextmanager
def readable_errors(head, refusals):
    """Turns what the backends raise for bad batches into a `ValueError`.

    Args:
        head: `Head` of the target.
        refusals: list of messages, to which a check has added what was wrong with a
            batch. Each call of `fit` has its own: threads that read for an earlier
            call may still be at work.
    """
    try:
        yield
    except StopIteration:
        raise ValueError(EMPTY_MESSAGE) from None
    except Exception as error:
        message = next(iter(refusals), None) or BatchValues(head).message_in(error)
        if EMPTY_MESSAGE in str(error):
            message = EMPTY_MESSAGE
        # Grain asks its flags also where it passes on what is wrong with a batch.
        if message is None and "--grain_" in str(error):
            message = _FLAGS_MESSAGE
        if message is None:
            raise
        raise ValueError(message) from None


def _is_of_numpy(labels):
    dtypes = labels.dtypes if len(labels.shape) == 2 else [labels.dtype]
    return all(isinstance(dtype, np.dtype) for dtype in dtypes)


def _largest(inputs):
    """How large a number may be: what is known of windows may be products of them."""
    parts = inputs if type(inputs) in (list, tuple) else [inputs]
    is_known = any(isinstance(each, SourceStatistics) for each in parts)
    return float(np.finfo("float32").max) if is_known else LARGEST


def _are_shares(numbers):
    # What is made of probabilities may be rounded up.
    return (numbers >= 0) & (numbers <= 1 + 1e-6)


def _are_weights(numbers):
    return (numbers >= 0) & (numbers <= LARGEST)


_RULES = {"transfer_mask": _are_shares, "sample_weight": _are_weights}


def _of_tensorflow(tf):
    """What judging labels takes of TensorFlow."""
    return label_rules.Arithmetic(
        tf.round,
        lambda numbers: tf.reduce_sum(numbers, axis=-1),
        lambda holds: tf.reduce_all(holds, axis=-1),
    )
