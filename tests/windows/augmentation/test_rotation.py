import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from keras_dcat.windows.augmentation import (
    Rotation3D,
    RotationAboutVertical,
)

SEEDS = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))


@settings(max_examples=20, deadline=None)
@given(st.floats(1, 180), SEEDS)
def test_both_triplets_and_all_steps_are_turned_by_one_rotation(max_angle, seed):
    windows = np.random.default_rng(0).normal(size=(5, 8, 7))
    first, second = (4, 0, 6), (1, 5, 2)
    varied = Rotation3D(max_angle, (first, second))(windows, seed).numpy()
    for window, turned in zip(windows, varied, strict=True):
        rotation, _ = Rotation.align_vectors(turned[:, first], window[:, first])
        assert np.degrees(rotation.magnitude()) <= max_angle + 1e-4
        for triplet in (first, second):
            expected = rotation.apply(window[:, triplet])
            np.testing.assert_allclose(turned[:, triplet], expected, atol=1e-9)
    np.testing.assert_array_equal(varied[..., 3], windows[..., 3])


def test_axes_point_everywhere_and_angles_are_equally_likely():
    windows = np.tile(np.eye(3), (4000, 1, 1))
    varied = Rotation3D(90)(windows, (1, 2)).numpy()
    vectors = Rotation.from_matrix(np.swapaxes(varied, 1, 2)).as_rotvec(degrees=True)
    angles = np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(
        np.quantile(angles, [0.25, 0.5, 0.75]), [22, 45, 68], 0.1
    )
    axes = vectors / angles[:, None]
    np.testing.assert_allclose(axes.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(axes.T @ axes / len(axes), np.eye(3) / 3, atol=0.03)


@pytest.mark.parametrize("vertical_axis", [0, 1, 2])
def test_people_turn_about_the_vertical_alone(vertical_axis, rng):
    windows = rng.normal(size=(400, 6, 12))
    rotation = RotationAboutVertical(40, vertical_axis)
    varied = rotation(windows, (1, 2)).numpy().reshape(400, -1, 3)
    joints = windows.reshape(400, -1, 3)
    np.testing.assert_array_equal(
        varied[..., vertical_axis], joints[..., vertical_axis]
    )
    across, along = (vertical_axis + 1) % 3, (vertical_axis + 2) % 3
    ground, turned = (p[..., across] + 1j * p[..., along] for p in (joints, varied))
    ratio = turned / ground
    np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones(ratio.shape[1]))
    np.testing.assert_allclose(np.abs(ratio), 1)
    degrees = np.degrees(np.angle(ratio[:, 0]))
    assert -40 <= degrees.min() < -35
    assert 35 < degrees.max() <= 40
