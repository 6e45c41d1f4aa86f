import numpy as np
import pytest

from keras_dcat.datasets.simulated import ANGLES, JOINTS, Body, Movement
from keras_dcat.datasets.simulated.movement import NUM_SCORES, movement_from_scores


@pytest.fixture
def scores(rng):
    return rng.standard_normal(NUM_SCORES)


def swings(movement):
    return np.hypot(movement.cosines, movement.sines)


def test_angles_are_a_posture_and_harmonics_of_the_tempo(rng):
    posture, cosines, sines = rng.normal(size=18), *rng.normal(size=(2, 2, 18))
    movement = Movement(Body(), posture, cosines, sines, tempo=0.7, phase=0.1)
    for time, angles in zip(
        [0.0, 0.9, 2.0], movement.angles([0.0, 0.9, 2.0]), strict=True
    ):
        turn = 2 * np.pi * (0.1 + 0.7 * time)
        expected = posture.copy()
        for harmonic in (1, 2):
            expected += cosines[harmonic - 1] * np.cos(harmonic * turn)
            expected += sines[harmonic - 1] * np.sin(harmonic * turn)
        np.testing.assert_allclose(angles, expected, atol=1e-12)


def test_sway_shifts_the_cycle_and_swells_the_swing():
    still = np.zeros((1, 18))
    ones = still + 1
    size, rate, phase = 0.1, 0.2, 0.5
    sway = np.array([[size, rate, phase]])
    movement = Movement(Body(), still[0], still, ones, tempo=0.5, sway=sway)
    times = np.linspace(0, 10, 50)
    wave = size * np.sin(2 * np.pi * rate * times + phase)
    expected = (1 + wave) * np.sin(2 * np.pi * (0.5 * times + wave))
    np.testing.assert_allclose(movement.angles(times)[:, 3], expected, atol=1e-12)


def test_joints_and_wrist_are_those_of_the_body_in_that_pose(scores):
    body = Body(forearm=0.3, strap=0.4)
    movement, times = movement_from_scores(scores, body), np.array([0.3, 1.2])
    joints = movement.joints(times)
    np.testing.assert_array_equal(joints, body.joints(movement.angles(times)))
    position, frame = movement.wrist(times)
    np.testing.assert_array_equal(position, joints[:, JOINTS.index("right wrist")])
    np.testing.assert_array_equal(frame, body.wrist(movement.angles(times))[1])


def test_every_score_changes_the_movement(scores):
    times = np.linspace(0, 2, 20)
    angles = movement_from_scores(scores, Body()).angles(times)
    for number in range(NUM_SCORES):
        changed = scores.copy()
        changed[number] += 1.0
        moved = movement_from_scores(changed, Body()).angles(times)
        assert np.abs(moved - angles).max() > 1e-2


def test_posture_and_swing_are_linear_in_the_scores_and_the_tempo_is_log_normal(rng):
    first, second = rng.standard_normal((2, NUM_SCORES))
    middle = movement_from_scores((first + second) / 2, Body())
    ends = [movement_from_scores(each, Body()) for each in (first, second)]
    for part in ("posture", "cosines", "sines"):
        mean = np.mean([getattr(end, part) for end in ends], axis=0)
        np.testing.assert_allclose(getattr(middle, part), mean, atol=1e-12)
    geometric_mean = np.sqrt(ends[0].tempo * ends[1].tempo)
    assert middle.tempo == pytest.approx(geometric_mean)


def test_vigour_enlarges_all_swings_and_handedness_those_of_the_right(scores):
    plain = movement_from_scores(scores, Body())
    ratio = swings(movement_from_scores(scores, Body(), vigour=0.3)) / swings(plain)
    np.testing.assert_allclose(ratio, np.exp(0.3))
    right_handed = movement_from_scores(scores, Body(), handedness=0.2)
    np.testing.assert_array_equal(right_handed.posture, plain.posture)
    sides = [{"right": 1, "left": -1}.get(name.split()[0], 0) for name in ANGLES]
    expected = np.broadcast_to(np.exp(0.2 * np.array(sides)), (2, len(ANGLES)))
    np.testing.assert_allclose(swings(right_handed) / swings(plain), expected)


def test_the_second_harmonic_is_half_as_large_as_the_first(rng):
    movements = [
        movement_from_scores(rng.standard_normal(NUM_SCORES), Body()) for _ in range(50)
    ]
    first, second = np.mean([swings(movement) for movement in movements], axis=(0, 2))
    assert second / first == pytest.approx(0.5, rel=0.1)
