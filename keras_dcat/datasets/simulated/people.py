"""Who performs, in which session, and how that changes an activity."""

import dataclasses

import numpy as np

from keras_dcat.datasets.simulated.body import Body
from keras_dcat.datasets.simulated.movement import (
    NUM_SCORES,
    Movement,
    movement_from_scores,
)

_LENGTHS = tuple(f.name for f in dataclasses.fields(Body) if f.name != "strap")
# Standard deviations at a variation of 1: natural logarithms, and rad.
_HEIGHT, _PROPORTIONS, _VIGOUR, _HANDEDNESS = 0.15, 0.1, 0.5, 0.4
_STRAP = 1.5
_SWAY_RATES = np.array([0.11, 0.23, 0.37])  # Hz
_SWAY = 0.1  # cycles


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """A body and a style.

    Args:
        body: `Body`.
        scores: float array `(NUM_SCORES,)`, added to those of every activity.
        vigour: float. Natural logarithm of a gain on all swings.
        handedness: float. Natural logarithm of a gain on the right side's swings,
            and of a loss on the left side's.
    """

    body: Body
    scores: np.ndarray
    vigour: float
    handedness: float


@dataclasses.dataclass(frozen=True, eq=False)
class Session:
    """What is different from one performance to the next.

    Args:
        scores: float array `(NUM_SCORES,)`, added to those of the activity.
        strap: float. How far the wrist sensor is turned about the forearm, in rad.
        phase: float. Where in the cycle it begins, in cycles.
        sway: float array `(waves, 3)`, as `Movement` takes it.
    """

    scores: np.ndarray
    strap: float
    phase: float
    sway: np.ndarray


def draw_person(rng: np.random.Generator, variation: float) -> Person:
    """A person at random.

    Args:
        rng: `numpy.random.Generator`.
        variation: float. How much people differ; 0 gives the same person always.

    Returns:
        `Person`.
    """
    height = _HEIGHT * rng.standard_normal()
    proportions = _PROPORTIONS * rng.standard_normal(len(_LENGTHS))
    gains = np.exp(variation * (height + proportions))
    vigour, handedness = variation * rng.normal(scale=[_VIGOUR, _HANDEDNESS])
    lengths = {
        name: float(gain) * getattr(Body(), name)
        for name, gain in zip(_LENGTHS, gains, strict=True)
    }
    scores = variation * rng.standard_normal(NUM_SCORES)
    return Person(Body(**lengths), scores, float(vigour), float(handedness))


def draw_session(rng: np.random.Generator, variation: float) -> Session:
    """A session at random.

    Args:
        rng: `numpy.random.Generator`.
        variation: float. How much performances differ. Where in the cycle they
            begin, and how they sway, differs always.

    Returns:
        `Session`.
    """
    size = _SWAY * rng.uniform(0.5, 1.0, len(_SWAY_RATES))
    phase = rng.uniform(0.0, 2 * np.pi, len(_SWAY_RATES))
    return Session(
        scores=variation * rng.standard_normal(NUM_SCORES),
        strap=float(variation * rng.normal(scale=_STRAP)),
        phase=float(rng.uniform()),
        sway=np.stack([size, _SWAY_RATES, phase], axis=1),
    )


def perform(scores: np.ndarray, person: Person, session: Session) -> Movement:
    """An activity as a person performs it in a session.

    Args:
        scores: float array `(NUM_SCORES,)` of the activity.
        person: `Person`.
        session: `Session`.

    Returns:
        `Movement`.
    """
    return movement_from_scores(
        scores + person.scores + session.scores,
        dataclasses.replace(person.body, strap=session.strap),
        vigour=person.vigour,
        handedness=person.handedness,
        phase=session.phase,
        sway=session.sway,
    )
