import numpy as np

from keras_dcat.recordings import Stream
from keras_dcat.windows.even import even_samples


def test_windows_start_at_the_sample_nearest_to_their_time(rng):
    streams = [
        Stream(rng.normal(size=(n, 2)), 10.0, start)
        for n, start in [(40, 0.0), (30, 5.0)]
    ]
    times = [np.array([0.0, 1.04]), np.array([5.5])]
    samples, starts = even_samples(streams, times, rate=10.0, steps=10)
    assert starts.tolist() == [0, 10, 45]
    np.testing.assert_array_equal(samples.gather(starts)[2], streams[1].values[5:15])
