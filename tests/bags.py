"""Bags for tests, written by rosbags itself."""

import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_HUMBLE)
STORE1 = get_typestore(Stores.ROS1_NOETIC)


def kind(name, store=STORE):
    return store.types[name]


def header(seconds, store=STORE):
    stamp = kind("builtin_interfaces/msg/Time", store)(
        sec=int(seconds), nanosec=round(seconds % 1 * 1e9)
    )
    made = kind("std_msgs/msg/Header", store)
    more = {"seq": 0} if store is STORE1 else {}
    return made(stamp=stamp, frame_id="body", **more)


def vector(values, store=STORE):
    return kind("geometry_msgs/msg/Vector3", store)(*map(float, values))


def imu(seconds, values, store=STORE):
    made = kind("sensor_msgs/msg/Imu", store)
    return made(
        header=header(seconds, store),
        orientation=kind("geometry_msgs/msg/Quaternion", store)(0.0, 0.0, 0.0, 1.0),
        orientation_covariance=np.zeros(9),
        angular_velocity=vector(values[:3], store),
        angular_velocity_covariance=np.arange(9.0),
        linear_acceleration=vector(values[3:], store),
        linear_acceleration_covariance=np.zeros(9),
    )


def joints(seconds, names, positions, velocities=()):
    return kind("sensor_msgs/msg/JointState")(
        header=header(seconds),
        name=list(names),
        position=np.array(positions, "float64"),
        velocity=np.array(velocities, "float64"),
        effort=np.zeros(0),
    )


def image(seconds, frame, encoding="rgb8", padding=0):
    frame = np.ascontiguousarray(frame)
    height, width = frame.shape[:2]
    rows = frame.reshape(height, -1).view("u1").reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    return kind("sensor_msgs/msg/Image")(
        header=header(seconds),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=int(frame.dtype.byteorder == ">"),
        step=rows.shape[1],
        data=rows.ravel(),
    )


def compressed(seconds, content, form="jpeg"):
    return kind("sensor_msgs/msg/CompressedImage")(
        header=header(seconds), format=form, data=np.frombuffer(content, "u1")
    )


def write2(path, messages, *, storage=StoragePlugin.MCAP, compression=None):
    """A folder of ROS 2 with messages of `(topic, seconds of the log, message)`."""
    writer = Writer2(path, version=9, storage_plugin=storage)
    if compression:
        writer.set_compression(*compression)
    with writer:
        topics = {}
        for topic, seconds, message in messages:
            name = message.__msgtype__
            if topic not in topics:
                topics[topic] = writer.add_connection(topic, name, typestore=STORE)
            content = STORE.serialize_cdr(message, name)
            writer.write(topics[topic], round(seconds * 1e9), content)
    return path


def write1(path, messages, compression=None):
    """A bag of ROS 1."""
    writer = Writer1(path)
    if compression:
        writer.set_compression(compression)
    with writer:
        topics = {}
        for topic, seconds, message in messages:
            name = message.__msgtype__
            if topic not in topics:
                topics[topic] = writer.add_connection(topic, name, typestore=STORE1)
            content = STORE1.serialize_ros1(message, name)
            writer.write(topics[topic], round(seconds * 1e9), content)
    return path
