"""The metrics of `compile`, shown the windows that have a label, and no others."""

import dis
import inspect
import re

import keras
from keras import ops

from keras_dcat.transfer.head import Head, whole_or_none
from keras_dcat.transfer.labels import class_indices, is_one_hot

_WEIGHTS = "sample_weight"
# What Keras takes for whichever accuracy fits the labels.
_EITHER_ACCURACY = ("accuracy", "acc")


def over_labelled_windows(metrics, head):
    """Metrics as a user passes them, each in an `OfLabelled`.

    Args:
        metrics: what `keras.Model.compile` takes as `metrics` or `weighted_metrics`.
        head: `Head` of the model.

    Returns:
        the same nesting, of `OfLabelled`; what is none of metrics stays for Keras to
        refuse.

    Raises:
        ValueError: if a metric is unknown, or has no way to leave windows out.
    """
    if not isinstance(metrics, (list, tuple, dict)):
        return metrics
    return keras.tree.map_structure(
        lambda metric: None if metric is None else OfLabelled(metric, head),
        metrics,
    )


def as_passed(config):
    """A serialized `OfLabelled`, wherever it stands, as the metric that it is of.

    Args:
        config: nested dicts and lists, of `keras.saving.serialize_keras_object`.

    Returns:
        the same, as a user's own metrics would have given it.
    """
    if isinstance(config, dict):
        if config.get("class_name") == OfLabelled.__name__:
            return config["config"]["metric"]
        return {name: as_passed(value) for name, value in config.items()}
    if isinstance(config, list):
        return [as_passed(value) for value in config]
    return config


class OfLabelled(keras.metrics.Metric):
    """A metric in which what has no label counts nothing.

    It weighs 0 and is said to be of class 0, so that no metric meets a negative class.
    Where nothing counts, the result is NaN: Keras's means would say 0. Steps and labels
    come one by one, `(decisions, 1)` or `(decisions, classes)`; but to a metric that
    averages over labels windows come whole, those whose labels are all known.

    Args:
        metric: str, function `(y_true, y_pred) -> (batch,)` or `keras.metrics.Metric`,
            as for `keras.Model.compile`.
        head: `Head` of the model.

    Call args:
        y_true: as in `Head.classes_of_rows`.
        y_pred: float tensor `(batch, …)`, what the model predicts.
        sample_weight: as in `Head.weights_of_rows`, or `None`.

    Returns:
        what the metric returns.

    Raises:
        ValueError: if the metric is unknown, or cannot weigh windows.

    Example:

    >>> metric = OfLabelled("accuracy", Head("multiclass", 2))
    >>> metric.update_state(ops.array([1, -1]), ops.array([[0.1, 0.9], [0.1, 0.9]]))
    >>> float(metric.result())
    1.0
    """

    def __init__(self, metric, head: Head):
        found = _weighing(metric, head)
        super().__init__(name=metric if isinstance(metric, str) else found.name)
        self.head = head
        self.metric = found
        self._passed = None if metric is found else metric
        # A mean counts by itself what it is one of.
        self._is_mean = isinstance(found, keras.metrics.Mean)
        self._counted = None
        self._is_checked = False

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.convert_to_tensor(y_true)
        # Here, as Keras does: on the devices, and within the scopes, of a training.
        if self._counted is None and not self._is_mean:
            self._counted = self.add_variable((), "zeros", name="counted")
        known, y_pred, weights = self._known(y_true, y_pred, sample_weight)
        # Keras on torch takes a first refusal for a limit of symbolic passes.
        if not self._is_checked:
            _check_values(self.metric, known, y_pred)
            self._is_checked = True
        if self._counted is not None:
            self._counted.assign_add(ops.sum(weights))
        if sample_weight is None and "int" in str(self.metric.dtype):
            weights = ops.cast(weights, "int32")  # Keras warns of others
        self.metric.update_state(known, y_pred, sample_weight=weights)

    def _known(self, y_true, y_pred, sample_weight):
        """Labels that all say something, and weights by which some count nothing."""
        if self.head.task == "multilabel" and _averages_over_labels(self.metric):
            return _whole_windows(y_true, y_pred, sample_weight)
        known, y_pred, weights = self.head.supervised(y_true, y_pred, sample_weight)
        if self.head.task == "multiclass" and is_one_hot(known, self.head.size):
            # Of a row of zeros some metrics are NaN, whatever it weighs.
            some = ops.any(ops.not_equal(known, 0), -1, keepdims=True)
            first = ops.cast(ops.arange(self.head.size) == 0, known.dtype)
            known = ops.where(some, known, first)
        return known, y_pred, weights

    def result(self):
        counted = self.metric.count if self._is_mean else self._counted
        some = ops.not_equal(counted, 0)
        return keras.tree.map_structure(
            lambda value: ops.where(some, value, float("nan")), self.metric.result()
        )

    def reset_state(self):
        if self._counted is not None:
            self._counted.assign(ops.zeros(()))
        self.metric.reset_state()

    def get_config(self):
        # Never loaded as it is: see `as_passed`.
        passed = self.metric if self._passed is None else self._passed
        return {"metric": keras.saving.serialize_keras_object(passed)}


def _averages_over_labels(metric):
    return isinstance(metric, keras.metrics.FBetaScore) or getattr(
        metric, "multi_label", False
    )


def _whole_windows(y_true, y_pred, sample_weight):
    """Windows of several labels: those of which one is not known weigh 0."""
    labels = whole_or_none(y_true)
    weights = ops.cast(ops.all(labels >= 0, axis=-1), "float32")
    if sample_weight is not None:
        own = ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        weights = ops.multiply(weights, own)
    return ops.cast(ops.maximum(labels, 0), "float32"), y_pred, weights


def _are_right(y_true, y_pred):
    """Accuracy, whichever form labels have."""
    classes = class_indices(y_true, y_pred.shape[-1])
    believed = ops.cast(ops.argmax(y_pred, axis=-1), classes.dtype)
    return ops.cast(ops.equal(classes, believed), keras.config.floatx())


def _are_right_above(threshold):
    """Accuracy of yes or no."""

    def are_right(y_true, y_pred):
        said = ops.cast(y_pred > threshold, keras.config.floatx())
        right = ops.equal(said, ops.cast(y_true, said.dtype))
        return ops.cast(right[:, 0], keras.config.floatx())

    return are_right


def _weighing(identifier, head):
    """A metric that leaves out what weighs nothing."""
    if isinstance(identifier, str) and identifier.lower() in _EITHER_ACCURACY:
        are_right = _are_right
        if head.num_labels == head.size:  # one unit for each label, not for each class
            are_right = _are_right_above(0.0 if head.from_logits else 0.5)
        return keras.metrics.MeanMetricWrapper(are_right, name=identifier)
    metric = keras.metrics.get(identifier)
    if not isinstance(metric, keras.metrics.Metric):
        return keras.metrics.MeanMetricWrapper(metric, name=_named_by_keras(metric))
    if not _reads_weights(type(metric).update_state):
        raise ValueError(
            "A metric must use `sample_weight`, in which windows without a label weigh "
            f"0. Received: {type(metric).__name__}, whose `update_state` does not. "
            "Define update_state(self, y_true, y_pred, sample_weight=None), and "
            "multiply what it adds up by `sample_weight`."
        )
    return metric


def _check_values(metric, y_true, y_pred):
    """Refuses a mean of values that are none of single windows."""
    function = getattr(metric, "_fn", None)
    if function is None or not isinstance(metric, keras.metrics.MeanMetricWrapper):
        return
    values = function(y_true, y_pred, **getattr(metric, "_fn_kwargs", {}))
    if len(ops.convert_to_tensor(values).shape) == 0:
        raise ValueError(
            "A function among the metrics must return a value for each window, "
            "(batch,), so that those without a label can be left out. "
            f"Received: {metric.name!r}, which returns one for the whole batch. "
            "Take no mean in it, or pass a keras.metrics.Metric that uses "
            "`sample_weight`."
        )


def _named_by_keras(function):
    """What Keras calls a function in its logs."""
    if hasattr(function, "name"):
        return function.name
    name = getattr(function, "__name__", type(function).__name__)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _reads_weights(update_state):
    """Whether the code of a method looks at its `sample_weight` at all."""
    update_state = inspect.unwrap(update_state)
    if not inspect.isfunction(update_state):
        return True  # It is not Python, and does not tell.
    names = {_WEIGHTS}
    for parameter in inspect.signature(update_state).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            names.add(parameter.name)
    for step in dis.get_instructions(update_state):
        if "LOAD_" in step.opname and step.opcode not in dis.hasconst:
            found = step.argval if isinstance(step.argval, tuple) else (step.argval,)
            if not names.isdisjoint(found):
                return True
    return False
