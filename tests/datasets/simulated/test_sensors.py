import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from keras_dcat.datasets.simulated import ANGLES, JOINTS, RATES, Body, Movement
from keras_dcat.datasets.simulated.movement import NUM_SCORES, movement_from_scores
from keras_dcat.datasets.simulated.sensors import SENSORS, audio, imu, skeleton, video

STILL = np.zeros((1, len(ANGLES)))
ARM = Body().upper_arm + Body().forearm
G = 9.81


def only(name, size):
    return STILL + size * (np.array(ANGLES) == name)


def resting(**degrees):
    named = {name.replace("_", " "): np.deg2rad(d) for name, d in degrees.items()}
    posture = np.array([named.get(name, 0.0) for name in ANGLES])
    return Movement(Body(), posture, STILL, STILL, tempo=1.0)


def swinging(name, size, tempo):
    """One joint swings as size·sin(2π·tempo·t), the others hang."""
    return Movement(Body(), STILL[0], STILL, only(name, size), tempo)


class Turning(Movement):
    """Turns about the vertical for ever, 2 rad/s."""

    def angles(self, times):
        return self.posture + 2.0 * np.asarray(times)[:, None] * only("twist", 1.0)


@pytest.fixture
def lively(rng):
    scores = rng.standard_normal(NUM_SCORES)
    sway = np.array([[0.1, 0.3, 1.0]])
    return movement_from_scores(scores, Body(strap=0.5), phase=0.3, sway=sway)


def clock(name, duration=6.0):
    return np.arange(round(duration * RATES[name])) / RATES[name]


def test_a_skeleton_is_where_the_joints_are_up_to_a_centimetre_of_noise(lively, rng):
    times = clock("skeleton", 60.0)
    joints = lively.joints(times).reshape(len(times), 45)
    exact = skeleton(lively, times, rng, noise=0.0)
    np.testing.assert_allclose(exact, joints, atol=1e-6)
    error = skeleton(lively, times, rng, noise=1.0) - joints
    assert error.std() == pytest.approx(0.01, rel=0.02)
    assert abs(error.mean()) < 1e-3


@pytest.mark.parametrize(
    "pose", [{}, {"right_shoulder_flexion": 70, "lean": 20, "right_elbow_flexion": 50}]
)
def test_a_resting_person_feels_one_g_and_does_not_turn(rng, pose):
    exact = imu(resting(**pose), clock("imu"), rng, noise=0.0)
    np.testing.assert_allclose(np.linalg.norm(exact[:, :3], axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(exact[:, 3:], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("pose", "up"),
    [
        ({}, (0, 0, 1)),  # the forearm hangs: up is towards the elbow
        ({"right_elbow_flexion": 90}, (0, 1, 0)),
        ({"right_elbow_flexion": 90, "right_forearm_rotation": 90}, (1, 0, 0)),
    ],
)
def test_gravity_shows_how_the_sensor_is_turned(rng, pose, up):
    felt = imu(resting(**pose), clock("imu"), rng, noise=0.0)[0, :3]
    np.testing.assert_allclose(felt, up, atol=1e-6)


def test_the_noise_and_bias_of_an_imu_are_as_stated():
    errors = np.stack(
        [
            imu(resting(), clock("imu"), np.random.default_rng(n), 1.0)
            - [0, 0, 1, 0, 0, 0]
            for n in range(300)
        ]
    )
    biases = errors.mean(axis=1)
    bias = np.array([0.02] * 3 + [0.01] * 3)
    assert biases.std(axis=0) == pytest.approx(bias, rel=0.15)
    assert (errors - biases[:, None]).std(axis=(0, 1)) == pytest.approx(0.02, rel=0.02)


def test_a_swinging_arm_feels_what_a_pendulum_does(rng):
    size, tempo = 0.6, 0.8
    times = clock("imu")
    swing = swinging("right shoulder flexion", size, tempo)
    felt = imu(swing, times, rng, noise=0.0)
    pace = 2 * np.pi * tempo
    angle = size * np.sin(pace * times)
    speed = size * pace * np.cos(pace * times)
    acceleration = -size * pace**2 * np.sin(pace * times)
    along_the_path = ARM * acceleration / G + np.sin(angle)
    to_the_shoulder = ARM * speed**2 / G + np.cos(angle)
    np.testing.assert_allclose(felt[:, 0], 0.0, atol=1e-6)
    np.testing.assert_allclose(felt[:, 1], along_the_path, atol=1e-5)
    np.testing.assert_allclose(felt[:, 2], to_the_shoulder, atol=1e-5)
    np.testing.assert_allclose(felt[:, 3], speed, atol=1e-5)
    np.testing.assert_allclose(felt[:, 4:], 0.0, atol=1e-6)


def test_turning_at_a_constant_rate_pulls_towards_the_axis(rng):
    turning = Turning(Body(), STILL[0], STILL, STILL, tempo=1.0)
    felt = imu(turning, clock("imu"), rng, noise=0.0)
    pull = 2.0**2 * Body().shoulder / G
    expected = np.broadcast_to([-pull, 0, 1, 0, 0, 2.0], felt.shape)
    np.testing.assert_allclose(felt, expected, atol=1e-5)


def test_acceleration_is_the_second_derivative_of_the_skeletons_wrist(lively, rng):
    times = np.arange(0, 6, 1e-3)
    wrist = lively.joints(times)[:, JOINTS.index("right wrist")]
    acceleration = np.gradient(np.gradient(wrist, times, axis=0), times, axis=0)
    to_sensor = Rotation.from_matrix(lively.wrist(times)[1]).inv()
    expected = to_sensor.apply(acceleration + [0, 0, G]) / G
    felt = imu(lively, times, rng, noise=0.0)[:, :3]
    assert np.abs(felt - np.mean(felt, axis=0)).max() > 0.3  # it does move
    np.testing.assert_allclose(felt[2:-2], expected[2:-2], atol=2e-3)


def test_angular_velocity_integrates_to_the_rotation(lively, rng):
    step = 1e-3
    middles = np.arange(0, 3, step) + step / 2
    velocity = imu(lively, middles, rng, noise=0.0)[:, 3:]
    start, end = Rotation.from_matrix(lively.wrist(np.array([0.0, 3.0]))[1])
    turned = start
    for rotation in Rotation.from_rotvec(velocity * step):
        turned = turned * rotation
    assert (start.inv() * end).magnitude() > 0.1
    assert (end.inv() * turned).magnitude() < 1e-3


def test_frames_show_a_bright_body_on_black(lively, rng):
    frames = video(lively, clock("video"), rng, noise=0.0)
    assert frames.shape == (60, 24, 24, 1)
    assert frames.dtype == np.uint8
    edges = frames.copy()
    edges[:, 1:-1, 1:-1] = 0
    assert frames.max() > 200
    assert np.median(frames) == 0
    lit = (frames > 100).mean()
    assert 0.03 < lit < 0.3


def pixel(place):
    """Row and column of a place, for a camera 35° off the back, 10 cm a pixel."""
    turn = np.deg2rad(35)
    across = np.cos(turn) * place[0] + np.sin(turn) * place[1]
    return round(11.5 - (place[2] - 0.1) / 0.1), round(11.5 + across / 0.1)


@pytest.mark.parametrize("angle", [60, 90, 120])
def test_a_raised_hand_is_seen_where_the_camera_says(rng, angle):
    raised = video(resting(right_shoulder_flexion=angle), np.zeros(1), rng, 0.0)
    hanging = video(resting(), np.zeros(1), rng, 0.0)
    movement = resting(right_shoulder_flexion=angle)
    row, column = pixel(movement.joints([0.0])[0, JOINTS.index("right wrist")])
    assert raised[0, row, column, 0] > 120
    assert hanging[0, row, column, 0] < 20


def test_the_noise_of_a_video_is_that_of_its_grey_levels(lively, rng):
    times = clock("video", 60.0)
    exact = video(lively, times, rng, 0.0).astype("float64")
    noisy = video(lively, times, rng, 1.0)
    middle = (exact > 50) & (exact < 205)  # away from black and white
    assert (noisy - exact)[middle].std() == pytest.approx(4.0, rel=0.05)


def test_a_resting_person_is_not_heard(rng):
    assert not audio(resting(), clock("audio"), rng, noise=0.0).any()
    hiss = audio(resting(), clock("audio", 60.0), rng, noise=1.0)
    assert hiss.std() == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize(
    ("joint", "height", "length", "pitch"),
    [
        ("right shoulder flexion", -0.04, ARM, 180.0),
        ("left shoulder flexion", -0.04, ARM, 150.0),
        ("right hip flexion", -0.84, 0.84, 125.0),
        ("left hip flexion", -0.84, 0.84, 100.0),
    ],
)
def test_a_limb_sounds_at_its_lowest_point_in_its_pitch(
    rng, joint, height, length, pitch
):
    size, tempo = 0.5, 0.8
    times = clock("audio", 5.0)
    sound = audio(swinging(joint, size, tempo), times, rng, noise=0.0)[:, 0]
    # The height -length·cos(size·sin ωt) is lowest each half cycle, and is turned
    # round there by length·(size·ω)².
    loudness = length * (size * 2 * np.pi * tempo) ** 2 / G
    pitch *= 2**height
    expected = np.zeros(len(times))
    for contact in np.arange(0, 5, 0.5 / tempo):
        since = times - contact
        heard = (since >= 0) & (since < 0.12)
        tone = np.exp(-since / 0.02) * np.sin(2 * np.pi * pitch * since)
        expected += np.where(heard, loudness * tone, 0.0)
    assert np.abs(expected).max() > 0.2
    np.testing.assert_allclose(sound, expected, atol=0.03 * loudness)


@pytest.mark.parametrize("name", SENSORS)
def test_what_is_sensed_does_not_depend_on_the_length_of_the_recording(lively, name):
    long, short = (
        SENSORS[name](lively, clock(name, d), np.random.default_rng(0), 0.0)
        for d in (6.0, 3.0)
    )
    np.testing.assert_allclose(long[: len(short)], short, atol=1e-5)
