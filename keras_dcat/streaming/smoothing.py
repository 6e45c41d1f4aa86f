"""What is said of a window, by what is said of those before and behind it."""

import collections
import dataclasses
from typing import Protocol

import numpy as np

from keras_dcat.real_numbers import is_number
from keras_dcat.typing import ArrayLike

_LEAST = 1e-6  # no class is impossible


class Running(Protocol):
    """A smoothing at work: probabilities go in, and come out later."""

    def add(self, probabilities: np.ndarray) -> list[np.ndarray]:
        """Takes those of a window, and gives what is certain now, in order."""
        ...

    def end(self) -> list[np.ndarray]:
        """Gives all that waited, and begins anew."""
        ...


@dataclasses.dataclass(frozen=True)
class WeightedSmoothing:
    """The mean with all windows before, which weigh less the older they are.

    Args:
        share: float from 0 to below 1. That of all windows before together.

    Raises:
        ValueError: if it is no such share.
    """

    share: float

    def __post_init__(self):
        if not is_number(self.share) or not 0 <= self.share < 1:
            raise ValueError(
                "`smoothing` must be a share from 0 to below 1, or a smoothing. "
                f"Received: {self.share!r}. Take 0.3, or MedianSmoothing(5)."
            )

    @property
    def delay(self) -> int:
        """Windows by which it is late: none."""
        return 0

    def running(self) -> Running:
        """A new one at work."""
        return _Weighted(self.share)


@dataclasses.dataclass(frozen=True)
class MedianSmoothing:
    """The median of each probability over windows around.

    A single window that is wrong is outvoted; a change is told where it is, and
    `delay` windows later, which are half of them. Works for several labels, too.

    Args:
        windows: int, odd. How many.

    Raises:
        ValueError: if `windows` is not odd.

    Example:

    >>> median = MedianSmoothing(3).running()
    >>> given = [median.add(np.array([p, 1 - p])) for p in (0.9, 0.9, 0.1, 0.9, 0.9)]
    >>> [each.round(1).tolist() for one in [*given, median.end()] for each in one]
    [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]
    """

    windows: int = 5

    def __post_init__(self):
        if type(self.windows) is not int or self.windows < 1 or self.windows % 2 == 0:
            raise ValueError(
                "`windows` must be an odd number, so that as many come before as "
                f"behind. Received: {self.windows!r}. Take 3 or 5."
            )

    @property
    def delay(self) -> int:
        """Windows by which it is late."""
        return self.windows // 2

    def running(self) -> Running:
        """A new one at work."""
        return _Median(self.delay)


@dataclasses.dataclass(frozen=True, eq=False)
class MarkovSmoothing:
    """A hidden Markov model: how often classes follow each other in the training.

    Decides by all windows before and `delay` windows behind. Windows that overlap tell
    the same twice, so that each counts by the share that is new in it.

    Args:
        transitions: float array `(classes, classes)`. How probable it is that a window
            of the class of the row is followed by one of the class of the column.
        prior: float array `(classes,)`. The share of each class in the training.
        delay: int. How many windows later a window is told.
        weight: float above 0, 1 at most. What a window counts: its stride in its
            length.

    Raises:
        ValueError: if these are no probabilities, or do not fit.

    Example:

    >>> labels = [0] * 20 + [1] * 20 + [0] * 20
    >>> markov = MarkovSmoothing.of(labels, None, 2)
    >>> markov.transitions.round(2).tolist()
    [[0.96, 0.04], [0.07, 0.93]]
    """

    transitions: np.ndarray
    prior: np.ndarray
    delay: int = 2
    weight: float = 1.0

    def __post_init__(self):
        for name in ("transitions", "prior"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), "float64"))
        size = len(self.prior)
        fits = (
            self.prior.shape == (size,)
            and self.transitions.shape == (size, size)
            and all(
                bool((each > 0).all()) and np.allclose(each.sum(axis=-1), 1)
                for each in (self.transitions, self.prior)
            )
            and type(self.delay) is int
            and self.delay >= 0
            and is_number(self.weight)
            and 0 < self.weight <= 1
        )
        if not fits:
            raise ValueError(
                "`transitions` (classes, classes) and `prior` (classes,) must be "
                "probabilities above 0 whose rows add up to 1, `delay` a number of "
                f"windows, `weight` above 0 to 1. Received: {self.transitions.shape}, "
                f"{self.prior.shape}, delay={self.delay!r}, weight={self.weight!r}. "
                "Let MarkovSmoothing.of(labels, stretches, classes) count them."
            )

    @classmethod
    def of(
        cls,
        labels: ArrayLike,
        stretches: ArrayLike | None,
        num_classes: int,
        *,
        delay: int = 2,
        weight: float = 1.0,
    ) -> "MarkovSmoothing":
        """Counts how classes follow each other in the training.

        Args:
            labels: int array `(windows,)`, in order; −1 for no label.
            stretches: int array `(windows,)`, as of `windows.stretches`; None if all
                are on end.
            num_classes: int.
            delay: int. How many windows later a window is told.
            weight: float. What a window counts: its stride in its length.

        Returns:
            `MarkovSmoothing`.

        Raises:
            ValueError: if no recording shows a change from one class to another.
        """
        labels = np.asarray(labels)
        whole = np.zeros(len(labels), int) if stretches is None else stretches
        whole = np.asarray(whole)
        on_end = (whole[1:] == whole[:-1]) & (labels[1:] >= 0) & (labels[:-1] >= 0)
        pairs = labels[:-1][on_end], labels[1:][on_end]
        if not (pairs[0] != pairs[1]).any():
            raise ValueError(
                "How classes follow each other must be seen in recordings of several. "
                f"Received: {len(labels)} windows, and no change between two that are "
                "on end. Smooth by a median: MedianSmoothing(5)."
            )
        # One change of each kind is taken for seen, shared among all.
        counts = np.full((num_classes, num_classes), 1 / num_classes)
        np.add.at(counts, pairs, 1)
        known = labels[labels >= 0]
        prior = np.bincount(known, minlength=num_classes) + 1 / num_classes
        return cls(
            counts / counts.sum(axis=1, keepdims=True),
            prior / prior.sum(),
            delay,
            weight,
        )

    def running(self) -> Running:
        """A new one at work."""
        return _Markov(self)


class _Weighted:
    def __init__(self, share):
        self._share, self._before = share, None

    def add(self, probabilities):
        if self._before is not None:
            share = self._share
            probabilities = share * self._before + (1 - share) * probabilities
        self._before = probabilities
        return [probabilities]

    def end(self):
        self._before = None
        return []


class _Median:
    def __init__(self, delay):
        self._delay = delay
        self._begin()

    def _begin(self):
        self._seen: collections.deque = collections.deque(maxlen=2 * self._delay + 1)
        self._waiting = 0

    def add(self, probabilities):
        self._seen.append(probabilities)
        self._waiting += 1
        if self._waiting <= self._delay:
            return []
        self._waiting -= 1
        return [_median(list(self._seen))]

    def end(self):
        seen, waiting = list(self._seen), self._waiting
        self._begin()
        # The last windows have fewer behind them, and take as many before.
        return [
            _median(seen[max(0, len(seen) - 2 * left + 1) :])
            for left in range(waiting, 0, -1)
        ]


def _median(seen):
    found = np.median(seen, axis=0)
    is_one = np.allclose(np.sum(seen, axis=1), 1, atol=1e-3)  # no several labels
    return found / found.sum() if is_one and found.sum() > 0 else found


class _Markov:
    def __init__(self, model):
        self._model = model
        self._begin()

    def _begin(self):
        self._belief = None  # of the last window, by those up to it
        self._waiting: collections.deque = collections.deque()  # not told yet

    def add(self, probabilities):
        model = self._model
        evidence = np.maximum(probabilities, _LEAST) / model.prior
        evidence = evidence**model.weight
        expected = (
            model.prior if self._belief is None else self._belief @ model.transitions
        )
        self._belief = _normal(expected * evidence)
        self._waiting.append((self._belief, evidence))
        if len(self._waiting) <= model.delay:
            return []
        return [self._oldest()]

    def end(self):
        found = [self._oldest() for _ in range(len(self._waiting))]
        self._begin()
        return found

    def _oldest(self):
        """What is believed of the oldest window, by all that came behind it."""
        behind = np.ones(len(self._model.prior))
        for _, evidence in list(self._waiting)[:0:-1]:
            behind = _normal(self._model.transitions @ (evidence * behind))
        belief, _ = self._waiting.popleft()
        return _normal(belief * behind)


def _normal(values):
    return values / values.sum()
