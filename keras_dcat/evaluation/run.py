"""One method, trained and tested once: what came out, on disk and in memory."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_dcat.evaluation.stream_pairs import arrow, sources_of
from keras_dcat.metrics import (
    event_f1,
    expected_calibration_error,
    macro_f1,
    segment_f1,
)
from keras_dcat.shown import counted, shown_as_printed, told
from keras_dcat.storage import JSON_ERRORS, stored_arrays


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Run:
    """One method, trained and tested once.

    Attributes:
        split: str.
        seed: int.
        source: str, a tuple of several, or `None` for a method without one.
        target: str.
        method: dict, the settings of the method.
        labels: int array `(windows,)`, of the test; 0 or 1 `(windows, labels)` of
            several.
        subjects: str array `(windows,)`; sessions, if there is one subject only.
        probabilities: float array `(windows, classes)`: of one sigmoid no and yes;
            `(windows, labels, 2)` of several.
        losses: float array `(epochs,)`, classification loss in training.
        seconds: float. How long it took.
        environment: dict of versions.
        training_f1: float. Macro F1 on the training windows that have a label; `None`
            if it was not computed.
        stretches: int array `(windows,)`, the same for windows that are on end, as of
            `windows.stretches`; `None` if it was not computed.
    """

    split: str
    seed: int
    source: str | tuple[str, ...] | None
    target: str
    method: Mapping
    labels: np.ndarray
    subjects: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    seconds: float
    environment: Mapping[str, str]
    training_f1: float | None = None
    stretches: np.ndarray | None = None

    def __str__(self) -> str:
        pair = self.target if self.source is None else arrow((self.source, self.target))
        return (
            f"<Run {pair}, split {told(self.split)}, seed {self.seed}: macro F1 "
            f"{self.macro_f1:.3f} of {counted(len(self.labels), 'window')}, "
            f"{counted(len(self.losses), 'epoch')}, {self.seconds:.1f} s>"
        )

    @property
    def predicted(self) -> np.ndarray:
        """Classes, int array `(windows,)`; 0 or 1 `(windows, labels)` of several."""
        return self.probabilities.argmax(axis=-1)

    @property
    def accuracy(self) -> float:
        """Share of test windows that are right; of several labels, of their entries."""
        return float(np.mean(self.predicted == self.labels))

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes; of several labels, of their "yes"."""
        several = self.labels.ndim > 1
        size = self.probabilities.shape[1]
        return macro_f1(self.labels, self.predicted, size, multi_label=several)

    @property
    def shows_events(self) -> bool:
        """Whether what is done changes within a stretch, so that it can be missed."""
        if self.stretches is None:
            return False
        on_end = self.stretches[1:] == self.stretches[:-1]
        changes = self.labels[1:] != self.labels[:-1]
        return bool((on_end & changes.reshape(len(on_end), -1).any(axis=-1)).any())

    @property
    def event_f1(self) -> float | None:
        """Mean F1 of events, one for each run of windows; `None` where there are none.

        Any overlap finds one.
        """
        return self._of_events(event_f1)

    @property
    def segment_f1(self) -> float | None:
        """Mean F1 of segments, which must overlap by half; `None` as in `event_f1`."""
        return self._of_events(segment_f1)

    def _of_events(self, score):
        if not self.shows_events:
            return None
        several, size = self.labels.ndim > 1, self.probabilities.shape[1]
        own = {"stretches": self.stretches, "multi_label": several}
        return score(self.labels, self.predicted, size, **own)

    @property
    def calibration_error(self) -> float:
        """How far confidence is from being right."""
        return expected_calibration_error(self.labels, self.probabilities)

    def save(self, path: str | os.PathLike) -> None:
        """Writes the run.

        Args:
            path: str or path of an `.npz` file. Nothing in it is pickled.
        """
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.stretches is not None:
            arrays["stretches"] = self.stretches
        others = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in (*arrays, "stretches")
        }
        np.savez_compressed(path, about=json.dumps(others), **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Run":
        """Reads what `save` wrote.

        Args:
            path: str or path.

        Returns:
            `Run`.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not what `save` wrote, or is damaged.
        """
        try:
            arrays: Any = stored_arrays(path)
            about = json.loads(str(arrays["about"]))
            if isinstance(about["source"], list):  # JSON has no tuples
                about["source"] = tuple(about["source"])
            own = [*_ARRAYS, *(["stretches"] if "stretches" in arrays else [])]
            run = cls(**about, **{name: arrays[name] for name in own})
            run.check()
        except JSON_ERRORS as error:
            raise ValueError(
                "A run must be a file that `Run.save` has written. "
                f"Received: {os.fspath(path)!r} ({type(error).__name__} {error}). "
                "Delete it; `compare` then runs this one again."
            ) from error
        return run

    def check(self) -> None:
        """Makes sure that its parts fit each other, as scores and reports presume.

        Raises:
            ValueError: if they do not.
        """
        windows, *outputs, classes = self.probabilities.shape
        fits = (
            (not outputs or (len(outputs) == 1 and classes == 2))
            and self.subjects.shape == (windows,)
            and self.labels.shape == (windows, *outputs)
            and self.losses.ndim == 1
            and self.labels.dtype.kind == "i"
            and self.subjects.dtype.kind == "U"
            and self.probabilities.dtype.kind == self.losses.dtype.kind == "f"
            and windows > 0
            and (
                self.stretches is None
                or (
                    self.stretches.shape == (windows,)
                    and self.stretches.dtype.kind == "i"
                )
            )
            and bool(np.isin(self.labels, np.arange(classes)).all())
            and bool(np.isfinite(self.probabilities).all())
            and type(self.seed) is int
            and isinstance(self.source, str | tuple | None)
            and isinstance(self.method, Mapping)
            and isinstance(self.environment, Mapping)
            and isinstance(self.seconds, float | int)
            and isinstance(self.training_f1, float | None)
            and all(isinstance(name, str) for name in (self.split, self.target))
            and all(isinstance(name, str) for name in sources_of(self.source or ()))
        )
        if not fits:
            raise ValueError("its parts do not fit each other")


def tested(seeds: Sequence[Sequence[Run]]) -> tuple[np.ndarray, ...]:
    """The tests of all splits, one behind the other.

    Args:
        seeds: a list for each seed, of one `Run` for each split.

    Returns:
        `(labels, subjects, predicted)`: `(windows, …)`, and `(seeds, windows, …)`.
    """
    labels, subjects = (
        np.concatenate([getattr(run, name) for run in seeds[0]])
        for name in ("labels", "subjects")
    )
    predicted = [np.concatenate([run.predicted for run in runs]) for runs in seeds]
    return labels, subjects, np.array(predicted)


_ARRAYS = ("labels", "subjects", "probabilities", "losses")
