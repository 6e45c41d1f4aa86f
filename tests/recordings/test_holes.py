import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings import Stream, filled, read_numpy
from keras_dcat.recordings import holes as module
from keras_dcat.recordings.holes import FilledValues, find_holes


def with_holes(rng, steps=400, channels=3, share=0.4):
    """Values of which runs are missing, in each channel on its own."""
    values = rng.normal(size=(steps, channels))
    is_missing = np.repeat(rng.random((steps // 4, channels)) < share, 4, axis=0)
    return np.where(is_missing, np.nan, values)


def by_pandas(values, times):
    """All holes by straight lines in time; at the ends the nearest value."""
    table = pd.DataFrame(values, index=times)
    return table.interpolate("index", limit_direction="both").to_numpy()


@pytest.mark.parametrize("clock", ["rate", "timestamps"])
def test_holes_are_filled_as_pandas_fills_them_by_time(rng, clock):
    values, times = with_holes(rng), np.arange(400) / 50
    values[0] = values[-1] = 0.0
    if clock == "timestamps":
        times = np.cumsum(rng.uniform(0.001, 0.1, 400))
    own = {"rate": 50.0} if clock == "rate" else {"timestamps": times}
    before = values.copy()
    found = filled(Stream(values, **own), max_gap=1e9).values
    np.testing.assert_allclose(found, by_pandas(values, times), atol=1e-12)
    np.testing.assert_array_equal(values, before)


def test_only_holes_between_values_that_are_near_are_filled(rng):
    values, times = with_holes(rng, share=0.5), np.cumsum(rng.uniform(0.01, 0.1, 400))
    found = filled(Stream(values, timestamps=times), max_gap=0.5).values
    whole = by_pandas(values, times)
    for channel in range(3):
        there = np.flatnonzero(~np.isnan(values[:, channel]))
        for left, right in zip(there[:-1], there[1:], strict=True):
            inside = found[left + 1 : right, channel]
            if times[right] - times[left] <= 0.5:
                expected = whole[left + 1 : right, channel]
                np.testing.assert_allclose(inside, expected, atol=1e-12)
            else:
                assert np.isnan(inside).all()
        assert np.isnan(found[: there[0], channel]).all()
        assert np.isnan(found[there[-1] + 1 :, channel]).all()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_values_keep_their_type_and_their_shape(rng, dtype):
    values = with_holes(rng, 40, 6).astype(dtype).reshape(40, 2, 3)
    found = filled(Stream(values, rate=10.0), max_gap=9.0).values
    assert found.dtype == dtype
    assert found.shape == (40, 2, 3)


@pytest.mark.parametrize(
    "values", [np.ones((9, 2), int), np.ones((9, 2)), np.full((9, 2), np.nan)]
)
def test_a_stream_in_which_nothing_can_be_filled_comes_back(values):
    stream = Stream(values, rate=10.0)
    assert filled(stream, 1.0) is stream


@pytest.mark.parametrize("size", [1, 7, 64])
def test_blocks_in_which_values_are_read_change_nothing(
    rng, size, monkeypatch, tmp_path
):
    values = with_holes(rng, share=0.7)
    values[100:200, 1] = np.nan
    whole = find_holes(Stream(values, rate=10.0), "it")
    np.save(tmp_path / "a.npy", values)
    lazy = read_numpy(tmp_path / "a.npy", rate=10.0)
    monkeypatch.setattr(module, "_VALUES_AT_ONCE", 3 * size)
    parts = find_holes(lazy, "it")
    for name in ("first", "stop", "channel", "before", "after"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    found = filled(lazy, 3.0)
    expected = filled(Stream(values, rate=10.0), 3.0).values
    np.testing.assert_array_equal(found.values, expected)
    assert type(found.values) is np.ndarray


def test_a_slice_of_values_read_lazily_is_a_slice_of_the_whole(rng):
    values = with_holes(rng, share=0.7)
    values[:30], values[390:, 2] = np.nan, np.nan
    times = np.cumsum(rng.uniform(0.001, 0.1, 400))
    holes = find_holes(Stream(values, timestamps=times), "it")
    lazy = FilledValues(values, holes)
    expected = by_pandas(values, times)
    for first, last in [(0, 400), (0, 10), (25, 35), (101, 102), (380, 400), (9, 9)]:
        np.testing.assert_allclose(lazy[first:last], expected[first:last], atol=1e-12)
    np.testing.assert_allclose(lazy[3:99:4], expected[3:99:4], atol=1e-12)


def test_what_is_missing_is_counted_in_the_channel_that_misses_most(rng):
    values = with_holes(rng)
    holes = find_holes(Stream(values, rate=10.0), "it")
    begin = np.arange(0, 380, 13)
    expected = [np.isnan(values[at : at + 20]).sum(axis=0).max() for at in begin]
    assert holes.missing(begin, begin + 20).tolist() == expected


def test_values_that_cannot_be_missing_are_not_read():
    class Decoded(module.LazyValues):
        may_hold_nan = False

        def _read(self, first, last):
            raise AssertionError("read")

    assert find_holes(Stream(Decoded((9, 1), "float32"), rate=1.0), "it") is None


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_values_are_refused_and_may_be_called_missing(value):
    values = np.array([[0.0, 1.0], [np.nan, value], [2.0, 3.0]])
    with pytest.raises(ValueError, match=r"inf in sample 1, channel 1.*np\.isinf"):
        filled(Stream(values, rate=10.0), 1.0)
    stream = Stream(np.where(np.isinf(values), np.nan, values), rate=10.0)
    assert filled(stream, 1.0).values[1].tolist() == [1.0, 2.0]


def test_a_hole_is_filled_between_times_that_rise():
    stream = Stream(np.ones((3, 1)), timestamps=[0.0, 2.0, 1.0])
    with pytest.raises(ValueError, match=r"mend\(stream\)"):
        filled(stream, 1.0)
    with pytest.raises(ValueError, match=r"max_gap=0.*in seconds"):
        filled(Stream(np.ones((3, 1)), rate=1.0), 0)


def test_at_the_ends_nothing_is_made_up_however_long_a_gap_may_be():
    stream = Stream([[np.nan], [1.0], [np.nan], [3.0], [np.nan]], rate=1.0)
    found = filled(stream, max_gap=np.inf).values[:, 0]
    np.testing.assert_array_equal(found, [np.nan, 1.0, 2.0, 3.0, np.nan])
