"""Labels with a beginning and an end."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_dcat.class_names import checked_class_names
from keras_dcat.shown import counted, few, shown_as_printed

UNLABELLED = -1


@shown_as_printed
@dataclasses.dataclass(frozen=True, eq=False)
class Intervals:
    """Labels with a beginning and an end.

    Args:
        starts: float array `(intervals,)`, in seconds.
        ends: float array `(intervals,)`, in seconds. Excluded.
        labels: int array `(intervals,)`, the number of a class, counted from 0; or,
            with `class_names`, sequence of str. -1 and None are no class.
        class_names: sequence of str, what the numbers mean. None if nobody says.

    Raises:
        ValueError: if starts, ends and labels differ in length, if an interval ends
            before it starts, if a time is not finite, or if a label is neither the
            number of a class nor one of `class_names`.

    Example:

    >>> Intervals([0.0, 5.0], [5.0, 9.0], [2, 0]).labels.tolist()
    [2, 0]
    >>> Intervals([0.0], [5.0], ["sit"], class_names=["walk", "sit"]).labels.tolist()
    [1]
    """

    starts: Any
    ends: Any
    labels: Any
    class_names: Sequence[str] | None = None

    def __post_init__(self):
        names = self.class_names
        if names is not None:
            names = checked_class_names(names, len(names))
        numbers = class_numbers(self.labels, names)
        for name, value in (
            ("starts", np.asarray(self.starts, "float64")),
            ("ends", np.asarray(self.ends, "float64")),
            ("labels", numbers),
            ("class_names", names),
        ):
            object.__setattr__(self, name, value)
        if not (np.isfinite(self.starts).all() and np.isfinite(self.ends).all()):
            raise ValueError(
                "The times of intervals must be finite. "
                f"Received: starts {self.starts[:5].tolist()}, "
                f"ends {self.ends[:5].tolist()}. Give seconds on the recording's clock."
            )
        counts = len(self.starts), len(self.ends), len(self.labels)
        if len(set(counts)) != 1 or np.any(self.ends < self.starts):
            raise ValueError(
                "Every interval must have a start, an end that is not before it, and "
                f"a label. Received: {counts} of them. "
                "Check the columns of the annotation."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        if not len(self):
            return "<Intervals none>"
        classes = np.unique(self.labels[self.labels != UNLABELLED]).tolist()
        if self.class_names is not None:
            classes = [self.class_names[number] for number in classes]
        without = int(np.sum(self.labels == UNLABELLED))
        return (
            f"<Intervals {len(self):,} from {self.starts.min():.13g} to "
            f"{self.ends.max():.13g} s"
            + (f", {without:,} without a label" if without else "")
            + f", {counted(len(classes), 'class', 'classes')}"
            + (f": {few(classes)}>" if classes else ">")
        )

    def names(self) -> list[str | None]:
        """The name of each interval's class; None where it is of no class.

        Without `class_names` nothing has a name.
        """
        names = (*(self.class_names or ()), None)  # the last one is that of -1
        if self.class_names is None:
            return [None] * len(self)
        return [names[label] for label in self.labels]


def class_numbers(labels: Any, class_names: Sequence[str] | None = None) -> np.ndarray:
    """Labels as numbers of classes.

    Args:
        labels: sequence of whole numbers or, with `class_names`, of str. -1 and None
            are no class, nor is NaN beside words, as pandas writes it.
        class_names: sequence of str, in the order of the classes.

    Returns:
        int64 array `(labels,)`, -1 where there is no class.

    Raises:
        ValueError: if a label is text without `class_names`, or not among them, or no
            whole number from -1 to the last class.

    Example:

    >>> class_numbers(["sit", None], ["walk", "sit"]).tolist()
    [1, -1]
    """
    if not isinstance(labels, np.ndarray):
        labels = np.asarray(labels, "O")  # or NumPy writes -1 beside words as a word
    found = [UNLABELLED if label is None else label for label in np.ravel(labels)]
    texts = sorted({str(label) for label in found if isinstance(label, str)})
    if texts:
        found = [UNLABELLED if _is_nan(label) else label for label in found]
    if texts and class_names is None:
        raise ValueError(
            "Labels in words need `class_names` that number them. "
            f"Received: {_few(texts)}. Give class_names={_few(texts)}, in the order of "
            "the model's outputs."
        )
    places: dict[Any, int] = {
        name: number for number, name in enumerate(class_names or ())
    }
    unknown = [text for text in texts if text not in places]
    if unknown:
        raise ValueError(
            "Labels in words must be among `class_names`. "
            f"Received: {_few(unknown)}, for {_few(list(places))}. "
            "Add them to the names, or give -1 for what is no class."
        )
    values = np.array([_number(places.get(each, each)) for each in found], "float64")
    highest = np.inf if class_names is None else len(class_names) - 1
    is_class = np.isfinite(values) & (values == np.rint(values))
    is_class &= (values >= UNLABELLED) & (values <= highest)
    if not is_class.all():
        limit = "" if class_names is None else f" to {highest}, as there are names"
        raise ValueError(
            f"A label must be the number of a class, from 0{limit}, or -1 for none. "
            f"Received: {_few([found[n] for n in np.flatnonzero(~is_class)])}. "
            "Number the classes, and give -1 to what has none."
        )
    return values.astype("int64")


def _is_nan(label):
    return isinstance(label, float) and label != label


def _number(label):
    try:
        return float(label)
    except (TypeError, ValueError):
        return np.nan


def _few(values):
    """The first of many values, as they are told."""
    told = [
        each.item() if isinstance(each, np.generic) else each for each in values[:8]
    ]
    return f"{told}" if len(values) <= 8 else f"{told} and {len(values) - 8} more"
