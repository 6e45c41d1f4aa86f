"""D-CAT with something wrong, or with another mask: what must not help, and why."""

import dataclasses

import keras
import numpy as np

from keras_dcat.evaluation.methods import DCAT
from keras_dcat.evaluation.repetition import Repetition
from keras_dcat.shown import shown_as_printed
from keras_dcat.windows import WindowIndex, misaligned, mispaired


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class RandomSource(DCAT):
    """Control: untrained sources.

    Attributes:
        those of `DCAT`.
    """

    def teacher(
        self, repetition: Repetition, number: int, stream: str, index: WindowIndex
    ) -> keras.Model:
        return repetition.build(stream, index, seed=repetition.seed + 1000 + number)


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Misaligned(DCAT):
    """The sources' windows are late.

    Attributes:
        those of `DCAT`, and
        seconds: float. By how much; early, where it is negative.
    """

    seconds: float = dataclasses.field(default=0.5, kw_only=True)

    def paired(
        self, repetition: Repetition, sources: tuple[str, ...], index: WindowIndex
    ) -> WindowIndex:
        for source in sources:
            index = misaligned(index, source, self.seconds)
        return index


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class Mispaired(DCAT):
    """Some windows get the sources of another window.

    Attributes:
        those of `DCAT`, and
        share: float from 0 to 1. How many of them.
    """

    share: float = dataclasses.field(default=1.0, kw_only=True)

    def paired(
        self, repetition: Repetition, sources: tuple[str, ...], index: WindowIndex
    ) -> WindowIndex:
        for source in sources:
            index = mispaired(index, source, self.share, repetition.seed)
        return index


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class OutOfFoldMask(DCAT):
    """Admits windows that out-of-fold sources classify correctly.

    The gates judge them, too: `gate="all"` leaves this mask alone. Windows without a
    label teach.

    Attributes:
        those of `DCAT`.

    Raises:
        ValueError: as `DCAT`, or if the target sees no labels, or only some people.
    """

    def __post_init__(self):
        super().__post_init__()
        if self.num_unlabelled_people is not None:
            raise ValueError(
                "A mask of all windows cannot be asked for some people. Received: "
                f"num_unlabelled_people={self.num_unlabelled_people} with "
                f"{type(self).__name__}. Leave the others out of the study's splits."
            )
        if not self.target_labels:
            raise ValueError(
                "Without labels of the target, no mask can ask for them. "
                f"Received: {type(self).__name__} with target_labels=False. "
                "Take `DCAT` with the gate 'soft', 'correct_or_confident', 'confident' "
                "or 'all'."
            )

    def transfer_mask(
        self, repetition: Repetition, sources: tuple[str, ...], index: WindowIndex
    ) -> np.ndarray:
        columns = []
        for source in sources:
            believed = repetition.out_of_fold(source, self.data_fraction)
            is_right = believed.argmax(axis=-1) == repetition.study.targets(index)
            # Of several labels, by how many of them it may teach.
            shares = is_right.reshape(len(index), -1).mean(axis=1)
            columns.append(np.where(index.is_labelled, shares, 1).astype("float32"))
        return np.stack(columns, axis=-1) if len(columns) > 1 else columns[0]


@shown_as_printed
@dataclasses.dataclass(frozen=True)
class ShuffledMask(OutOfFoldMask):
    """Control: as many windows as `OutOfFoldMask` admits, but others.

    Attributes:
        those of `DCAT`.

    Raises:
        ValueError: as `OutOfFoldMask`.
    """

    def transfer_mask(
        self, repetition: Repetition, sources: tuple[str, ...], index: WindowIndex
    ) -> np.ndarray:
        mask = super().transfer_mask(repetition, sources, index)
        return np.random.default_rng(repetition.seed).permutation(mask)


CONTROLS = {
    "random source": RandomSource(guarded=False),
    "wrong windows": Mispaired(guarded=False),
    "shuffled mask": ShuffledMask(gate="all"),
}
"""Controls: methods that must not help."""
