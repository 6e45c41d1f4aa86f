"""From joint angles to where the joints of a body are."""

import dataclasses

import numpy as np

SIDES = ("right", "left")
_LIMB_ANGLES = (
    "shoulder flexion",
    "shoulder abduction",
    "shoulder rotation",
    "elbow flexion",
    "forearm rotation",
    "hip flexion",
    "hip abduction",
    "knee flexion",
)
_LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "foot")
ANGLES = ("lean", "twist") + tuple(f"{s} {a}" for s in SIDES for a in _LIMB_ANGLES)
JOINTS = ("pelvis", "neck", "head") + tuple(
    f"{s} {j}" for s in SIDES for j in _LIMB_JOINTS
)
BONES = (("pelvis", "neck"), ("neck", "head")) + tuple(
    (f"{s} {begin}" if begin in _LIMB_JOINTS else begin, f"{s} {end}")
    for s in SIDES
    for begin, end in [
        ("neck", "shoulder"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("pelvis", "hip"),
        ("hip", "knee"),
        ("knee", "foot"),
    ]
)
_X, _Y, _Z = range(3)


@dataclasses.dataclass(frozen=True)
class Body:
    """A trunk with a head, two arms and two legs, and a sensor on the right wrist.

    Lengths are in metres. The pelvis stays at the origin; x points to the
    person's right, y ahead and z up. With all angles 0 the person stands upright
    with hanging arms.

    Args:
        trunk: float. From the pelvis to the neck.
        head: float. From the neck to the head.
        shoulder: float. From the neck to a shoulder, sideways.
        upper_arm: float. From a shoulder to the elbow.
        forearm: float. From an elbow to the wrist.
        hip: float. From the pelvis to a hip, sideways.
        thigh: float. From a hip to the knee.
        shank: float. From a knee to the foot.
        strap: float. How far the sensor is turned about the forearm, in rad.

    Example:

    >>> hanging = Body().joints(np.zeros((1, len(ANGLES))))[0]
    >>> hanging[JOINTS.index("right wrist")].round(2).tolist()
    [0.18, 0.0, -0.04]
    """

    trunk: float = 0.52
    head: float = 0.2
    shoulder: float = 0.18
    upper_arm: float = 0.3
    forearm: float = 0.26
    hip: float = 0.1
    thigh: float = 0.42
    shank: float = 0.42
    strap: float = 0.0

    def joints(self, angles: np.ndarray) -> np.ndarray:
        """Where the joints are.

        Args:
            angles: float array `(time, 18)` in rad, in the order of `ANGLES`.

        Returns:
            float array `(time, 15, 3)` in metres, in the order of `JOINTS`.
        """
        angle = dict(zip(ANGLES, np.transpose(angles), strict=True))
        trunk = _trunk(angle)
        pelvis = np.zeros((len(trunk), 3))
        neck = _along(trunk, _Z, self.trunk)
        places = [pelvis, neck, neck + _along(trunk, _Z, self.head)]
        for side in SIDES:
            places += self._arm(angle, trunk, side)[0]
            places += self._leg(angle, len(trunk), side)
        return np.stack(places, axis=1)

    def wrist(self, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the sensor on the right wrist is, and how it is turned.

        Args:
            angles: float array `(time, 18)` in rad, in the order of `ANGLES`.

        Returns:
            `(position, frame)`: float arrays `(time, 3)` in metres and
            `(time, 3, 3)`, a rotation from the sensor's axes to the world's. The
            sensor's z axis points from the wrist to the elbow.
        """
        angle = dict(zip(ANGLES, np.transpose(angles), strict=True))
        places, frame = self._arm(angle, _trunk(angle), "right")
        return places[-1], frame @ _turn(_Z, np.full(len(frame), self.strap))

    def _arm(self, angle, trunk, side):
        outwards = _outwards(side)
        neck = _along(trunk, _Z, self.trunk)
        shoulder = neck + _along(trunk, _X, outwards * self.shoulder)
        upper = (
            trunk
            @ _turn(_X, angle[f"{side} shoulder flexion"])
            @ _turn(_Y, -outwards * angle[f"{side} shoulder abduction"])
            @ _turn(_Z, outwards * angle[f"{side} shoulder rotation"])
        )
        elbow = shoulder - _along(upper, _Z, self.upper_arm)
        fore = (
            upper
            @ _turn(_X, angle[f"{side} elbow flexion"])
            @ _turn(_Z, outwards * angle[f"{side} forearm rotation"])
        )
        return [shoulder, elbow, elbow - _along(fore, _Z, self.forearm)], fore

    def _leg(self, angle, steps, side):
        outwards = _outwards(side)
        hip = np.tile([outwards * self.hip, 0.0, 0.0], (steps, 1))
        flexion, abduction, knee_flexion = (
            angle[f"{side} {name}"]
            for name in ("hip flexion", "hip abduction", "knee flexion")
        )
        thigh = _turn(_X, flexion) @ _turn(_Y, -outwards * abduction)
        knee = hip - _along(thigh, _Z, self.thigh)
        shank = thigh @ _turn(_X, -knee_flexion)
        return [hip, knee, knee - _along(shank, _Z, self.shank)]


def _outwards(side):
    return 1.0 if side == "right" else -1.0


def _trunk(angle):
    return _turn(_Z, angle["twist"]) @ _turn(_X, -angle["lean"])


def _along(frame, axis, length):
    return length * frame[:, :, axis]


def _turn(axis, angle):
    """Rotations `(time, 3, 3)` by angles `(time,)` about a coordinate axis."""
    second, third = (axis + 1) % 3, (axis + 2) % 3
    turn = np.zeros((len(angle), 3, 3))
    turn[:, axis, axis] = 1.0
    turn[:, second, second] = turn[:, third, third] = np.cos(angle)
    turn[:, third, second] = np.sin(angle)
    turn[:, second, third] = -np.sin(angle)
    return turn
