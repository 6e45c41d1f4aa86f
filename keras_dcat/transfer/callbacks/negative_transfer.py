"""Ends negative transfer during training."""

import collections
import math
import warnings

import keras

from keras_dcat.real_numbers import is_number

# For so many epochs in a row a class must be left out before it is named.
_LASTING = 5
_ACCURACY, _ERROR = "val_accuracy", "val_mean_absolute_error"


class NegativeTransferGuard(keras.callbacks.Callback):
    """Ends a transfer that does harm, and says why. The training continues.

    It checks two things at the end of an epoch:

    - after the first epoch, whether the source is at chance on the training windows:
      it was not trained, or the pairs are wrong;
    - if `validation_data` are pairs of held-out people, whether the target has become
      better than its source there. This check is left out beside a contrastive loss,
      as in the default recipe, because a weaker sensor can still tell moments apart.

    With several sources, all must be at chance, or the target be better than the best
    of them. One source at chance beside others draws a warning only.

    For sigmoids the first check uses `source_balanced_accuracy`: the mean of the recall
    of "yes" and of "no", averaged over labels. A constant prediction scores a half,
    which is chance.

    For a regression the first check is `source_r2` ≤ 0.1: the squared error is less
    than a tenth below that of the mean label. The second compares mean absolute errors.
    A source that gives features only is not checked.

    The guard also warns if, for five epochs in a row, far fewer fused pseudo-labels
    than labels are of one class. The target may forget that class.

    In the first two cases `transfer_weight` becomes 0. It is a weight of the model, and
    saved with it. As with early stopping, windows that decide are no longer a test.

    The attribute `reason` is a str that says why the transfer was ended or warned of,
    or `None`.

    Args:
        monitor: str. What the logs call the target's accuracy on held-out windows. Of
            a regression it is `"val_mean_absolute_error"` unless you say another.
        patience: int. Number of epochs in a row in which the target must be better.
        margin: float. Difference in accuracy by which it must be better; for errors, a
            share of the source's error.
        only_warn: bool. Whether to warn only, and keep `transfer_weight`.

    Raises:
        ValueError: if `patience` is less than 1, or `margin` not a number from 0 to 1.

    Example:

    >>> guard = NegativeTransferGuard(patience=5)
    >>> guard.reason is None
    True
    >>> # model.fit(pairs, labels, validation_data=held_out, callbacks=[guard])
    """

    def __init__(
        self,
        monitor: str = _ACCURACY,
        patience: int = 3,
        margin: float = 0.02,
        only_warn: bool = False,
    ):
        super().__init__()
        are_numbers = is_number(patience) and is_number(margin)
        if not are_numbers or patience < 1 or not 0 <= margin <= 1:
            raise ValueError(
                "`patience` must be at least 1, and `margin` from 0 to 1. "
                f"Received: {patience=}, {margin=}. "
                "Start with 3 epochs and 0.02."
            )
        self.monitor = monitor
        self.patience = patience
        self.margin = margin
        self.only_warn = only_warn
        self.reason = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._is_source_checked = False
        self._epochs_better = 0
        self._neglected: collections.Counter = collections.Counter()
        if self.only_warn or self.model.transfer_weight:
            self.reason = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not self.model.transfer_weight:
            return
        self._name_neglected()
        if self.reason is not None:
            return
        logs = logs or {}
        reason = self._untrained(logs) or self._outgrown(logs)
        if reason is None:
            return
        self.reason = reason
        if not self.only_warn:
            self.model.transfer_weight = 0.0
            reason += " The target goes on alone: transfer_weight is 0 now."
        warnings.warn(reason, stacklevel=2)

    def _untrained(self, logs):
        if self._is_source_checked:
            return None
        self._is_source_checked = True
        kind = next((kind for kind in _CHANCE if kind in logs), None)
        if kind is None:  # of a target alone
            return None
        is_nothing, told = _CHANCE[kind]
        scores = _of_sources(logs, kind)
        # NaN where no label told: such a source may be as good as any.
        classes = self.model.num_classes
        at_chance = [n for n, x in enumerate(scores) if is_nothing(x, classes)]
        if not at_chance:
            return None
        named = f" (source {', '.join(map(str, at_chance))} of {len(scores)})"
        reason = (
            "The source should be trained before it teaches. "
            f"Received: a source{named if len(scores) > 1 else ''} that "
            f"{told([scores[number] for number in at_chance], classes)}. "
            "Train it first: source.fit(...); if it is, check that the windows of a "
            "pair belong together."
        )
        if len(at_chance) == len(scores):
            return reason
        warnings.warn(f"{reason} The others go on teaching.", stacklevel=3)
        return None

    def _name_neglected(self):
        objective = getattr(self.model, "objective", None)
        alignment = getattr(objective, "alignment", None)
        if alignment is None:  # without fused pseudo-labels
            return
        found = {each[:2]: each[2:] for each in alignment.neglected()}
        # In its first epochs a target is sure of few classes.
        self._neglected = collections.Counter(
            {which: self._neglected[which] + 1 for which in found}
        )
        for (label, number), (due, share) in found.items():
            if self._neglected[label, number] != _LASTING:
                continue
            several = alignment.num_labels > 1
            name = f"{number} of label {label}" if several else str(number)
            warnings.warn(
                "Pseudo-labels should name every class about as often as labels do. "
                f"Received: class {name} in {share:.1%} of those accepted, and in "
                f"{due:.1%} of the labels. The target may forget it: look at its "
                "F1, train for longer, or leave out FusedPseudoLabels.",
                stacklevel=3,
            )

    def _outgrown(self, logs):
        if any(loss.is_contrastive for loss in self.model.active_losses):
            return None
        of_errors = "val_source_error" in logs
        kind = "val_source_error" if of_errors else "val_source_accuracy"
        monitor = self.monitor
        if of_errors and monitor == _ACCURACY:
            monitor = _ERROR
        target = logs.get(monitor)
        # NaN where one is not known. Together they may be better than each of them.
        known = [x for x in _of_sources(logs, kind, with_all=True) if not math.isnan(x)]
        if target is None or not known:
            return None
        source = min(known) if of_errors else max(known)
        ahead = source - target if of_errors else target - source
        margin = self.margin * source if of_errors else self.margin
        # A gap of exactly the margin counts, whatever the subtraction rounds it to.
        is_better = ahead > 0 and ahead >= margin - 1e-6
        self._epochs_better = self._epochs_better + 1 if is_better else 0
        if self._epochs_better < self.patience:
            return None
        found = (
            f"a target that is off by {target:.3g} on the held-out windows ({monitor}) "
            f"and a source by {source:.3g}"
            if of_errors
            else f"a target that is right on {target:.1%} of the held-out windows "
            f"({monitor}) and a source on {source:.1%}"
        )
        return (
            "A source should be better than its target where neither was trained. "
            f"Received: {found}, the target ahead for {self._epochs_better} epochs. "
            "Train a better source, or do without."
        )


def _of_sources(logs, name, with_all=False):
    """That of each source, or of the only one, by what the logs call them."""
    each = [value for key, value in logs.items() if key.startswith(f"{name}_")]
    together = [logs[name]] if name in logs else []
    return [*each, *together] if with_all or not each else each


def _right(accuracies, num_classes):
    return (
        f"is right on {_listed(accuracies)} of the training windows, where guessing "
        f"gives {1 / num_classes:.1%}"
    )


def _balanced(accuracies, num_classes):
    return (
        f"finds {_listed(accuracies)} of each label's yes and no, on average, in the "
        "training windows, where guessing gives 50.0%"
    )


def _explains(shares, num_classes):
    return (
        f"has a squared error on the training windows of "
        f"{_listed(1 - share for share in shares)} of what the mean label has"
    )


def _listed(shares):
    return " and ".join(f"{share:.1%}" for share in shares)


def explains_nothing(share: float, num_classes: int | None = None) -> bool:
    """Whether a squared error is not a tenth below that of the mean label.

    Args:
        share: float. By how much it is. NaN is not nothing: nothing is known.
        num_classes: `None`, of a regression.

    Returns:
        bool.

    Example:

    >>> explains_nothing(-0.5), explains_nothing(0.2)
    (True, False)
    """
    return share <= 0.1


def is_at_chance(accuracy: float, num_classes: int) -> bool:
    """Whether an accuracy is at most twice that of guessing, and at most 0.1 above it.

    Args:
        accuracy: float. NaN is not at chance: nothing is known.
        num_classes: int.

    Returns:
        bool.

    Example:

    >>> is_at_chance(0.07, num_classes=27), is_at_chance(0.08, num_classes=27)
    (True, False)
    """
    chance = 1.0 / num_classes
    return not math.isnan(accuracy) and accuracy <= chance + min(chance, 0.1)


# By what a source is judged: whether it is nothing to learn from, and the words for it.
# An accuracy only where there is no better measure.
_CHANCE: dict[str, tuple] = {
    "source_balanced_accuracy": (is_at_chance, _balanced),
    "source_r2": (explains_nothing, _explains),
    "source_accuracy": (is_at_chance, _right),
}
