import io

import numpy as np
import pytest

from keras_dcat.recordings import read_xdf, read_xdf_markers
from tests.recordings.readers.test_xdf_chunks import header, offset, samples, xdf

TIMES = 1000.0 + np.array([0.0, 0.01, 0.02, 1.0, 1.01])  # a gap, and no jitter taken
ROWS = np.arange(10.0).reshape(5, 2)


def session(*more, late=0.25):
    """An IMU whose computer's clock is late by a quarter of a second, and markers."""
    return io.BytesIO(
        xdf(
            header(1, labels=["x", "y"]),
            header(2, "keys", "Markers", 1, "string", rate=0),
            samples(1, TIMES, ROWS),
            samples(2, [1000.5, 1002.0], [["walk"], ["sit"]], "s"),
            *[offset(1, time, late) for time in (1000.0, 1005.0, 1010.0)],
            *[offset(2, time, 0.0) for time in (1000.0, 1005.0, 1010.0)],
            *more,
        )
    )


@pytest.mark.parametrize("stream", ["imu", "Accelerometer", 1])
def test_a_stream_is_on_the_recorders_clock_and_its_gap_stays(stream):
    found = read_xdf(session(), stream, start=5.0)
    np.testing.assert_allclose(found.times, TIMES + 0.25 + 5.0, atol=1e-6)
    np.testing.assert_array_equal(found.values, ROWS.astype("float32"))
    assert found.values.dtype == np.float32


def test_the_own_clock_is_the_one_of_the_stamps():
    found = read_xdf(session(), "imu", clock="own")
    np.testing.assert_array_equal(found.times, TIMES)


def test_channels_are_chosen_by_label_or_place():
    found = read_xdf(session(), "imu", ["y"])
    np.testing.assert_array_equal(found.values, ROWS[:, 1:])
    np.testing.assert_array_equal(
        read_xdf(session(), "imu", [1, 0]).values, ROWS[:, ::-1]
    )
    with pytest.raises(ValueError, match=r"'z', not in.*'x', 'y'"):
        read_xdf(session(), "imu", ["z"])
    with pytest.raises(
        ValueError, match=r"2 for stream 1.*Give its place, from 0 to 1"
    ):
        read_xdf(session(), "imu", [2])
    with pytest.raises(ValueError, match=r"channels=\[\]"):
        read_xdf(session(), "imu", [])
    bare = io.BytesIO(xdf(header(1), samples(1, [1.0], [[5, 6]])))
    with pytest.raises(ValueError, match=r"'x' for stream 1.*no labels.*from 0 to 1"):
        read_xdf(bare, "imu", "x", clock="own")
    bare.seek(0)
    assert read_xdf(bare, "imu", 1, clock="own").values.tolist() == [[6.0]]


def test_whole_numbers_keep_their_type_and_a_file_may_be_a_path(tmp_path):
    content = xdf(header(1, value="int16"), samples(1, [1.0], [[-7, 300]], "h"))
    (tmp_path / "a.xdf").write_bytes(content)
    found = read_xdf(tmp_path / "a.xdf", "imu", clock="own")
    assert (found.values.dtype, found.values.tolist()) == (np.int16, [[-7, 300]])


def test_markers_hold_until_the_next_on_the_clock_of_the_streams():
    found = read_xdf_markers(session(), "Markers", until=1010.0, start=1.0)
    assert found.class_names == ("sit", "walk")
    np.testing.assert_allclose(found.starts, [1001.5, 1003.0], atol=1e-6)
    np.testing.assert_allclose(found.ends, [1003.0, 1010.0], atol=1e-6)
    assert found.labels.tolist() == [1, 0]


def test_markers_in_pairs_and_markers_that_are_numbers_are_labels():
    texts = [["start walk"], ["stop walk"]]
    keys = header(2, "keys", "Markers", 1, "string", rate=0)
    file = io.BytesIO(xdf(keys, samples(2, [1.0, 3.0], texts, "s")))
    pairs = ("start {}", "stop {}")
    found = read_xdf_markers(file, "keys", pairs=pairs, clock="own")
    assert (found.starts.tolist(), found.ends.tolist()) == ([1.0], [3.0])
    keys = header(2, "keys", "Markers", 2, "float32", rate=0)
    file = io.BytesIO(xdf(keys, samples(2, [1.0, 3.0], [[0, 1], [0, 2]])))
    found = read_xdf_markers(file, "keys", channel=1, until=4, clock="own")
    assert (found.labels.tolist(), found.class_names) == ([1, 2], None)


def test_a_clock_that_was_set_anew_is_refused_until_its_parts_may_be_split():
    before = [offset(1, time, 100.0) for time in np.arange(0.0, 60.0, 5)]
    after = [offset(1, time, 1100.0) for time in np.arange(-900.0, -840.0, 5)]
    times = [*np.arange(0.0, 55.0), *np.arange(-900.0, -845.0)]
    chunks = [header(1, rate=1), samples(1, times, np.zeros((110, 2))), *before, *after]
    with pytest.raises(ValueError, match=r"set anew at 200\.000 s.*resets='split'"):
        read_xdf(io.BytesIO(xdf(*chunks)), "imu")
    found = read_xdf(io.BytesIO(xdf(*chunks)), "imu", resets="split")
    expected = [*np.arange(100.0, 155.0), *np.arange(200.0, 255.0)]
    np.testing.assert_allclose(found.times, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("stream", "options", "message"),
    [
        ("gyro", {}, r"'gyro', which none .*1: 'imu'.*2: 'keys'"),
        (3, {}, r"3, which none"),
        ("keys", {}, r"stream 2.*read_xdf_markers\(path, stream\)"),
        ("imu", {"clock": "mine"}, r"clock='mine'"),
        ("imu", {"resets": "join"}, r"resets='join'"),
    ],
)
def test_what_cannot_be_read_so_is_refused_with_the_remedy(stream, options, message):
    with pytest.raises(ValueError, match=message):
        read_xdf(session(), stream, **options)


def test_two_streams_of_one_type_are_told_apart_by_number():
    file = session(header(3, name="gyro"), samples(3, [1.0], [[5, 6]]))
    with pytest.raises(ValueError, match=r"which 2 of .* have.*1: 'imu'.*3: 'gyro'"):
        read_xdf(file, "Accelerometer")
    file.seek(0)
    assert read_xdf(file, 3, clock="own").values.tolist() == [[5, 6]]


def test_a_stream_without_offsets_or_samples_is_refused():
    alone = xdf(header(1), samples(1, [1.0], [[1, 2]]), header(2, name="empty"))
    with pytest.raises(ValueError, match=r"none for stream 1.*clock='own'"):
        read_xdf(io.BytesIO(alone), "imu")
    with pytest.raises(ValueError, match=r"holds no sample"):
        read_xdf(io.BytesIO(alone), "empty", clock="own")


def test_damage_that_pyxdf_would_skip_is_refused():
    broken = samples(1, [1.0], [[1, 2]])[:-9] + b"\x08" * 9
    marks = header(2, "keys", "Markers", 1, "string")
    texts = samples(2, [1.0, 2.0], [["a"], ["b"]], "s")
    texts = texts.replace(b"\x04\x01\0\0\0a", b"\x05\x01\0\0\0a")
    file = io.BytesIO(xdf(header(1), broken, marks, texts))
    with pytest.raises(ValueError, match=r"must be an XDF file.*corruption"):
        read_xdf_markers(file, "keys", clock="own", until=9)
