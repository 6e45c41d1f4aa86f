"""What sensors make of a movement."""

import numpy as np

from keras_dcat.datasets.simulated.body import BONES, JOINTS
from keras_dcat.datasets.simulated.movement import Movement

RATES = {"skeleton": 20.0, "imu": 50.0, "video": 10.0, "audio": 1000.0}
GRAVITY = 9.81  # m/s²
_SKELETON_NOISE = 0.01  # m
_IMU_NOISE = np.array([0.02] * 3 + [0.02] * 3)  # g, rad/s
_IMU_BIAS = np.array([0.02] * 3 + [0.01] * 3)
_VIDEO_NOISE = 4.0  # grey levels
_AUDIO_NOISE = 0.02
_DERIVATIVE_STEP = 1e-4  # s: rounding and curvature both stay below 1e-6
_FRAME_SIZE, _PIXEL, _DISC = 24, 0.1, 0.07  # pixels, m, m
_CAMERA = np.deg2rad(35.0)  # from behind, towards the person's right
_LENS = 0.1  # m above the pelvis
_CONTACT_STEP = 0.01  # s
_DECAY = 0.02  # s
_PITCHES = {
    "right wrist": 180.0,
    "left wrist": 150.0,
    "right foot": 125.0,
    "left foot": 100.0,
}  # Hz, at the height of the pelvis


def skeleton(
    movement: Movement, times: np.ndarray, rng: np.random.Generator, noise: float
) -> np.ndarray:
    """Positions of the joints.

    Args:
        movement: `Movement` that is seen.
        times: float array `(time,)`, in seconds.
        rng: `numpy.random.Generator` of the noise.
        noise: float. Share of the usual noise, 1 cm.

    Returns:
        float32 array `(time, 45)`: 15 joints × (x, y, z) in metres.
    """
    joints = movement.joints(times).reshape(len(times), -1)
    joints += noise * rng.normal(scale=_SKELETON_NOISE, size=joints.shape)
    return joints.astype("float32")


def imu(
    movement: Movement, times: np.ndarray, rng: np.random.Generator, noise: float
) -> np.ndarray:
    """What an inertial sensor on the right wrist feels.

    Args:
        movement: `Movement` that is felt.
        times: float array `(time,)`, in seconds.
        rng: `numpy.random.Generator` of the noise and of the bias.
        noise: float. Share of the usual noise and bias.

    Returns:
        float32 array `(time, 6)`: specific force in g and angular velocity in
        rad/s, both along the sensor's axes.
    """
    step = _DERIVATIVE_STEP
    (before, turned_before), (here, frame), (after, turned_after) = (
        movement.wrist(times + shift) for shift in (-step, 0.0, step)
    )
    force = (before - 2 * here + after) / step**2 + [0.0, 0.0, GRAVITY]
    force = np.einsum("tij,ti->tj", frame, force) / GRAVITY
    change = (turned_after - turned_before) / (2 * step)
    spin = np.einsum("tji,tjk->tik", frame, change)
    velocity = np.stack([spin[:, 2, 1], spin[:, 0, 2], spin[:, 1, 0]], axis=1)
    values = np.hstack([force, velocity])
    values += noise * rng.normal(scale=_IMU_BIAS)
    values += noise * rng.normal(scale=_IMU_NOISE, size=values.shape)
    return values.astype("float32")


def video(
    movement: Movement, times: np.ndarray, rng: np.random.Generator, noise: float
) -> np.ndarray:
    """Small grey frames of a body made of soft discs, seen from afar.

    Args:
        movement: `Movement` that is filmed.
        times: float array `(time,)`, in seconds.
        rng: `numpy.random.Generator` of the noise.
        noise: float. Share of the usual noise, 4 grey levels.

    Returns:
        uint8 array `(time, 24, 24, 1)`, the top row first. A pixel is 10 cm wide.
    """
    joints = movement.joints(times)
    begins, ends = (
        joints[:, [JOINTS.index(name) for name in names]]
        for names in zip(*BONES, strict=True)
    )
    shares = (1 / 3, 2 / 3, 1.0)
    discs = np.concatenate([begins + s * (ends - begins) for s in shares], axis=1)
    across = np.cos(_CAMERA) * discs[..., 0] + np.sin(_CAMERA) * discs[..., 1]
    centres = (np.arange(_FRAME_SIZE) - (_FRAME_SIZE - 1) / 2) * _PIXEL
    columns = _bell(across[..., None] - centres)
    rows = _bell(discs[..., 2:] - _LENS + centres)
    light = np.transpose(rows, (0, 2, 1)) @ columns
    frames = 255.0 * (1.0 - np.exp(-light))
    frames += noise * rng.normal(scale=_VIDEO_NOISE, size=frames.shape)
    return np.clip(np.rint(frames), 0, 255).astype("uint8")[..., None]


def audio(
    movement: Movement, times: np.ndarray, rng: np.random.Generator, noise: float
) -> np.ndarray:
    """A short tone wherever a hand or a foot turns round at its lowest point.

    It is as loud as the acceleration, in g, that turns the limb round. Each limb
    has its own pitch, an octave more for each metre that it is higher up.

    Args:
        movement: `Movement` that is heard.
        times: float array `(time,)`, in seconds, evenly spaced at the audio rate.
        rng: `numpy.random.Generator` of the noise.
        noise: float. Share of the usual noise.

    Returns:
        float32 array `(time, 1)`.
    """
    length = 6 * _DECAY  # what is left by then is a four-hundredth
    grid = np.arange(times[0] - length, times[-1] + _CONTACT_STEP, _CONTACT_STEP)
    heights = movement.joints(grid)[:, [JOINTS.index(name) for name in _PITCHES], 2]
    sound = noise * rng.normal(scale=_AUDIO_NOISE, size=len(times))
    for height, base in zip(heights.T, _PITCHES.values(), strict=True):
        contacts, loudness, lowest = _contacts(grid, height)
        pitch = base * 2.0**lowest
        first = np.searchsorted(times, contacts)
        heard = first[:, None] + np.arange(round(length * RATES["audio"]))
        contact, _ = inside = np.nonzero(heard < len(times))
        since = times[heard[inside]] - contacts[contact]
        turns = 2 * np.pi * pitch[contact] * since
        tone = np.exp(-since / _DECAY) * np.sin(turns)
        np.add.at(sound, heard[inside], loudness[contact] * tone)
    return sound.astype("float32")[:, None]


SENSORS = {"skeleton": skeleton, "imu": imu, "video": video, "audio": audio}


def _bell(distance):
    return np.exp(-0.5 * (distance / _DISC) ** 2)


def _contacts(times, height):
    """When a height `(time,)` is lowest, how many g turn it round there, and it."""
    before, here, after = height[:-2], height[1:-1], height[2:]
    lowest = np.flatnonzero((here < before) & (here <= after))
    bend = (before - 2 * here + after)[lowest]
    shift = (before - after)[lowest] / (2 * bend)  # of the parabola through all three
    contacts = times[lowest + 1] + shift * _CONTACT_STEP
    return contacts, bend / _CONTACT_STEP**2 / GRAVITY, here[lowest]
