"""Movements as smooth functions of time, made from standard normal scores."""

import dataclasses

import numpy as np

from keras_dcat.datasets.simulated.body import ANGLES, Body
from keras_dcat.shown import shown_as_printed

_HARMONICS = 2
NUM_SCORES = len(ANGLES) * (1 + 2 * _HARMONICS) + 1
_MEAN_TEMPO, _TEMPO_SPREAD = 0.8, 0.3  # Hz, and a natural logarithm
# Mean posture, its spread and the spread of the swing, in rad.
_SPREADS = {
    "lean": (0.1, 0.12, 0.08),
    "twist": (0.0, 0.1, 0.12),
    "shoulder flexion": (0.5, 0.4, 0.3),
    "shoulder abduction": (0.3, 0.2, 0.18),
    "shoulder rotation": (0.0, 0.3, 0.18),
    "elbow flexion": (1.1, 0.3, 0.28),
    "forearm rotation": (0.0, 0.4, 0.2),
    "hip flexion": (0.3, 0.2, 0.25),
    "hip abduction": (0.1, 0.05, 0.05),
    "knee flexion": (0.5, 0.2, 0.25),
}
_MEAN_POSTURE, _POSTURE_SPREAD, _SWING_SPREAD = np.transpose(
    [_SPREADS[name.removeprefix("right ").removeprefix("left ")] for name in ANGLES]
)
_SIDE = np.array([name.startswith("right") * 1.0 for name in ANGLES])
_SIDE -= [name.startswith("left") for name in ANGLES]


@shown_as_printed
@dataclasses.dataclass(frozen=True, eq=False)
class Movement:
    """How somebody moves: joint angles as a smooth function of time.

    Every angle is a posture and a few harmonics of one tempo. A slow sway speeds
    the movement up and down, so that no two cycles are alike, and makes it larger
    where it is ahead of its tempo.

    Args:
        body: `Body` that moves.
        posture: float array `(18,)` in rad, in the order of `ANGLES`.
        cosines: float array `(harmonics, 18)` in rad.
        sines: float array `(harmonics, 18)` in rad.
        tempo: float. Cycles per second, in Hz.
        phase: float. Where in the cycle time 0 falls, in cycles.
        sway: float array `(waves, 3)`: size in cycles, rate in Hz and phase in rad
            of each slow wave. None by default.

    Example:

    >>> still = np.zeros((1, len(ANGLES)))
    >>> swing = still + 0.5 * (np.array(ANGLES) == "right shoulder flexion")
    >>> wave = Movement(Body(), still[0], cosines=swing, sines=still, tempo=1.0)
    >>> wave.angles([0.0, 0.25, 0.5])[:, 2].round(6).tolist()
    [0.5, 0.0, -0.5]
    """

    body: Body
    posture: np.ndarray
    cosines: np.ndarray
    sines: np.ndarray
    tempo: float
    phase: float = 0.0
    sway: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 3)))

    def __str__(self) -> str:
        return (
            f"<Movement of {len(self.posture)} angles, {len(self.cosines)} harmonics "
            f"of {self.tempo:.3g} Hz>"
        )

    def angles(self, times: np.ndarray) -> np.ndarray:
        """Joint angles at any time.

        Args:
            times: float array `(time,)`, in seconds.

        Returns:
            float array `(time, 18)` in rad, in the order of `ANGLES`.
        """
        times = np.asarray(times, "float64")[:, None]
        size, rate, phase = self.sway.T
        sway = np.sum(size * np.sin(2 * np.pi * rate * times + phase), 1, keepdims=True)
        cycles = self.phase + self.tempo * times + sway
        turns = 2 * np.pi * cycles * np.arange(1, len(self.sines) + 1)
        swing = np.cos(turns) @ self.cosines + np.sin(turns) @ self.sines
        return self.posture + (1 + sway) * swing

    def joints(self, times: np.ndarray) -> np.ndarray:
        """Where the joints are at any time.

        Args:
            times: float array `(time,)`, in seconds.

        Returns:
            float array `(time, 15, 3)` in metres, in the order of `JOINTS`.
        """
        return self.body.joints(self.angles(times))

    def wrist(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the sensor on the right wrist is at any time, and how it is turned.

        Args:
            times: float array `(time,)`, in seconds.

        Returns:
            `(position, frame)`, as `Body.wrist` gives them.
        """
        return self.body.wrist(self.angles(times))


def movement_from_scores(
    scores: np.ndarray,
    body: Body,
    vigour: float = 0.0,
    handedness: float = 0.0,
    phase: float = 0.0,
    sway: np.ndarray | None = None,
) -> Movement:
    """The movement that standard normal scores stand for.

    It is linear in them, but for the tempo, which is log-normal.

    Args:
        scores: float array `(NUM_SCORES,)`.
        body: `Body` that moves.
        vigour: float. Natural logarithm of a gain on all swings.
        handedness: float. Natural logarithm of a gain on the right side's swings,
            and of a loss on the left side's.
        phase: float. Where in the cycle time 0 falls, in cycles.
        sway: float array `(waves, 3)`, as `Movement` takes it.

    Returns:
        `Movement`.
    """
    posture, *swings = scores[:-1].reshape(-1, len(ANGLES))
    harmonics = np.repeat(np.arange(1, _HARMONICS + 1), 2)
    gains = _SWING_SPREAD * np.exp(vigour + handedness * _SIDE)
    swings = np.stack(swings) * gains / harmonics[:, None]
    return Movement(
        body,
        posture=_MEAN_POSTURE + _POSTURE_SPREAD * posture,
        cosines=swings[::2],
        sines=swings[1::2],
        tempo=_MEAN_TEMPO * float(np.exp(_TEMPO_SPREAD * scores[-1])),
        phase=phase,
        sway=np.zeros((0, 3)) if sway is None else sway,
    )
