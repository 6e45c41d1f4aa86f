"""Which training windows a gate lets teach: each of them, and counted."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from keras import ops

from keras_dcat.class_names import checked_class_names
from keras_dcat.shown import shown_as_printed
from keras_dcat.transfer.gating import gates
from keras_dcat.transfer.gating.predictions import checked_predictions
from keras_dcat.typing import ArrayLike


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class GateCoverage:
    """The share of training windows that a gate admits. `print` shows a table.

    A window counts by its weight. With several labels each has two classes, itself and
    `"not"` itself, and each entry counts as a window.

    Attributes:
        share: float. Of all windows, labelled or not.
        by_class: dict from each class that has windows to the share of them.
        windows: dict from each class to its number of labelled windows.
        unlabelled: float. Share of the windows without a label; `None` if all have one.
        num_unlabelled: int. How many those are.
        never_right: tuple of str. Classes that have windows, of which the source gets
            none right.
    """

    share: float
    by_class: dict[str, float]
    windows: dict[str, int]
    unlabelled: float | None
    num_unlabelled: int
    never_right: tuple[str, ...]

    def __str__(self) -> str:
        rows = [(name, self.windows[name], share) for name, share in self._shares()]
        if self.unlabelled is not None:
            rows.append(("no label", self.num_unlabelled, self.unlabelled))
        rows.append(("all", sum(count for _, count, _ in rows), self.share))
        width = max(len(name) for name in ("class", *(name for name, _, _ in rows)))
        lines = [f"{'class':{width}}  windows  may teach"]
        for name, count, share in rows:
            shown = "-" if share is None else f"{share:.1%}"
            lines.append(f"{name:{width}}{count:9d}{shown:>11}")
        if self.never_right:
            names = ", ".join(map(repr, self.never_right))
            lines.append(
                f"The source is wrong on every window of {names}: it has nothing true "
                "to teach there."
            )
        return "\n".join(lines)

    def _shares(self):
        return ((name, self.by_class.get(name)) for name in self.windows)


def gate_coverage(
    labels: ArrayLike,
    probabilities: ArrayLike,
    gate: str | Callable = "correct",
    class_names: Sequence[str] | None = None,
) -> GateCoverage:
    """Counts the windows that a gate admits, by class.

    Pass out-of-fold predictions: a source is nearly always right on its own training
    windows, and a mask of these filters nothing.

    Args:
        labels: true classes `(windows,)`, −1 without one, or one-hot; multi-label 0 or
            1 `(windows, labels)`, −1 or NaN without one.
        probabilities: float array `(windows, classes)`; multi-label `(windows, labels,
            2)`. The source's, as of `out_of_fold_predictions`.
        gate: as for `DCATModel`.
        class_names: sequence of str, in the order of the source's outputs; of one
            sigmoid the names of no and yes; of several their labels.

    Returns:
        `GateCoverage`.

    Raises:
        ValueError: if these are not labels and probabilities of the same windows, or if
            there is not one name for each class.

    Example:

    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    >>> labels = np.array([0, 0, 1, -1])
    >>> print(gate_coverage(labels, probabilities, class_names=["sit", "fall"]))
    class     windows  may teach
    sit             2     100.0%
    fall            1       0.0%
    no label        1       0.0%
    all             4      50.0%
    The source is wrong on every window of 'fall': it has nothing true to teach there.
    """
    labels, probabilities = checked_predictions(labels, probabilities)
    names = checked_class_names(class_names, probabilities.shape[1])
    if labels.ndim > 1:
        names = answer_names(names)
    shares = _decided(labels, probabilities, gate)
    right = probabilities.argmax(axis=-1) == labels
    classes = class_numbers(labels)
    members = {name: classes == number for number, name in enumerate(names)}
    present = {name: rows for name, rows in members.items() if rows.any()}
    unknown = labels < 0
    return GateCoverage(
        share=float(shares.mean()),
        by_class={name: float(shares[rows].mean()) for name, rows in present.items()},
        windows={name: int(rows.sum()) for name, rows in members.items()},
        unlabelled=float(shares[unknown].mean()) if unknown.any() else None,
        num_unlabelled=int(unknown.sum()),
        never_right=tuple(n for n, rows in present.items() if not right[rows].any()),
    )


def transfer_mask(
    labels: ArrayLike, probabilities: ArrayLike, gate: str | Callable = "correct"
) -> np.ndarray:
    """The value of a gate for each window, as an input of `DCATModel`.

    `DCATModel` multiplies its own gate by `transfer_mask`. With out-of-fold predictions
    a window teaches only if a source that has not seen its subject is right. With
    several labels it is the mean over them.

    Args:
        labels: true classes `(windows,)`, −1 without one, or one-hot; multi-label 0 or
            1 `(windows, labels)`, −1 or NaN without one.
        probabilities: float array `(windows, classes)`; multi-label `(windows, labels,
            2)`. The source's, as of `out_of_fold_predictions`.
        gate: as for `DCATModel`.

    Returns:
        float32 array `(windows,)`, from 0 to 1.

    Raises:
        ValueError: if these are not labels and probabilities of the same windows.

    Example:

    >>> probabilities = np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> shares = transfer_mask(np.array([0, 1]), probabilities)
    >>> shares.tolist()  # for {"source": …, "target": …, "transfer_mask": shares}
    [1.0, 0.0]
    """
    labels, probabilities = checked_predictions(labels, probabilities)
    shares = _decided(labels, probabilities, gate)
    return shares if shares.ndim == 1 else shares.mean(axis=1)


def class_numbers(labels: np.ndarray) -> np.ndarray:
    """Numbers that tell the classes of labels apart.

    Args:
        labels: int array `(windows,)` of classes; or `(windows, labels)` of 0 and 1,
            −1 without one.

    Returns:
        int array of the same shape, −1 where there is no label. Label `n` has two
        classes: `2n` where it does not hold, `2n + 1` where it does.

    Example:

    >>> class_numbers(np.array([[0, 1], [1, -1]])).tolist()
    [[0, 3], [1, -1]]
    """
    if labels.ndim == 1:
        return labels
    return np.where(labels < 0, -1, labels + 2 * np.arange(labels.shape[1]))


def answer_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of the classes of labels, two for each: without and with it.

    Args:
        names: sequence of str, the names of the labels.

    Returns:
        tuple of str, in the order of `class_numbers`.

    Example:

    >>> answer_names(["fall"])
    ('not fall', 'fall')
    """
    return tuple(each for name in names for each in (f"not {name}", name))


def _decided(labels, probabilities, gate):
    """What a gate says of each label, float32 of their shape."""
    rows = probabilities.reshape(-1, probabilities.shape[-1])
    decided = gates.get(gate)(
        ops.convert_to_tensor(labels.reshape(-1)), ops.convert_to_tensor(rows)
    )
    shares = ops.convert_to_numpy(decided).astype("float32")
    if shares.shape != (len(rows),):
        raise ValueError(
            "A gate must return one number for each window. "
            f"Received: shape {shares.shape} for {len(rows)} windows. "
            "Reduce over the classes, axis=-1."
        )
    return shares.reshape(labels.shape)
