import keras
import numpy as np
import pytest

from keras_dcat.datasets.utd_mhad import PARENTS
from keras_dcat.encoders import skeleton
from tests.encoders import contract


@pytest.mark.parametrize(
    "options",
    [{}, {"parents": PARENTS}, {"parents": PARENTS, "padded": True, "key_dim": 8}],
    ids=str,
)
def test_it_is_an_ordinary_model_that_ends_in_attention(rng, options):
    contract.check(lambda: skeleton((32, 60), 5, "tiny", **options), rng)


@pytest.mark.traced
def test_it_learns_and_computes_in_mixed_precision(rng):
    contract.check_it_learns(skeleton((24, 9), 5, "tiny", parents=(0, 0, 1)), rng)
    contract.check_mixed_precision(lambda: skeleton((24, 9), 5, "tiny"), rng)


def test_padding_says_nothing(rng):
    contract.check_padding(
        lambda steps, padded: skeleton(
            (steps, 9), 5, "tiny", parents=(0, 0, 1), padded=padded
        ),
        rng,
    )


def test_its_table_says_what_it_costs():
    contract.check_costs(
        skeleton, lambda size: skeleton((48, 60), 27, size, parents=PARENTS)
    )


def test_every_joint_hangs_on_another_and_all_on_the_hips():
    for joint in range(20):
        for _ in range(20):
            joint = PARENTS[joint]
        assert joint == 3


@pytest.mark.parametrize(
    ("channels", "parents", "message"),
    [
        (61, None, r"61 channels, parents=None.*every joint"),
        (9, (0, 0), r"9 channels, parents=\(0, 0\)"),
        (9, (0, 0, 3), r"parents=\(0, 0, 3\).*from 0"),
    ],
)
def test_joints_that_do_not_fit_are_refused(channels, parents, message):
    with pytest.raises(ValueError, match=message):
        skeleton((24, channels), 5, parents=parents)


def test_bones_and_motion_are_what_the_joints_say(rng):
    model = skeleton((24, 9), 5, "tiny", parents=(0, 0, 1))
    views = next(each for each in model.layers if "concatenate" in each.name)
    windows = rng.normal(size=(2, 24, 9)).astype("float32")
    views = keras.Model(model.inputs, views.output).predict(windows, verbose=0)
    joints = windows.reshape(2, 24, 3, 3)
    bones = (joints - joints[:, :, [0, 0, 1]]).reshape(2, 24, 9)
    np.testing.assert_allclose(views[..., :9], windows)
    np.testing.assert_allclose(views[..., 9:18], bones, atol=1e-6)
    np.testing.assert_allclose(views[:, 1:, 18:27], np.diff(windows, axis=1), atol=1e-6)
    np.testing.assert_allclose(views[:, 1:, 27:], np.diff(bones, axis=1), atol=1e-6)
    assert not views[:, 0, 18:].any()
