import io

import ezc3d
import numpy as np
import pytest

from keras_dcat.recordings import read_c3d, read_c3d_analog
from tests.recordings.readers.test_c3d_parameters import c3d, real, texts, words

POINTS = np.random.default_rng(0).normal(size=(5, 3, 4)).astype("float32") * 100
POINTS[..., 3] = 0
NAMES = texts("POINT", "LABELS", "LKNE", "RKNE", "LAngle")
UNITS = texts("POINT", "UNITS", "mm")


def file_of(values=POINTS, *more, **options):
    return io.BytesIO(c3d(values, parameters=[NAMES, UNITS, *more], **options))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file that ezc3d wrote, and what it reads of it."""
    path = str(tmp_path_factory.mktemp("c3d") / "a.c3d")
    rng = np.random.default_rng(1)
    made = ezc3d.c3d()
    made["parameters"]["POINT"]["RATE"]["value"] = [100]
    made["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    made["parameters"]["POINT"]["LABELS"]["value"] = ["LKNE", "RKNE"]
    made["parameters"]["ANALOG"]["RATE"]["value"] = [500]
    made["parameters"]["ANALOG"]["LABELS"]["value"] = ["EMG1", "EMG2"]
    points = rng.normal(size=(4, 2, 30)) * 1000
    points[3] = 1
    points[:3, 1, 4:9] = np.nan
    made["data"]["points"] = points
    made["data"]["analogs"] = rng.normal(size=(1, 2, 150))
    made.write(path)
    return path, ezc3d.c3d(path)


def test_markers_and_channels_are_those_that_ezc3d_reads(written):
    path, peer = written
    stream = read_c3d(path)
    expected = np.moveaxis(peer["data"]["points"][:3], 0, -1).swapaxes(0, 1) / 1000
    np.testing.assert_allclose(stream.values, expected, rtol=1e-6)
    assert np.isnan(stream.values).any()
    assert (stream.rate, stream.span) == (100.0, (0.0, 0.3))
    analog = read_c3d_analog(path, ["EMG2", "EMG1"], start=3.0)
    expected = peer["data"]["analogs"][0, ::-1].T
    np.testing.assert_allclose(analog.values, expected, rtol=1e-6)
    assert (analog.rate, analog.span) == (500.0, (3.0, 3.3))


@pytest.mark.parametrize("processor", [84, 85, 86])
@pytest.mark.parametrize("scale", [-1.0, 0.5])
def test_numbers_of_every_processor_are_read(processor, scale):
    points = np.rint(POINTS)
    stream = read_c3d(file_of(points, processor=processor, scale=scale), ["LKNE"])
    expected = points[:, [0], :3] * max(scale, 0.5 if scale > 0 else 1.0) / 1000
    np.testing.assert_allclose(stream.values, expected, rtol=1e-6)


def test_a_hidden_marker_is_not_a_number_and_a_seen_one_stays():
    points = POINTS.copy()
    points[2, 1, 3] = -1
    values = read_c3d(file_of(points)).values
    hidden = np.isnan(values).all(axis=-1)
    assert np.argwhere(hidden).tolist() == [[2, 1]]
    assert np.isnan(values).sum() == 3


@pytest.mark.parametrize(
    ("unit", "metres"), [("mm", 0.001), ("m", 1), ("cm", 0.01), ("in", 0.0254)]
)
def test_markers_come_in_metres_of_the_files_unit(unit, metres):
    file = io.BytesIO(c3d(POINTS, parameters=[NAMES, texts("POINT", "UNITS", unit)]))
    np.testing.assert_allclose(
        read_c3d(file).values, POINTS[..., :3] * metres, rtol=1e-6
    )


def test_a_file_without_a_unit_is_refused_until_it_is_given():
    content = c3d(POINTS, parameters=[NAMES])
    with pytest.raises(ValueError, match=r"unit=0\.001 for millimetres"):
        read_c3d(io.BytesIO(content))
    stream = read_c3d(io.BytesIO(content), unit=2.0)
    np.testing.assert_allclose(stream.values, POINTS[..., :3] * 2, rtol=1e-6)
    with pytest.raises(ValueError, match=r"unit=0\. Pass 0\.001"):
        read_c3d(io.BytesIO(content), unit=0)


def test_angles_are_left_out_unless_they_are_named_and_keep_their_unit():
    groups = texts("POINT", "TYPE_GROUPS", "TURNS", "TURN_UNITS")
    for group in (
        [texts("POINT", "ANGLES", "LAngle")],
        [groups, texts("POINT", "TURNS", "LAngle")],
    ):
        assert read_c3d(file_of(POINTS, *group)).values.shape == (5, 2, 3)
        both = read_c3d(file_of(POINTS, *group), ["LAngle", "LKNE"]).values
        np.testing.assert_allclose(both[:, 0], POINTS[:, 2, :3], rtol=1e-6)
        np.testing.assert_allclose(both[:, 1], POINTS[:, 0, :3] / 1000, rtol=1e-6)


def test_a_file_that_was_cut_begins_at_its_first_frame():
    analog = np.zeros((5, 6))
    file = file_of(first=201, analog=analog, subframes=3)
    assert read_c3d(file, start=10.0).span == (12.0, 12.05)
    file.seek(0)
    stream = read_c3d_analog(file, start=10.0)
    assert (stream.span, stream.rate, stream.values.shape) == (
        (12.0, 12.05),
        300,
        (15, 2),
    )


def test_analog_numbers_are_moved_and_scaled_as_the_file_says():
    raw = np.arange(20).reshape(5, 4) - 10  # two samples a frame of two channels
    scales = b"".join(real(value, 84) for value in (0.5, 2.0))
    more = [
        ("ANALOG", "SCALE", 4, [2], scales),
        ("ANALOG", "GEN_SCALE", 4, [], real(3.0, 84)),
        words("ANALOG", "OFFSET", 1, 65534),
        texts("ANALOG", "LABELS", "a", "b"),
    ]
    options = {"scale": 1.0, "analog": raw, "subframes": 2}
    found = read_c3d_analog(file_of(POINTS, *more, **options)).values
    expected = (raw.reshape(10, 2) - [1, -2]) * [1.5, 6.0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    unsigned = [
        *more[:2],
        words("ANALOG", "OFFSET", 32768, 0),
        ("ANALOG", "FORMAT", -1, [8], b"UNSIGNED"),
    ]
    found = read_c3d_analog(file_of(POINTS, *unsigned, **options)).values
    expected = (raw.reshape(10, 2) % 65536 - [32768, 0]) * [1.5, 6.0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("read", [read_c3d, read_c3d_analog])
def test_a_file_cut_at_any_byte_is_refused(read):
    content = file_of(analog=np.zeros((5, 1))).getvalue()
    for size in range(0, len(content), 7):
        with pytest.raises(ValueError, match="must be a C3D file"):
            read(io.BytesIO(content[:size]))


def test_what_is_not_in_the_file_is_refused_with_what_is():
    with pytest.raises(ValueError, match=r"'HEAD', not in.*'LKNE'"):
        read_c3d(file_of(), ["HEAD"])
    with pytest.raises(ValueError, match=r"no analog channel"):
        read_c3d_analog(file_of())
    with pytest.raises(ValueError, match=r"'EMG', not in.*'channel 1'"):
        read_c3d_analog(file_of(analog=np.zeros((5, 1))), ["EMG"])
    with pytest.raises(ValueError, match=r"0\.0 frames per second"):
        read_c3d(file_of(rate=0.0))
