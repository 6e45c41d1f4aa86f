"""The means over an epoch of what a training shows of its transfer."""

import keras
from keras import ops


class TransferMetrics(keras.metrics.Metric):
    """The means over an epoch of all that a training shows of its transfer.

    Args:
        names: list of str. Means over windows; 0 of none.
        judged: list of str. Means over what can be judged; NaN of none.
        evaluate: function `(labels, outputs, sample_weight)` that gives, for
            `update_state`, what `add` takes.
        scores: list of `Score`, each made of several means.
        name: str.

    Example:

    >>> metrics = TransferMetrics(["info_nce_loss"], ["source_accuracy"], None)
    >>> metrics.add({"info_nce_loss": (2.0, 8), "source_accuracy": (0.0, 0)})
    >>> {name: float(value) for name, value in metrics.result().items()}
    {'info_nce_loss': 2.0, 'source_accuracy': nan}
    """

    def __init__(self, names, judged, evaluate, scores=(), name: str = "transfer"):
        super().__init__(name=name, dtype="float32")
        self.names, self.judged = list(names), list(judged)
        self.evaluate = evaluate
        self.scores = list(scores)
        sizes = [score.size for score in self.scores]
        # One variable: on an accelerator, each is a launch of its own.
        shape = (2, len(names) + len(judged) + sum(sizes))
        self.totals_and_counts = self.add_variable(shape, "zeros", name="sums")

    @property
    def shown(self) -> list[str]:
        """The names of all that is shown."""
        return [*self.names, *self.judged, *(score.name for score in self.scores)]

    def add(self, shown):
        """Adds a batch.

        Args:
            shown: dict from a name to `(value, count)`, of a score to vectors.
        """
        pairs = [shown[name] for name in [*self.names, *self.judged]]
        values, counts = (
            ops.stack([ops.cast(x, "float32") for x in column])
            for column in zip(*pairs, strict=True)
        )
        for score in self.scores:
            means, counted = shown[score.name]
            values = ops.concatenate([values, means])
            counts = ops.concatenate([counts, counted])
        self.totals_and_counts.assign_add(ops.stack([values * counts, counts]))

    def update_state(self, y_true, y_pred, sample_weight=None):
        if getattr(y_pred, "sources", None):  # a pair, not the target alone
            self.add(self.evaluate(y_true, y_pred, sample_weight))

    def result(self):
        totals, counts = self.totals_and_counts[0], self.totals_and_counts[1]
        means = ops.divide_no_nan(totals, counts)
        found = {name: means[at] for at, name in enumerate(self.names)}
        for at, name in enumerate(self.judged, start=len(self.names)):
            found[name] = ops.where(counts[at] > 0, means[at], float("nan"))
        start = len(self.names) + len(self.judged)
        for score in self.scores:
            own = slice(start, start + score.size)
            found[score.name] = score.of(means[own], counts[own])
            start += score.size
        return found
