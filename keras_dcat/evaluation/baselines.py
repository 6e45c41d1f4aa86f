"""What others would use for one sensor: is the target alone worth being taught?"""

import dataclasses
from typing import Any

import numpy as np

from keras_dcat.evaluation.methods import Alone, Method, Outcome
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.extras import require
from keras_dcat.metrics import macro_f1
from keras_dcat.shown import shown_as_printed


def window_features(windows: np.ndarray) -> np.ndarray:
    """Statistics and spectra of every channel, as one would make them by hand.

    Args:
        windows: float array `(windows, steps, …)`, 3 steps at least.

    Returns:
        float array `(windows, features)`.

    Example:

    >>> window_features(np.ones((4, 50, 3))).shape
    (4, 111)
    """
    windows = np.reshape(windows, (*windows.shape[:2], -1)).astype("float64")
    change = np.diff(windows, axis=1)
    level = windows.mean(axis=1)
    spectra = np.abs(np.fft.rfft(windows - level[:, None], axis=1))[:, 1:17]
    quantiles = np.quantile(windows, (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1), axis=1)
    parts = [part for part in np.array_split(windows, 8, axis=1) if part.shape[1]]
    return np.concatenate(
        [
            level,
            windows.std(axis=1),
            np.square(windows).mean(axis=1),
            np.abs(change).mean(axis=1),
            change.std(axis=1),
            spectra.argmax(axis=1),
            *quantiles,
            *np.moveaxis(np.log1p(spectra), 1, 0),
            *(part.mean(axis=1) for part in parts),
        ],
        axis=-1,
    )


class _Baseline(Method):
    """A classifier of the target's windows that have labels; no source takes part."""

    needs_source = False
    takes_several_sources = True

    def baseline(self) -> Alone:
        return Alone()

    def run(
        self, repetition: Repetition, sources: tuple[str, ...], target: str
    ) -> Outcome:
        known = repetition.labelled(self.data_fraction)
        train, test = (
            self.prepared(index.gather(target)) for index in (known, repetition.test)
        )
        labels = repetition.study.targets(known)
        several, size = labels.ndim > 1, repetition.study.belief_shape[-1]
        beliefs = [
            self._beliefs(train, column, (train, test), size, repetition.seed)
            for column in labels.reshape(len(labels), -1).T
        ]
        trained, tested = (
            np.stack(each, axis=1) for each in zip(*beliefs, strict=True)
        )
        if not several:
            trained, tested = trained[:, 0], tested[:, 0]
        f1 = macro_f1(labels, trained.argmax(-1), trained.shape[1], multi_label=several)
        return Outcome(tested.astype("float32"), np.zeros(0), f1)

    def prepared(self, windows: np.ndarray) -> np.ndarray:
        """Windows `(windows, steps, …)`, as the classifier wants them."""
        raise NotImplementedError

    def classifier(self, seed: int) -> Any:
        """What is fitted, by the conventions of scikit-learn."""
        raise NotImplementedError

    def _beliefs(self, windows, labels, asked, size, seed):
        """Probabilities `(windows, size)` of each that is asked."""
        fitted = self.classifier(seed).fit(windows, labels)
        found = [np.zeros((len(each), size)) for each in asked]
        for beliefs, each in zip(found, asked, strict=True):
            beliefs[:, fitted.classes_] = fitted.predict_proba(each)
        return found


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Trees(_Baseline):
    """Extremely randomised trees on `window_features`, by scikit-learn.

    Attributes:
        count: int. How many trees.
        build: as in `Method`; nothing is built by it.
        training: as in `Method`; nothing is trained by it.
        data_fraction: as in `Method`.

    Reference:
        Geurts et al., 2006, [Extremely randomized
        trees](https://doi.org/10.1007/s10994-006-6226-1).
    """

    count: int = 500

    def prepared(self, windows: np.ndarray) -> np.ndarray:
        return window_features(windows)

    def classifier(self, seed: int) -> Any:
        ensemble = require("sklearn.ensemble", "baselines")
        return ensemble.ExtraTreesClassifier(self.count, random_state=seed)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class MiniRocket(_Baseline):
    """10,000 convolutions that are not trained, and a linear classifier, by aeon.

    It gives classes, not probabilities: its calibration error says nothing.

    Attributes:
        build: as in `Method`; nothing is built by it.
        training: as in `Method`; nothing is trained by it.
        data_fraction: as in `Method`.

    Reference:
        Dempster et al., 2021, [MiniRocket](https://arxiv.org/abs/2012.08791).
    """

    def prepared(self, windows: np.ndarray) -> np.ndarray:
        windows = np.reshape(windows, (*windows.shape[:2], -1))
        return np.moveaxis(windows, 1, 2).astype("float32")  # channels first

    def classifier(self, seed: int) -> Any:
        rocket = require("aeon.classification.convolution_based", "baselines")
        return rocket.MiniRocketClassifier(random_state=seed)


BASELINES = {"trees on features": Trees(), "MiniRocket": MiniRocket()}
"""Classifiers of the target's sensor alone, which our target should not trail."""
