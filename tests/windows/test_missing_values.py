import numpy as np
import pytest

from keras_dcat.recordings import Stream
from keras_dcat.recordings.holes import FilledValues, find_holes
from keras_dcat.windows.missing_values import filled_values, missing_shares


@pytest.mark.parametrize("rate", [3.0, 10.0, 33.0])
@pytest.mark.parametrize("clocked", [False, True])
def test_a_share_counts_every_sample_that_a_window_lies_between(rng, rate, clocked):
    times = np.arange(300) / 10
    if clocked:
        times = np.sort(rng.uniform(0, 30, 300))
    values = np.where(rng.random((300, 2)) < 0.1, np.nan, 1.0)
    own = {"timestamps": times} if clocked else {"rate": 10.0}
    stream = Stream(values, **own)
    starts = np.arange(1.03, 26, 0.7)
    if not clocked and rate == 10.0:
        starts = starts.round(1)  # cut as it is, from its nearest samples on
    found = missing_shares(stream, find_holes(stream, "it"), starts, 2.0, rate)
    expected = []
    for start in starts:
        moments = start + np.arange(round(2.0 * rate)) / rate
        first = np.flatnonzero(times <= start + 1e-6)[-1]
        last = np.flatnonzero(times >= moments[-1] - 1e-6)[0]
        inside = np.flatnonzero(times < start + 2.0 - 1e-6)[-1]
        some = np.isnan(values[first : max(last, inside) + 1])
        expected.append(some.mean(axis=0).max())
    np.testing.assert_allclose(found, expected)


def test_values_in_memory_are_copied_and_others_stay_where_they_are(tmp_path):
    values = np.array([[0.0], [np.nan], [2.0]])
    np.save(tmp_path / "a.npy", values)
    for kind in ("memory", "map"):
        if kind == "map":
            values = np.load(tmp_path / "a.npy", mmap_mode="r")
        stream = Stream(values, rate=1.0)
        found = filled_values(stream, find_holes(stream, "it"))
        assert isinstance(found, FilledValues if kind == "map" else np.ndarray)
        assert found[0:3][:, 0].tolist() == [0.0, 1.0, 2.0]
        assert np.isnan(values[1, 0])
