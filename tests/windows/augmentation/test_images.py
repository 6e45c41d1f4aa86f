import numpy as np
import pytest
from scipy import ndimage

from keras_dcat.windows.augmentation import Affine


def spot(row, column, size=25):
    """A video of a blurred spot, the second frame half as bright."""
    rows, columns = np.mgrid[:size, :size]
    frame = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8)
    return np.stack([frame, frame / 2]).astype("float32")[None, ..., None]


def centre(frame):
    return np.array(ndimage.center_of_mass(frame[..., 0]))


def test_all_frames_of_a_window_move_alike_and_windows_do_not():
    varied = Affine(30, 0.2, 0.1)(np.repeat(spot(8, 14), 10, axis=0), (0, 1)).numpy()
    np.testing.assert_allclose(varied[:, 0], 2 * varied[:, 1], atol=1e-6)
    places = np.array([centre(video[0]) for video in varied])
    assert np.ptp(places, axis=0).min() > 1


def test_a_turn_is_about_the_middle_and_within_its_angle():
    before = centre(spot(6, 12)[0, 0]) - 12
    videos = np.repeat(spot(6, 12), 200, axis=0)
    turned = Affine(40, 0.0, 0.0)(videos, (0, 1)).numpy()
    after = np.array([centre(video[0]) for video in turned]) - 12
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 6, atol=0.1)
    cosines = after @ before / 36
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    assert 35 < angles.max() < 41.5
    assert 15 < angles.mean() < 25


def test_a_shift_is_a_share_of_the_picture():
    videos = np.repeat(spot(12, 12), 200, axis=0)
    moved = Affine(0.0, 0.0, 0.2)(videos, (0, 1)).numpy()
    lag = np.array([centre(video[0]) for video in moved]) - 12
    assert np.abs(lag).max() <= 0.2 * 25 + 0.1
    assert np.abs(lag).max() > 0.17 * 25


def test_zoom_changes_the_size_and_keeps_the_middle():
    rows, columns = np.mgrid[:25, :25] - 12
    disc = (rows**2 + columns**2 < 36).astype("float32")[None, None, ..., None]
    zoomed = Affine(0.0, 0.3, 0.0)(np.repeat(disc, 100, axis=0), (0, 1)).numpy()
    areas = zoomed.sum(axis=(1, 2, 3, 4)) / disc.sum()
    # Widths by up to e^0.3, heights by up to e^0.45.
    assert np.exp(-0.75) * 0.95 <= areas.min() < 0.7
    assert 1.4 < areas.max() <= np.exp(0.75) * 1.05
    np.testing.assert_allclose([centre(v[0]) for v in zoomed], 12, atol=0.05)


def test_without_strength_nothing_changes(rng):
    videos = rng.normal(size=(3, 4, 10, 12, 2)).astype("float32")
    np.testing.assert_allclose(Affine(0, 0, 0)(videos, (0, 1)), videos, atol=1e-5)


def test_what_is_no_video_is_refused(rng):
    with pytest.raises(ValueError, match=r"\(2, 30, 6\).*Add an axis"):
        Affine()(rng.normal(size=(2, 30, 6)), (0, 1))
