import numpy as np
import pytest

from keras_dcat.recordings.readers import bag_fields
from tests import bags


def read(kind, fields, *messages):
    columns = bag_fields.Fields("'/topic' of 'a.bag'", kind, fields)
    for message in messages:
        columns.add(message)
    return columns.values().tolist()


def scan(ranges):
    made = bags.kind("std_msgs/msg/Float32MultiArray")
    layout = bags.kind("std_msgs/msg/MultiArrayLayout")(dim=[], data_offset=0)
    return made(layout=layout, data=np.array(ranges, "float32"))


def test_all_numbers_of_a_message_are_found_by_their_paths():
    message = bags.imu(1, range(6))
    paths = bag_fields.numeric_fields(message)
    assert paths[:2] == ["header.stamp.sec", "header.stamp.nanosec"]
    assert {"orientation.w", "angular_velocity.x", "linear_acceleration.z"} < set(paths)
    assert "header.frame_id" not in paths
    assert len(bag_fields.default_fields("sensor_msgs/msg/Imu")) == 6
    assert bag_fields.default_fields("std_msgs/msg/String") is None


def test_a_message_and_an_array_stand_for_all_their_numbers():
    message = bags.imu(1, range(6))
    fields = ["linear_acceleration", "angular_velocity_covariance.8", "orientation.w"]
    assert read("sensor_msgs/msg/Imu", fields, message) == [[3.0, 4.0, 5.0, 8.0, 1.0]]
    assert read("x", ["data"], scan([1, 2]), scan([3, 4])) == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("fields", "messages", "message"),
    [
        (
            ["data"],
            [scan([1, 2]), scan([1])],
            r"1 numbers in a message, after 2.*places",
        ),
        (["data.5"], [scan([1, 2])], r"no '5' in it.*places 0 to 1"),
        (["data"], [scan(range(5000))], r"'data', which is 5000 of them"),
        (
            ["layout.dim"],
            [scan([1])],
            r"which is list.*\['layout\.data_offset', 'data'\]",
        ),
        (["data"], [scan([])], r"nothing under \['data'\]"),
    ],
)
def test_what_is_no_number_of_all_messages_is_refused(fields, messages, message):
    with pytest.raises(ValueError, match=message):
        read("std_msgs/msg/Float32MultiArray", fields, *messages)


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (bags.joints(1, ["a", "a"], [1, 2]), r"two joints of one name"),
        (bags.joints(1, ["a", "b"], [1]), r"1 of position for 2 joints"),
        (bags.joints(1, ["a"], []), r"nothing under \['position'\]"),
    ],
)
def test_joints_that_do_not_fit_their_names_are_refused(joints, message):
    with pytest.raises(ValueError, match=message):
        read("sensor_msgs/msg/JointState", ["position"], joints)


def test_a_joint_that_never_comes_is_refused():
    with pytest.raises(ValueError, match=r"nothing under \['knee'\]"):
        read("sensor_msgs/msg/JointState", ["knee"], bags.joints(1, ["hip"], [1]))
