"""Which windows exist: where each starts in every stream."""

import dataclasses
import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_dcat.recordings.intervals import UNLABELLED, Intervals
from keras_dcat.shown import counted, few, shown_as_printed, told
from keras_dcat.windows.labels import labels_at
from keras_dcat.windows.samples import Samples
from keras_dcat.windows.window_report import WindowReport


@shown_as_printed
@dataclasses.dataclass(frozen=True, eq=False)
class WindowIndex:
    """Windows of several recordings, as positions; no window is copied.

    Window `i` of stream `name` is
    `samples[name][starts[name][i] : starts[name][i] + steps[name]]`, and shows the
    same span of time in every stream. Make one with `index_windows`.

    Attributes:
        samples: dict from stream to its `Samples`, all recordings one after the
            other.
        starts: dict from stream to int array `(windows,)`.
        steps: dict from stream to int, samples in a window.
        rates: dict from stream to float, samples in a second, in Hz.
        labels: int array `(windows,)`, −1 for a window without one.
        subjects: array `(windows,)`.
        sessions: array `(windows,)`, from which recording a window is.
        times: float array `(windows,)`, when each starts on its recording's
            clock, in seconds.
        length: float. Seconds that a window lasts; the median of clips.
        real_share: float array `(windows,)`. Below 1 for a padded window: the
            share of its time that was recorded; zeros follow.
        durations: float array `(windows,)`. Seconds that each lasts, padding included.
        annotations: tuple of what the recordings are labelled with, an int or
            `Intervals` each: what `step_labels` reads.
        annotated_by: int array `(windows,)`, the place in `annotations` of what each
            window's labels are read from, −1 where they are not kept.
        report: `WindowReport` of all windows that were possible.
        class_names: tuple of str, what the labels mean, or None if nobody said.
    """

    samples: dict[str, Samples]
    starts: dict[str, np.ndarray]
    steps: dict[str, int]
    rates: dict[str, float]
    labels: np.ndarray
    subjects: np.ndarray
    sessions: np.ndarray
    times: np.ndarray
    length: float
    real_share: np.ndarray
    durations: np.ndarray
    annotations: tuple[int | Intervals, ...]
    annotated_by: np.ndarray
    report: WindowReport
    class_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        classes = len(np.unique(self.labels[self.is_labelled]))
        recordings = len(set(zip(self.subjects, self.sessions, strict=True)))

        def stream(name):
            return f"{told(name)} {self.shape(name)} at {self.rates[name]:.6g} Hz"

        return (
            f"<WindowIndex {counted(len(self), 'window')} of {self.length:.6g} s, "
            f"{int(self.is_labelled.sum()):,} with a label: "
            f"{counted(classes, 'class', 'classes')}, "
            f"{counted(len(np.unique(self.subjects)), 'subject')}, "
            f"{counted(recordings, 'recording')}\n  {few(self.steps, 3, stream)}>"
        )

    @property
    def is_labelled(self) -> np.ndarray:
        """Which windows have a label, bool array `(windows,)`."""
        return self.labels != UNLABELLED

    def shape(self, stream: str) -> tuple[int, ...]:
        """Shape of one window.

        Args:
            stream: str. Name of the stream.

        Returns:
            tuple `(steps, channels…)`, as `keras.Input` takes it.
        """
        return (self.steps[stream], *self.samples[stream].shape[1:])

    def subset(self, chosen: np.ndarray) -> "WindowIndex":
        """The windows that `chosen`, a mask or positions, picks out.

        Args:
            chosen: bool array `(windows,)` or int array.

        Returns:
            `WindowIndex` on the same samples.
        """
        per_window = (
            *("labels", "subjects", "sessions", "times", "real_share"),
            *("durations", "annotated_by"),
        )
        return dataclasses.replace(
            self,
            starts={name: starts[chosen] for name, starts in self.starts.items()},
            **{name: getattr(self, name)[chosen] for name in per_window},
        )

    def without_labels(self, chosen: np.ndarray | slice) -> "WindowIndex":
        """All the windows, of which those that `chosen` picks out have no label.

        Args:
            chosen: bool array `(windows,)`, int array or slice.

        Returns:
            `WindowIndex` whose `labels` are −1 there, and so those of every step.
        """
        labels, annotated_by = self.labels.copy(), self.annotated_by.copy()
        labels[chosen] = annotated_by[chosen] = UNLABELLED
        return dataclasses.replace(self, labels=labels, annotated_by=annotated_by)

    def keep_labels_of(self, subjects: Iterable) -> "WindowIndex":
        """All the windows, of which only those of some subjects keep their label.

        Args:
            subjects: whose labels are known, as in `subjects` of the index.

        Returns:
            `WindowIndex` whose `labels` are −1 for all others, and so those of every
            step.

        Raises:
            ValueError: if one of them has no window.
        """
        known = list(subjects)
        unknown = np.setdiff1d(known, self.subjects).tolist()
        if unknown:
            raise ValueError(
                "`subjects` must be subjects of the index. "
                f"Received: {unknown}, of which there is no window. "
                f"There are {np.unique(self.subjects).tolist()}."
            )
        return self.without_labels(~np.isin(self.subjects, known))

    def step_labels(self, steps: int) -> np.ndarray:
        """A class for every step of every window, for a model that says one.

        Step `i` of `steps` lasts from `i / steps` to `(i + 1) / steps` of its window,
        and gets the class that holds at the middle of that time. As many steps as a
        stream has give labels by sample, fewer those of an output that is pooled or
        strided. It is read from what the recordings are labelled with, by time, so that
        a window may hold several classes: `index_windows(…, purity=0)` keeps all that
        have a label at any time, and `between_labels="keep"` those that have none, too.

        Args:
            steps: int. How many steps the model's output has, whatever the streams'.

        Returns:
            int32 array `(windows, steps)`. −1 where no class is said: where no interval
            holds or one without a class does, where intervals of different classes
            overlap, at padding, and where labels are not kept (`keep_labels_of`,
            `without_labels`).

        Raises:
            ValueError: if `steps` is not a positive whole number.

        Example:

        >>> from keras_dcat.recordings import Recording, Stream
        >>> from keras_dcat.windows import index_windows
        >>> falls = Intervals([0, 5, 7], [5, 6, 10], ["walk", "fall", "lie"],
        ...     class_names=["walk", "fall", "lie"])
        >>> imu = Stream(np.zeros((500, 6)), rate=50)
        >>> index = index_windows([Recording({"imu": imu}, falls, "A")], 4, 3, purity=0,
        ...     class_names=["walk", "fall", "lie"])
        >>> index.labels.tolist()
        [0, 0, 2]
        >>> index.step_labels(4).tolist()
        [[0, 0, 0, 0], [0, 0, 1, -1], [-1, 2, 2, 2]]
        """
        if not isinstance(steps, numbers.Integral) or steps < 1:
            raise ValueError(
                "`steps` must be a positive whole number. "
                f"Received: steps={steps!r}. Give the steps of the model's output: "
                "model.output_shape[1]."
            )
        labels = np.full((len(self), steps), UNLABELLED, "int32")
        middles = (np.arange(steps) + 0.5) / steps
        for number in np.unique(self.annotated_by[self.annotated_by >= 0]):
            own = np.flatnonzero(self.annotated_by == number)
            moments = self.times[own, None] + self.durations[own, None] * middles
            labels[own] = labels_at(self.annotations[number], moments)
        is_padding = np.arange(steps) >= np.rint(self.real_share * steps)[:, None]
        labels[is_padding] = UNLABELLED
        return labels

    def gather(
        self, stream: str, windows: slice | np.ndarray = slice(None)
    ) -> np.ndarray:
        """Windows of one stream as one array.

        Args:
            stream: str. Name of the stream.
            windows: positions of the windows, all by default.

        Returns:
            array `(windows, steps, channels…)`.
        """
        return self.samples[stream].gather(self.starts[stream][windows])

    def mask(self, stream: str) -> np.ndarray:
        """Which steps were recorded and which are padding.

        Args:
            stream: str. Name of the stream.

        Returns:
            bool array `(windows, steps)`, False at padding.
        """
        steps = self.steps[stream]
        return np.arange(steps) < np.rint(self.real_share * steps)[:, None]

    def moments(
        self, stream: str, pooled: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance per channel, over the windows of this index alone.

        Args:
            stream: str. Name of the stream.
            pooled: bool. Whether all the places of a frame count together.

        Returns:
            `(mean, variance)`, arrays `(channels…)`, of the last axis alone if they
            are pooled. A variance of 0 (a channel that never moves) is given as 1.

        Raises:
            ValueError: if there is no window, or if a value is not finite.
        """
        check_windows(self)
        order = np.argsort(self.starts[stream], kind="stable")
        starts = self.starts[stream][order]
        real = np.rint(self.real_share * self.steps[stream]).astype("int64")
        ends = np.maximum.accumulate(starts + real[order])
        # Overlapping windows join into runs, so that each sample counts once.
        apart = starts[1:] >= ends[:-1]
        begins = starts[np.concatenate([[True], apart])]
        ends = ends[np.concatenate([apart, [True]])]
        count = 0
        total: Any = 0.0
        squares: Any = 0.0
        at_once = max(1, _VALUES_AT_ONCE // math.prod(self.shape(stream)[1:]))
        for begin, end in zip(begins, ends, strict=True):
            for at in range(begin, end, at_once):
                values = self.samples[stream].read(at, min(at_once, end - at))
                values = values.astype("float64")
                count += len(values)
                total = total + values.sum(axis=0)
                squares = squares + np.square(values).sum(axis=0)
        mean, square = total / count, squares / count
        is_finite = np.isfinite(square)
        if not is_finite.all():
            raise ValueError(
                "Values must be finite. "
                f"Received: {np.sum(~is_finite)} of {is_finite.size} channels of "
                f"{stream!r} that are not. Leave these samples out of the recordings."
            )
        if pooled:
            places = tuple(range(mean.ndim - 1))
            mean, square = mean.mean(axis=places), square.mean(axis=places)
        variance = np.maximum(square - np.square(mean), 0.0)
        still = variance <= 1e-12 * np.square(mean)  # rounding, not movement
        return mean, np.where(still, 1.0, variance)


_VALUES_AT_ONCE = 2**22  # 32 MiB as float64


def check_windows(index: WindowIndex) -> None:
    """Refuses an index of which no window is left."""
    if not len(index):
        raise ValueError(
            "`index` must have at least one window. Received: none. "
            "Check the split, or the subset, that it comes from."
        )


def touching(starts: np.ndarray, other_starts: np.ndarray, steps: int) -> np.ndarray:
    """Which windows hold a sample that one of the others holds too."""
    others = np.concatenate([[-steps], np.sort(other_starts)])
    # Of the others that begin before a window ends, the last to begin.
    last = others[np.searchsorted(others, starts + steps) - 1]
    return last > starts - steps
