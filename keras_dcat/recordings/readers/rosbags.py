"""Bags of robots, of ROS 1 and 2: numbers and images of a topic."""

import os
from collections.abc import Sequence

import numpy as np

from keras_dcat.extras import require
from keras_dcat.recordings.readers.bag_fields import (
    Fields,
    default_fields,
    numeric_fields,
)
from keras_dcat.recordings.readers.bag_files import BAG, bag_source, opened
from keras_dcat.recordings.readers.bag_images import (
    IMAGES,
    BagImages,
    decoded,
    messages,
)
from keras_dcat.recordings.readers.opened_files import as_stream, reading, unreadable
from keras_dcat.recordings.stream import Stream


def read_rosbag(
    path: str | os.PathLike,
    topic: str,
    fields: str | Sequence[str] | None = None,
    *,
    time: str = "header",
    size: tuple[int, int] | None = None,
    start: float = 0.0,
) -> Stream:
    """Messages of a topic of a ROS bag: numbers, or images as a video.

    Reads `.bag` files of ROS 1, and folders, `.mcap` and `.db3` files of ROS 2.

    Args:
        path: str or path of a file, or of a folder with `metadata.yaml`.
        topic: str. Name of the topic, such as `"/imu/data"`.
        fields: list of str. Paths of the fields that are the channels, such as
            `"linear_acceleration.x"`; one that is an array or holds numbers stands for
            all of them, and `"data.3"` for a place of an array. Of joints, `"position"`
            is all of them, `"velocity.knee"` or `"knee"` one. None for the angular
            velocity and linear acceleration of an IMU, the positions of joints, and
            images.
        time: str. `"header"` for the moment that the sender gave, or `"log"` for when
            the message was written.
        size: tuple of int `(height, width)`. Images are scaled to it.
        start: float. Seconds at which the file's own clock reads 0, which is 1970 as
            a rule.

    Returns:
        `Stream` with the time of every message. Numbers are in memory, `(time,
        channels)`. Images are lazy, `(time, height, width, 3)` of uint8, red, green,
        blue; or depth `(time, height, width, 1)`, as it is stored.

    Raises:
        FileNotFoundError: if there is nothing at `path`.
        ValueError: if it is no bag or is damaged, if the topic or a field is not in it,
            or if messages have no time in their header.
        ImportError: if rosbags, which reads the bag, is not installed; for compressed
            images, PyAV.

    Example:

    >>> import pathlib, tempfile
    >>> from rosbags.rosbag2 import Writer
    >>> from rosbags.typesys import Stores, get_typestore
    >>> store = get_typestore(Stores.ROS2_HUMBLE)
    >>> kind = "geometry_msgs/msg/Vector3"
    >>> message = store.serialize_cdr(store.types[kind](x=1.0, y=2.0, z=3.0), kind)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Writer(pathlib.Path(folder, "a"), version=9) as bag:
    ...         force = bag.add_connection("/force", kind, typestore=store)
    ...         for second in range(3):
    ...             bag.write(force, second * 10**9, message)
    ...     stream = read_rosbag(f"{folder}/a", "/force", ["x", "z"], time="log")
    >>> stream.values.tolist(), stream.times.tolist()
    ([[1.0, 3.0], [1.0, 3.0], [1.0, 3.0]], [0.0, 1.0, 2.0])
    """
    require("rosbags.highlevel", extra="rosbags")
    if time not in ("header", "log"):
        raise ValueError(
            "`time` must say which of the two times of a message to take. "
            f"Received: time={time!r}. Choose 'header' or 'log'."
        )
    source = bag_source(path)
    with opened(source, is_new=True) as reader:
        kind = _kind(source, reader, topic)
        if kind in IMAGES and fields is None:
            values, times = _images(source, reader, topic, size, time)
        else:
            wanted = [fields] if isinstance(fields, str) else fields
            values, times = _numbers(source, reader, topic, kind, wanted, time)
    return as_stream(source, values, None, start, times)


def _kind(source, reader, topic):
    """The type of the messages of a topic."""
    topics: dict[str, set[str]] = {}
    for each in reader.connections:
        topics.setdefault(each.topic, set()).add(each.msgtype)
    if topic not in topics:
        listed = [f"{name!r} of {', '.join(kinds)}" for name, kinds in topics.items()]
        raise ValueError(
            "A topic must be in the bag. "
            f"Received: {topic!r}, not in {source.name!r}. "
            f"Choose from: {'; '.join(listed[:30]) or 'nothing'}."
        )
    if len(topics[topic]) > 1:
        raise ValueError(
            "Messages of a topic must be of one type. "
            f"Received: {sorted(topics[topic])} under {topic!r} of {source.name!r}. "
            "Split the bag first."
        )
    return next(iter(topics[topic]))


def _numbers(source, reader, topic, kind, fields, time):
    log, stamps = [], []
    fields = default_fields(kind) if fields is None else list(fields)
    columns = Fields(f"{topic!r} of {source.name!r}", kind, fields or [])
    for when, message in messages(source, reader, topic):
        log.append(when)
        if not fields:
            break
        stamps.append(_stamp(message))
        columns.add(message)
    if not log:
        raise unreadable(source, BAG, f"no message under {topic!r}")
    if not fields:
        raise ValueError(
            "It must be said which fields of such messages are the channels. "
            f"Received: fields={fields} for {topic!r}, of type {kind!r}. "
            f"Choose from: {numeric_fields(message)[:40]}."
        )
    return columns.values(), _times(source, topic, stamps, log, time)


def _images(source, reader, topic, size, time):
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ValueError(
            "`size` must be the height and the width of a frame. "
            f"Received: size={size}. Pass two positive ints, such as (112, 112)."
        )
    size = None if size is None else tuple(size)
    log, stamps, first = [], [], None
    for when, message in messages(source, reader, topic):
        log.append(when)
        stamps.append(_stamp(message))
        if first is None:
            with reading(source, BAG):
                first = decoded(message, size)
    if first is None:
        raise unreadable(source, BAG, f"no message under {topic!r}")
    times = _times(source, topic, stamps, log, time)
    log = np.array(log, "int64")
    return BagImages(source, topic, log, first, size is not None), times


def _stamp(message):
    """Nanoseconds of a message's header, or None if it has none."""
    header = getattr(message, "header", None)
    if header is None:
        return None
    return header.stamp.sec * 10**9 + header.stamp.nanosec


def _times(source, topic, stamps, log, time):
    """Seconds of all messages, float64."""
    if time == "log":
        return np.array(log, "float64") / 1e9
    absent = sum(not stamp for stamp in stamps)
    if absent:
        what = "that is zero" if stamps[0] is not None else "at all"
        raise ValueError(
            "Every message must have the time of its header. "
            f"Received: {absent} of {len(stamps)} messages of {topic!r} in "
            f"{source.name!r} without one {what}. "
            "Pass time='log' for when they were written."
        )
    return np.array(stamps, "float64") / 1e9
