import numpy as np
import pytest
import tensorflow as tf

from keras_dcat.windows.augmentation import (
    Compose,
    Crop,
    FrequencyMask,
    Jitter,
    Rotation3D,
    RotationAboutVertical,
    Scaling,
    TimeMask,
    TimeWarp,
)

STRONG = [
    Jitter(0.5),
    Jitter((0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),
    Scaling(0.5),
    Rotation3D(180),
    RotationAboutVertical(90, vertical_axis=2),
    TimeWarp(0.9),
    Crop(0.5),
    TimeMask(0.5),
    FrequencyMask(0.8),
    Compose((TimeWarp(0.5), Jitter(0.1))),
]
WEAK = [
    Jitter(0.0),
    Scaling(0.0),
    Rotation3D(0),
    RotationAboutVertical(0, vertical_axis=0),
    TimeWarp(0.0),
    Crop(1.0),
    TimeMask(0.0, count=3),
    FrequencyMask(0.0),
    Compose((Scaling(0.0), TimeWarp(0.0))),
]


@pytest.mark.parametrize("augmentation", WEAK, ids=str)
def test_without_strength_nothing_changes(augmentation, rng):
    windows = rng.normal(size=(4, 30, 6))
    varied = augmentation(windows, (1, 2)).numpy()
    np.testing.assert_allclose(varied, windows, atol=1e-12)


@pytest.mark.parametrize("augmentation", STRONG, ids=str)
def test_one_seed_gives_one_result_and_each_window_its_own(augmentation, rng):
    window = rng.normal(size=(1, 30, 6)).astype("float32")
    windows = np.repeat(window, 16, axis=0)
    before = windows.copy()
    varied = augmentation(windows, (1, 2)).numpy()
    np.testing.assert_array_equal(windows, before)
    np.testing.assert_array_equal(augmentation(windows, (1, 2)).numpy(), varied)
    assert not np.allclose(augmentation(windows, (2, 1)).numpy(), varied)
    assert len({values.tobytes() for values in varied}) > 4


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("augmentation", STRONG, ids=str)
def test_shape_and_dtype_stay_also_where_the_batch_is_not_known(augmentation, dtype):
    spec = tf.TensorSpec((None, 30, 6), dtype)
    varied = tf.function(augmentation).get_concrete_function(spec, tf.constant([1, 2]))
    assert varied.output_shapes.as_list() == [None, 30, 6]
    assert varied.output_dtypes == dtype


def test_windows_of_images_are_warped_and_masked_as_well(rng):
    video = rng.normal(size=(2, 10, 4, 5, 3))
    varied = Compose((Crop(0.5), TimeMask(0.5), Scaling(0.1)))(video, (1, 2))
    assert varied.shape == video.shape


def test_augmentations_in_a_row_draw_numbers_of_their_own():
    noise = Compose((Jitter(1.0), Jitter(1.0)))(np.zeros((20, 500, 1)), (1, 2))
    assert noise.numpy().std() == pytest.approx(np.sqrt(2), rel=0.03)  # not 2


def test_they_are_applied_in_their_order():
    def plus_one(windows, seed):
        return windows + 1

    def doubled(windows, seed):
        return windows * 2

    windows = np.full((1, 2, 1), 3.0)
    assert Compose((plus_one, doubled))(windows, (1, 2))[0, 0, 0] == 8
    assert Compose((doubled, plus_one))(windows, (1, 2))[0, 0, 0] == 7


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Jitter(-0.1), r"`sd`.*between 0 and inf.*sd=-0\.1.*within"),
        (lambda: Jitter((0.1, np.nan)), r"sd=\(0\.1, nan\)"),
        (lambda: Scaling(np.inf), r"sd=inf"),
        (lambda: Rotation3D(181), r"between 0 and 180.*max_angle=181"),
        (lambda: RotationAboutVertical(-1, 0), r"max_angle=-1"),
        (lambda: RotationAboutVertical(1, 3), r"between 0 and 2.*vertical_axis=3"),
        (lambda: TimeWarp(1.0), r"between 0 and 0\.99.*strength=1\.0"),
        (lambda: Crop(0.0), r"between 0\.01 and 1.*share=0\.0"),
        (lambda: TimeMask(1.5), r"share=1\.5"),
        (lambda: FrequencyMask(0.1, count=0), r"between 1 and 100.*count=0"),
    ],
)
def test_options_out_of_range_are_refused_when_they_are_given(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("augmentation", "windows", "message"),
    [
        (Jitter(1.0), np.zeros((2, 3)), r"shape \(2, 3\), float64.*add an axis"),
        (Crop(0.5), np.zeros((2, 3, 4), int), r"\(2, 3, 4\), int64.*Cast integers"),
        (TimeWarp(0.5), np.zeros((2, 1, 4)), r"two steps.*\(2, 1, 4\).*longer"),
        (Jitter((1.0, 2.0)), np.zeros((2, 3, 1)), r"2 of them for 1 channels.*missing"),
        (Rotation3D(9), np.zeros((2, 3, 4)), r"triplets=None for 4 channels.*Try"),
        (RotationAboutVertical(9, 1), np.zeros((2, 3, 4)), r"for 4 channels"),
        (Rotation3D(9, ((0, 1, 3),)), np.zeros((2, 3, 3)), r"\(0, 1, 3\).*3 channels"),
        (Rotation3D(9, ((0, 1, 1),)), np.zeros((2, 3, 3)), r"share none"),
        (Rotation3D(9, ((0, 1), (2, 3), (4, 5))), np.zeros((2, 3, 6)), r"three chan"),
    ],
    ids=str,
)
def test_windows_that_do_not_fit_are_refused(augmentation, windows, message):
    with pytest.raises(ValueError, match=message):
        augmentation(windows, (1, 2))
