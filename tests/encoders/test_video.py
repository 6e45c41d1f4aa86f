import keras
import numpy as np
import pytest
from keras import layers

from keras_dcat.encoders import video, video_of_frames
from tests.encoders import contract


def backbone(top=()):
    return keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Conv2D(8, 3, activation="relu"), *top]
    )


def test_it_is_an_ordinary_model_that_ends_in_attention(rng):
    contract.check(lambda: video((6, 16, 20, 2), 5, "tiny"), rng)
    scaled = {"normalization": layers.Rescaling(1 / 255)}
    contract.check(lambda: video((6, 16, 20, 2), 5, "tiny", **scaled), rng)


def test_it_sees_what_moves(rng):
    windows = rng.normal(size=(2, 5, 16, 16, 3)).astype("float32")
    model = video(windows.shape[1:], 5, "tiny")
    seen = next(each for each in model.layers if isinstance(each, layers.Concatenate))
    moved, change = np.split(keras.Model(model.input, seen.output)(windows), 2, -1)
    mean = windows.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(moved, windows - mean, atol=1e-6)
    np.testing.assert_array_equal(change[:, 0], 0)
    np.testing.assert_allclose(change[:, 1:], np.diff(windows, axis=1), atol=1e-6)
    contract.check(lambda: video((5, 16, 16, 3), 5, "tiny", motion=False), rng)


@pytest.mark.parametrize("motion", [True, False])
def test_what_stands_still_matters_only_without_motion(rng, motion):
    windows = rng.normal(size=(2, 5, 16, 16, 1)).astype("float32")
    model = video(windows.shape[1:], 5, "tiny", motion=motion)
    room = rng.normal(size=(1, 1, 16, 16, 1)).astype("float32")
    logits, elsewhere = (model.predict(w, verbose=0) for w in (windows, windows + room))
    assert np.allclose(logits, elsewhere, atol=1e-4) == motion


@pytest.mark.parametrize("motion", [True, False])
def test_frames_of_padding_are_not_seen(rng, motion):
    scale = layers.Rescaling(0.5, offset=1.0)  # padding is 0 before it, not behind
    contract.check_padding(
        lambda steps, padded: video(
            (steps, 16, 16, 1),
            5,
            "tiny",
            normalization=scale,
            motion=motion,
            padded=padded,
            depth_dropout=0.1,
        ),
        rng,
        steps=8,
    )


def test_frames_of_padding_are_not_seen_by_an_image_model(rng):
    images = backbone()
    whole, short, blind = (
        video_of_frames(images, steps, 5, padded=padded)
        for steps, padded in ((8, True), (4, True), (8, False))
    )
    for model in (short, blind):
        model.set_weights(whole.get_weights())
    windows = rng.normal(size=(3, 8, 16, 16, 3)).astype("float32")
    windows[:, 4:] = 0
    expected = short.predict(windows[:, :4], verbose=0)
    np.testing.assert_allclose(whole.predict(windows, verbose=0), expected, atol=1e-5)
    assert not np.allclose(blind.predict(windows, verbose=0), expected, atol=1e-3)


@pytest.mark.traced
def test_it_learns_and_computes_in_mixed_precision(rng):
    still = video((4, 16, 16, 1), 5, "tiny", motion=False)
    contract.check_it_learns(still, rng)
    contract.check_mixed_precision(lambda: video((4, 16, 16, 1), 5, "tiny"), rng)


def test_its_table_says_what_it_costs():
    contract.check_costs(video, lambda size: video((16, 48, 48, 1), 27, size))


@pytest.mark.parametrize("top", [(), (layers.GlobalAveragePooling2D,)])
def test_an_image_model_sees_every_frame(rng, top):
    def build():
        return video_of_frames(backbone([each() for each in top]), 4, 5)

    contract.check(build, rng)


def test_a_frozen_image_model_is_a_copy_and_another_is_trained(rng):
    images = backbone()
    before = [weights.copy() for weights in images.get_weights()]
    frozen = video_of_frames(images, 4, 5)
    trained = video_of_frames(images, 4, 5, trainable=True)
    assert images.trainable
    assert len(trained.trainable_variables) == len(frozen.trainable_variables) + 2
    windows = rng.normal(size=(8, 4, 16, 16, 3)).astype("float32")
    for model in (frozen, trained):
        for each, value in zip(images.get_weights(), before, strict=True):
            np.testing.assert_array_equal(each, value)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
        model.fit(windows, np.arange(8) % 5, verbose=0)
    assert not np.allclose(images.get_weights()[0], before[0])


def test_videos_and_image_models_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"shape=\(4, 12, 16, 1\).*larger frames"):
        video((4, 12, 16, 1), 5)
    flat = backbone([layers.Reshape((14, 14 * 8))])
    with pytest.raises(ValueError, match=r"\(None, 14, 112\).*include_top=False"):
        video_of_frames(flat, 4, 5)
