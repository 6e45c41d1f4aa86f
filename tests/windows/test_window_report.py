import numpy as np
import pandas as pd
import pytest

from keras_dcat.recordings import Recording, Stream
from keras_dcat.windows import index_windows
from keras_dcat.windows.window_report import nearest_distance


@pytest.mark.parametrize("seed", range(5))
def test_pairing_is_what_pandas_merge_asof_finds(seed):
    rng = np.random.default_rng(seed)
    times, wanted = (np.sort(rng.uniform(0, 10, count)) for count in (300, 80))
    merged = pd.merge_asof(
        pd.DataFrame({"wanted": wanted}),
        pd.DataFrame({"time": times}),
        left_on="wanted",
        right_on="time",
        direction="nearest",
    )
    np.testing.assert_allclose(
        nearest_distance(times, wanted), merged["time"] - merged["wanted"], atol=1e-12
    )


def test_one_sample_is_the_nearest_to_everything():
    distance = nearest_distance(np.array([2.0]), np.array([[0.0, 5.0]]))
    assert distance.tolist() == [[2.0, -3.0]]


def test_the_report_knows_how_far_samples_are_apart():
    shifted = {
        "a": Stream(np.zeros((500, 1)), 50.0),
        "b": Stream(np.zeros((250, 1)), 25.0, start=0.013),
    }
    report = index_windows([Recording(shifted, 0, "A")], 2.0, 0.02).report
    # a comes 7 ms after a window's start; b with it, 20 ms before or 20 ms after
    assert report.pairing_error()[2] == pytest.approx(0.027)
    assert set(report.pairing_errors.round(6)) <= {0.007, 0.013, 0.027}


def test_a_drifting_clock_shows_in_the_middle_and_at_the_end_of_a_window():
    times = np.arange(0, 20, 0.5)
    streams = {
        "a": Stream(np.zeros((2000, 1)), 100.0),
        "b": Stream(np.zeros((len(times), 1)), timestamps=times),
    }
    recording = Recording(streams, 0, "A")
    report = index_windows([recording], 2.2, 2.2, rates={"b": 10.0}, max_gap=1.0).report
    assert report.pairing_error()[2] == pytest.approx(0.25, abs=0.06)


def test_it_prints_what_was_kept_and_why_the_rest_was_not():
    streams = {
        "a": Stream(np.zeros((500, 1)), 50.0),
        "b": Stream(np.zeros((250, 1)), 50.0),
    }
    text = str(index_windows([Recording(streams, 0, "A")], 2.0, 1.0).report)
    assert text.splitlines()[0] == "9 windows are possible:"
    assert "4  kept" in text
    assert "5  dropped: stream missing (in 1 of 1 recordings)" in text
    assert "0.0 ms (median), 0.0 ms (99 %), 0.0 ms (worst)" in text
