"""An inertial sensor as the streams that data sets give."""

import numpy as np

from keras_dcat.recordings import Stream


def inertial_streams(values: np.ndarray, rate: float) -> dict[str, Stream]:
    """The two sensors of an inertial unit, and both side by side.

    Args:
        values: array `(time, 6)`: acceleration, then turn rate.
        rate: float. In Hz.

    Returns:
        dict of `Stream`: `accelerometer` `(time, 3)`, `gyroscope` `(time, 3)` and
        `imu` `(time, 6)`, which share the values.
    """
    return {
        "accelerometer": Stream(values[:, :3], rate),
        "gyroscope": Stream(values[:, 3:], rate),
        "imu": Stream(values, rate),
    }
