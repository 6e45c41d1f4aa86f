import numpy as np

from keras_dcat.datasets.inertial import inertial_streams


def test_acceleration_and_turn_rate_are_streams_and_so_are_both():
    values = np.arange(24.0).reshape(4, 6)
    streams = inertial_streams(values, 50.0)
    assert list(streams) == ["accelerometer", "gyroscope", "imu"]
    assert streams["accelerometer"].values[1].tolist() == [6.0, 7.0, 8.0]
    assert streams["gyroscope"].values[1].tolist() == [9.0, 10.0, 11.0]
    assert streams["imu"].values is values
    assert {stream.rate for stream in streams.values()} == {50.0}
    assert np.shares_memory(streams["gyroscope"].values, values)
