import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from keras_dcat.datasets.simulated import ANGLES, JOINTS, Body
from keras_dcat.datasets.simulated.body import BONES

ANY_ANGLES = st.lists(st.floats(-7, 7), min_size=len(ANGLES), max_size=len(ANGLES)).map(
    np.array
)


def angles(**degrees):
    """One pose: angles in degrees, by their name with underscores."""
    named = {name.replace("_", " "): np.deg2rad(d) for name, d in degrees.items()}
    assert named.keys() <= {*ANGLES}
    return np.array([[named.get(name, 0.0) for name in ANGLES]])


def place(joint, body=None, **degrees):
    return (body or Body()).joints(angles(**degrees))[0, JOINTS.index(joint)]


@pytest.mark.parametrize(
    ("joint", "pose", "expected"),
    [
        ("head", {}, (0, 0, 0.72)),
        ("head", {"lean": 90}, (0, 0.72, 0)),
        ("right wrist", {}, (0.18, 0, -0.04)),
        ("right wrist", {"right_shoulder_flexion": 90}, (0.18, 0.56, 0.52)),
        ("right wrist", {"right_shoulder_abduction": 90}, (0.74, 0, 0.52)),
        ("left wrist", {"left_shoulder_abduction": 90}, (-0.74, 0, 0.52)),
        ("right wrist", {"right_elbow_flexion": 90}, (0.18, 0.26, 0.22)),
        ("right wrist", {"twist": 90}, (0, 0.18, -0.04)),
        (
            "right wrist",
            {"right_elbow_flexion": 90, "right_shoulder_rotation": 90},
            (-0.08, 0, 0.22),
        ),
        ("left foot", {}, (-0.1, 0, -0.84)),
        ("left foot", {"left_hip_flexion": 90}, (-0.1, 0.84, 0)),
        (
            "left foot",
            {"left_hip_flexion": 90, "left_knee_flexion": 90},
            (-0.1, 0.42, -0.42),
        ),
        ("right foot", {"right_hip_abduction": 90}, (0.94, 0, 0)),
    ],
)
def test_a_pose_puts_a_joint_where_geometry_says(joint, pose, expected):
    np.testing.assert_allclose(place(joint, **pose), expected, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(pose=ANY_ANGLES)
def test_no_pose_stretches_a_limb(pose):
    body = Body()
    lengths = {
        **dict.fromkeys(["shoulder"], body.shoulder),
        **{"elbow": body.upper_arm, "wrist": body.forearm, "hip": body.hip},
        **{"knee": body.thigh, "foot": body.shank},
        **{"neck": body.trunk, "head": body.head},
    }
    joints = body.joints(pose[None])[0]
    for begin, end in BONES:
        vector = joints[JOINTS.index(end)] - joints[JOINTS.index(begin)]
        expected = lengths[end.split()[-1]]
        assert np.linalg.norm(vector) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(pose=ANY_ANGLES)
def test_exchanging_the_sides_mirrors_the_body(pose):
    names = list(ANGLES)
    swap = {"right": "left", "left": "right"}

    def other(name):
        side, _, rest = name.partition(" ")
        return f"{swap[side]} {rest}" if side in swap else name

    mirrored = pose[[names.index(other(name)) for name in names]]
    mirrored[names.index("twist")] *= -1
    joints, reflected = Body().joints(np.stack([pose, mirrored]))
    expected = joints[[JOINTS.index(other(name)) for name in JOINTS]] * [-1, 1, 1]
    np.testing.assert_allclose(reflected, expected, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(pose=ANY_ANGLES, strap=st.floats(-3, 3))
def test_the_sensor_is_turned_by_all_angles_of_its_arm_and_by_the_strap(pose, strap):
    body = Body(strap=strap)
    position, frame = body.wrist(pose[None])
    joints = body.joints(pose[None])[0]
    np.testing.assert_allclose(position[0], joints[JOINTS.index("right wrist")])

    angle = dict(zip(ANGLES, pose, strict=True))
    # Intrinsic rotations, from the trunk outwards.
    turns = [("Z", "twist", 1), ("X", "lean", -1)]
    turns += [("X", "right shoulder flexion", 1), ("Y", "right shoulder abduction", -1)]
    turns += [("Z", "right shoulder rotation", 1), ("X", "right elbow flexion", 1)]
    turns += [("Z", "right forearm rotation", 1)]
    expected = Rotation.identity()
    for axis, name, sign in turns:
        expected = expected * Rotation.from_euler(axis, sign * angle[name])
    expected = expected * Rotation.from_euler("Z", strap)
    np.testing.assert_allclose(frame[0], expected.as_matrix(), atol=1e-9)


def test_a_longer_forearm_moves_the_hand_and_nothing_else():
    longer = dataclasses.replace(Body(), forearm=0.36)
    pose = {"right_elbow_flexion": 90}
    moved = place("right wrist", longer, **pose) - place("right wrist", **pose)
    np.testing.assert_allclose(moved, [0, 0.1, 0], atol=1e-12)
    for joint in ("right elbow", "right foot"):
        np.testing.assert_array_equal(place(joint, longer), place(joint))
