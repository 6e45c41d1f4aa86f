import numpy as np
import pytest

from keras_dcat.recordings.readers import bag_images
from tests import bags

PIXELS = np.arange(24, dtype="u1").reshape(2, 4, 3)


@pytest.mark.parametrize(
    ("encoding", "stored"),
    [
        ("rgb8", PIXELS),
        ("bgr8", PIXELS[..., ::-1]),
        ("rgba8", np.pad(PIXELS, ((0, 0), (0, 0), (0, 1)))),
        ("bgra8", np.pad(PIXELS[..., ::-1], ((0, 0), (0, 0), (0, 1)))),
    ],
)
def test_colours_of_every_encoding_are_red_green_blue(encoding, stored):
    message = bags.image(1, stored, encoding, padding=3)
    np.testing.assert_array_equal(bag_images.decoded(message), PIXELS)


def test_an_image_is_scaled_as_pyav_scales_it():
    frame = bag_images.decoded(bags.image(1, np.full((8, 8, 3), 7, "u1")), (2, 4))
    assert (frame.shape, set(frame.ravel().tolist())) == ((2, 4, 3), {7})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 3}, r"24 bytes of 3 × 4 rgb8"),
        ({"step": 11}, r"24 bytes of 2 × 4"),
        ({"height": 0}, r"of 0 × 4"),
        ({"height": 2**31, "width": 2**31}, r"24 bytes of 2147483648"),
        ({"encoding": "16UC1", "is_bigendian": 0, "width": 7}, r"of 2 × 7 16UC1"),
    ],
)
def test_an_image_whose_sizes_lie_is_refused(change, message):
    image = bags.image(1, PIXELS)
    for name, value in change.items():
        setattr(image, name, value)
    with pytest.raises(ValueError, match=message):
        bag_images.decoded(image)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\nabc"])
def test_a_broken_picture_is_refused(content):
    with pytest.raises(Exception, match=r"Invalid data|pictures in|of format|\w"):
        bag_images.decoded(bags.compressed(1, content))
