import fractions
import io
import pickle

import av
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin

from keras_dcat.recordings import read_rosbag
from tests import bags

VALUES = np.random.default_rng(0).normal(size=(20, 6))
SENT = 1_700_000_000 + np.arange(20) / 50


def imus(store=bags.STORE):
    """Messages that were logged a second after they were sent."""
    rows = zip(SENT, VALUES, strict=True)
    return [("/imu", t + 1, bags.imu(t, row, store)) for t, row in rows]


BAGS = {
    "mcap": lambda path: bags.write2(path / "a", imus()),
    "one.mcap": lambda path: bags.write2(path / "a", imus()) / "a.mcap",
    "sqlite": lambda path: bags.write2(
        path / "a", imus(), storage=StoragePlugin.SQLITE3
    ),
    "ros1": lambda path: bags.write1(path / "a.bag", imus(bags.STORE1)),
}


@pytest.mark.parametrize("name", BAGS)
def test_an_imu_has_six_channels_at_the_times_of_its_headers(tmp_path, name):
    stream = read_rosbag(BAGS[name](tmp_path), "/imu", start=2.0)
    np.testing.assert_array_equal(stream.values, VALUES)
    np.testing.assert_allclose(stream.times, SENT + 2, atol=1e-6)


@pytest.mark.parametrize("mode", ["MESSAGE", "FILE", "STORAGE"])
def test_packed_bags_of_ros_2_are_read(tmp_path, mode):
    storage = StoragePlugin.MCAP if mode == "STORAGE" else StoragePlugin.SQLITE3
    packing = CompressionMode[mode], CompressionFormat.ZSTD
    path = bags.write2(tmp_path / "a", imus(), storage=storage, compression=packing)
    np.testing.assert_array_equal(read_rosbag(path, "/imu").values, VALUES)


@pytest.mark.parametrize("packing", ["BZ2", "LZ4"])
def test_packed_bags_of_ros_1_are_read(tmp_path, packing):
    packing = Writer1.CompressionFormat[packing]
    path = bags.write1(tmp_path / "a.bag", imus(bags.STORE1), packing)
    np.testing.assert_array_equal(read_rosbag(path, "/imu").values, VALUES)


def test_the_time_of_the_log_is_taken_where_it_is_asked_for(tmp_path):
    path = BAGS["mcap"](tmp_path)
    stream = read_rosbag(path, "/imu", "linear_acceleration.y", time="log")
    np.testing.assert_allclose(stream.times, SENT + 1, atol=1e-6)
    np.testing.assert_array_equal(stream.values, VALUES[:, [4]])


def test_headers_that_are_zero_and_messages_without_one_are_refused(tmp_path):
    push = bags.vector([1, 2, 3])
    made = [("/imu", 5 + n, bags.imu(n, VALUES[n])) for n in range(2)]
    path = bags.write2(tmp_path / "a", [*made, ("/push", 5, push)])
    message = r"1 of 2 messages of '/imu'.*one that is zero\. Pass time='log'"
    with pytest.raises(ValueError, match=message):
        read_rosbag(path, "/imu")
    with pytest.raises(ValueError, match=r"one at all\. Pass time='log'"):
        read_rosbag(path, "/push", ["x"])
    assert read_rosbag(path, "/imu", time="log").times.tolist() == [5.0, 6.0]
    assert read_rosbag(path, "/push", "x", time="log").values.tolist() == [[1.0]]


def test_joints_that_change_their_order_keep_their_channels(tmp_path):
    sent = [
        ("/joints", 1, bags.joints(1, ["hip", "knee"], [1, 2], [10, 20])),
        ("/joints", 2, bags.joints(2, ["knee", "hip"], [4, 3], [40, 30])),
        ("/joints", 3, bags.joints(3, ["hand"], [5], [50])),
    ]
    path = bags.write2(tmp_path / "a", sent)
    nan = np.nan
    expected = [[1, 2, nan], [3, 4, nan], [nan, nan, 5]]
    np.testing.assert_array_equal(read_rosbag(path, "/joints").values, expected)
    found = read_rosbag(path, "/joints", ["knee", "velocity.hip"]).values
    np.testing.assert_array_equal(found, [[2, 10], [4, 30], [nan, nan]])


def frames_of(count, shape=(24, 32)):
    ramp = np.linspace(0, 255, shape[1]).astype("u1")
    return [
        np.stack([np.roll(ramp, 3 * n)] * shape[0])[..., None] for n in range(count)
    ]


def test_raw_images_are_a_lazy_video_of_the_right_colours(tmp_path):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (6, 4, 5, 3)).astype("u1")
    sent = [(n, frame) for n, frame in enumerate(frames, start=1)]
    path = bags.write2(
        tmp_path / "a",
        [("/rgb", n // 3, bags.image(n, f, padding=2)) for n, f in sent]
        + [("/bgr", n, bags.image(n, f[..., ::-1], "bgr8")) for n, f in sent],
    )
    for topic in ("/rgb", "/bgr"):
        stream = read_rosbag(path, topic)
        assert (stream.values.shape, stream.values.dtype) == ((6, 4, 5, 3), np.uint8)
        assert stream.times.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        again = pickle.loads(pickle.dumps(stream.values))  # noqa: S301
        for part in (slice(0, 6), slice(1, 2), slice(2, 5), slice(5, 6)):
            np.testing.assert_array_equal(again[part], frames[part])


def test_depth_and_grey_images_are_read(tmp_path):
    depth = np.arange(20, dtype=">u2").reshape(4, 5) * 1000
    grey = np.arange(20, dtype="u1").reshape(4, 5)
    sent = [("/depth", 1, bags.image(1, depth, "16UC1"))]
    sent += [("/grey", 1, bags.image(1, grey, "mono8"))]
    path = bags.write2(tmp_path / "a", sent)
    found = read_rosbag(path, "/depth").values
    assert (found.dtype, found.shape) == (np.uint16, (1, 4, 5, 1))
    np.testing.assert_array_equal(found[0][..., 0], depth)
    np.testing.assert_array_equal(
        read_rosbag(path, "/grey").values[0], grey[..., None].repeat(3, -1)
    )
    with pytest.raises(ValueError, match=r"depth, which is not scaled"):
        read_rosbag(path, "/depth", size=(2, 2))


def packed(frame, codec, pixels):
    """A picture as PyAV packs it."""
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = (
        frame.shape[1],
        frame.shape[0],
        pixels,
    )
    context.time_base = fractions.Fraction(1, 25)
    whole = av.VideoFrame.from_ndarray(frame, format="rgb24")
    packets = [*context.encode(whole.reformat(format=pixels)), *context.encode(None)]
    return bytes(packets[0])


@pytest.mark.parametrize(
    ("codec", "pixels", "tolerance"), [("png", "rgb24", 0), ("mjpeg", "yuvj444p", 12)]
)
def test_compressed_images_are_decoded_and_scaled(tmp_path, codec, pixels, tolerance):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (4, 3, 4, 3)).astype("u1")
    frames = small.repeat(8, axis=1).repeat(8, axis=2)  # blocks that a JPEG can keep
    sent = [
        ("/c", n, bags.compressed(n, packed(frame, codec, pixels)))
        for n, frame in enumerate(frames, start=1)
    ]
    path = bags.write2(tmp_path / "a", sent)
    values = read_rosbag(path, "/c").values
    np.testing.assert_allclose(values[1:3].astype(int), frames[1:3], atol=tolerance)
    assert read_rosbag(path, "/c", size=(12, 16)).values[0].shape == (12, 16, 3)


def test_frames_of_two_sizes_are_refused_until_they_are_scaled(tmp_path):
    sent = [("/c", n, bags.image(n, np.zeros((n, 4, 3), "u1"))) for n in (2, 3)]
    path = bags.write2(tmp_path / "a", sent)
    values = read_rosbag(path, "/c").values
    with pytest.raises(ValueError, match=r"\(3, 4, 3\).*Scale them: size=\(2, 4\)"):
        values[:]
    assert read_rosbag(path, "/c", size=(2, 4)).values[:].shape == (2, 2, 4, 3)


@pytest.mark.parametrize(
    ("topic", "options", "message"),
    [
        ("/gps", {}, r"'/gps', not in.*'/imu' of sensor_msgs/msg/Imu"),
        ("/push", {}, r"fields=None for '/push'.*\['x', 'y', 'z'\]"),
        ("/push", {"fields": ["w"]}, r"'w', with no 'w' in it.*\['x', 'y', 'z'\]"),
        ("/imu", {"fields": []}, r"fields=\[\] for '/imu'.*linear_acceleration\.x"),
        ("/imu", {"time": "sent"}, r"time='sent'\. Choose 'header' or 'log'"),
        ("/odd", {}, r"encoding 'yuv422'"),
        ("/packed", {}, r"of format 'h264'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_remedy(
    tmp_path, topic, options, message
):
    odd = bags.image(1, np.zeros((2, 2), "u1"), "yuv422")
    path = bags.write2(
        tmp_path / "a",
        [
            ("/imu", 1, bags.imu(1, VALUES[0])),
            ("/push", 1, bags.vector([1, 2, 3])),
            ("/odd", 1, odd),
            ("/packed", 1, bags.compressed(1, b"\0\0\0\1abc", "h264")),
        ],
    )
    with pytest.raises(ValueError, match=message):
        read_rosbag(path, topic, **options)


def test_a_folder_whose_files_tell_the_quality_of_service_otherwise_is_read(tmp_path):
    path = BAGS["mcap"](tmp_path)
    text = (path / "metadata.yaml").read_text()
    assert "offered_qos_profiles: []" in text
    durations = "{sec: 0, nsec: 0}"
    profile = (
        "offered_qos_profiles: [{history: 3, depth: 0, reliability: 1, durability: 2, "
        f"deadline: {durations}, lifespan: {durations}, liveliness: 1, "
        f"liveliness_lease_duration: {durations}, "
        "avoid_ros_namespace_conventions: false}]"
    )
    text = text.replace("offered_qos_profiles: []", profile)
    (path / "metadata.yaml").write_text(text)
    with AnyReader([path]) as reader:  # rosbags itself gives none of the messages
        assert len(list(reader.messages())) == 0
    np.testing.assert_array_equal(read_rosbag(path, "/imu").values, VALUES)


def test_bytes_that_are_no_path_are_refused():
    with pytest.raises(ValueError, match=r"given by its path.*Write the bytes"):
        read_rosbag(io.BytesIO(b""), "/imu")


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("a/msg/B': print('ran'), 'c", "float64 x"),
        ("a/msg/B", "string x=\"\"\"'''+print('ran')+'"),
        ("a/msg/B", "float64 x=print('ran')"),
        ("a/msg/B", "float64 x;print('ran')"),
    ],
)
def test_names_and_constants_of_a_bag_are_never_run_as_code(
    tmp_path, capsys, kind, definition
):
    with Writer1(tmp_path / "a.bag") as writer:
        topic = writer.add_connection("/a", kind, msgdef=definition, md5sum="*")
        writer.write(topic, 1, bytes(8))
    with pytest.raises(ValueError, match="must be a ROS bag|fields=None"):
        read_rosbag(tmp_path / "a.bag", "/a")
    assert "ran" not in capsys.readouterr().out
