import numpy as np

from keras_dcat.recordings import Stream
from keras_dcat.recordings.levels import contrasted, levels


def burst(channels, begin, end, rate=50.0):
    """A sensor that shakes from one time to another, in its first channel only."""
    times = np.arange(0, 20, 1 / rate)
    values = np.zeros((len(times), channels))
    values[:, 0] = np.sin(2 * np.pi * 7 * times) * ((times > begin) & (times < end))
    values[:, 1:] = 0.1 * np.sin(2 * np.pi * 5 * times)[:, None]
    return Stream(values, rate)


def test_the_level_is_high_where_the_sensor_moves():
    found = levels(burst(2, 8.0, 12.0), 50.0, (0.0, 20.0))
    moves = (found.times > 8.5) & (found.times < 11.5)
    rests = (found.times < 7.0) | (found.times > 13.0)
    assert found.values[moves, 1].min() > found.values[rests, 1].max() + 3
    assert np.ptp(found.values[rests & (found.times > 1) & (found.times < 19), 2]) < 0.5


def test_every_part_of_the_channels_has_a_level_of_its_own():
    for channels, columns in ((1, 2), (3, 4), (45, 9)):
        found = levels(burst(channels, 8.0, 12.0), 50.0, (0.0, 20.0))
        assert found.values.shape[1] == columns


def test_what_stays_the_same_stands_out_from_nothing():
    constant = Stream(np.full((500, 2), 3.0), 50.0)
    np.testing.assert_allclose(contrasted(constant, 4.0).values[100:-100], 0, atol=1e-9)
