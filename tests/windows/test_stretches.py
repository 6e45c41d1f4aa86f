import numpy as np
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows, stretches


def recording(who, session, count=100, hole=None):
    times = np.arange(count) / 10
    if hole is not None:
        times[hole:] += 5.0
    stream = Stream(np.zeros((count, 2)), timestamps=times)
    return Recording({"imu": stream}, 0, who, session)


@pytest.mark.parametrize("stride", [0.5, 2.0, 3.0])
def test_windows_of_one_recording_are_on_end(stride):
    own = [recording("a", "one"), recording("a", "two"), recording("b", "two")]
    index = index_windows(own, 2.0, stride, rates={"imu": 10.0})
    count = len(index) // 3
    assert stretches(index).tolist() == [0] * count + [1] * count + [2] * count


def test_a_gap_parts_them():
    index = index_windows(
        [recording("a", "one", hole=50)], 2.0, 1.0, rates={"imu": 10.0}
    )
    found = stretches(index)
    assert sorted(set(found.tolist())) == [0, 1]
    assert (index.times[found == 1] >= 10.0).all()
    assert (index.times[found == 0] < 5.0).all()


def test_windows_that_were_left_out_part_them():
    index = index_windows([recording("a", "one")], 2.0, 1.0, rates={"imu": 10.0})
    rows = np.array([0, 1, 2, 6, 7])
    assert stretches(index.subset(rows)).tolist() == [0, 0, 0, 1, 1]
    assert stretches(index.subset([])).tolist() == []
